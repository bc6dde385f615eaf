// The server as a process: what it refuses at start, how it ends. What would break these: a wrong option that
// is taken, a message without the option, the value and the range, a weaker source that wins over a stronger
// one, a port in use that is not named, a drain that loses what it accepted or does not tell the sessions.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "everframed/configuration.h"
#include "server_process.h"
#include "stranger.h"

namespace everframe::tests {
namespace {

using everframed::Configuration;

std::optional<Configuration> told(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "everframed");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return everframed::read_configuration(static_cast<int>(argv.size()), argv.data()).configuration;
}

class Folder {
 public:
  Folder() {
    path = (std::filesystem::temp_directory_path() / "everframe-process-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST(Configuration, FlagsWinOverTheFileAndTheFileOverTheEnvironment) {
  const Folder folder;
  const std::string file = folder.path + "/everframed.toml";
  std::ofstream(file) << "world-seed = 5\nview-chunks = 3\n";
  setenv("EVERFRAME_WORLD_SEED", "6", 1);
  setenv("EVERFRAME_VIEW_CHUNKS", "7", 1);
  setenv("EVERFRAME_STATE_HZ", "15", 1);
  const auto all = told({"--config", file, "--world-seed", "4"});
  const auto only_environment = told({});
  for (const char* name : {"EVERFRAME_WORLD_SEED", "EVERFRAME_VIEW_CHUNKS", "EVERFRAME_STATE_HZ"})
    unsetenv(name);
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->world_seed, 4U);
  EXPECT_EQ(all->view_chunks, 3U);
  EXPECT_EQ(all->state_hz, 15U);
  ASSERT_TRUE(only_environment.has_value());
  EXPECT_EQ(only_environment->world_seed, 6U);
  const auto defaults = told({});
  ASSERT_TRUE(defaults.has_value());
  EXPECT_EQ(defaults->http.text(), "127.0.0.1:8080");
  EXPECT_EQ(defaults->world_seed, 1U);
}

TEST(Process, AWrongOptionIsRefusedWithItsNameItsValueAndItsRange) {
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> words;
  };
  const std::vector<Case> cases = {
      {{"--state-hz", "500"}, {"--state-hz", "500", "1", "120"}},
      {{"--view-chunks", "0"}, {"--view-chunks", "0", "1", "16"}},
      {{"--sessions-max", "many"}, {"--sessions-max", "many"}},
      {{"--http", "localhost"}, {"--http", "localhost"}},
      {{"--udp", "127.0.0.1:99999"}, {"--udp", "99999"}},
      {{"--store", "sqlite:x"}, {"--store", "sqlite:x", "embedded:DIR"}},
      {{"--public-address", "here"}, {"--public-address", "here"}},
      {{"--log-level", "loud"}, {"--log-level", "loud", "debug"}},
      {{"--no-such-option"}, {"--no-such-option"}},
  };
  for (const Case& each : cases) {
    const Ended ended = run_to_end(EVERFRAMED, each.arguments);
    EXPECT_EQ(ended.status, 2) << each.arguments.front();
    for (const std::string& word : each.words)
      EXPECT_NE(ended.errors.find(word), std::string::npos) << word << " in: " << ended.errors;
  }
}

TEST(Process, ABrokenContentPackIsRefusedWithFileLineAndCause) {
  const Folder folder;
  std::ofstream(folder.path + "/items.toml") << "[[item]]\nkey = \"wood\"\nname = \"Wood\"\nstack_max = -1\n";
  const Ended ended = run_to_end(EVERFRAMED, {"--http", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--store",
                                              "memory:", "--content", folder.path});
  EXPECT_EQ(ended.status, 1);
  for (const char* word : {"items.toml", "4", "stack_max"})
    EXPECT_NE(ended.errors.find(word), std::string::npos) << word << " in: " << ended.errors;
}

TEST(Process, APortInUseIsNamedWithTheVariableToSet) {
  ServerProcess first(EVERFRAMED, {"--store", "memory:"});
  ASSERT_EQ(first.start(), "");
  const std::string http = first.url().substr(std::string("http://").size());
  const Ended ended = run_to_end(EVERFRAMED, {"--http", http, "--udp", "127.0.0.1:0", "--store",
                                              "memory:", "--content", "content/survival"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_NE(ended.errors.find("HTTP=ADDR:PORT"), std::string::npos) << ended.errors;
  EXPECT_NE(ended.errors.find(http), std::string::npos) << ended.errors;
  EXPECT_EQ(http_get(first.url(), "/v1/health").status, 200U);
}

// Changes wait for a turn at a pose table; where nobody moves there are no tables.
TEST(Process, WhatOneDoesIsSeenByAnotherThoughNobodyMoves) {
  ServerProcess server(EVERFRAMED, {"--store", "memory:"});
  ASSERT_EQ(server.start(), "");
  Stranger watcher(server.url());
  ASSERT_TRUE(watcher.enter());
  Stranger actor(server.url());
  ASSERT_TRUE(actor.enter());
  std::this_thread::sleep_for(std::chrono::milliseconds(1'200));  // the tables after the last move are over
  constexpr std::uint64_t DROPS = 2;  // of the two pieces of wood that a new player carries
  for (std::uint64_t seq = 1; seq <= DROPS; ++seq)
    actor.send_event(wire::Action{ActionSeq{seq}, wire::Drop{{ItemType{0}, 1}}});
  const auto piles = [](const Stranger::Heard& heard) {
    std::size_t count = 0;
    for (const wire::ServerEvent& event : heard.events) {
      const auto* changes = std::get_if<wire::ChunkChanges>(&event);
      count += changes != nullptr ? changes->upserts.size() : 0;
    }
    return count;
  };
  EXPECT_TRUE(actor.wait([&](const Stranger::Heard& heard) { return piles(heard) >= DROPS; }));
  EXPECT_TRUE(watcher.wait([&](const Stranger::Heard& heard) { return piles(heard) >= DROPS; }));
  EXPECT_EQ(server.terminate(), 0);
}

TEST(Process, SigtermAnswersWhatWasAcceptedTellsTheSessionsAndClosesTheStore) {
  const Folder folder;
  ServerProcess server(EVERFRAMED, {"--store", "embedded:" + folder.path + "/store"});
  ASSERT_EQ(server.start(), "");
  std::string token;
  EntityId body{};
  {
    Stranger stranger(server.url());
    ASSERT_TRUE(stranger.enter());
    token = stranger.token;
    body = stranger.heard().last<wire::Welcome>()->body;
    constexpr std::uint64_t ACTIONS = 10;
    for (std::uint64_t seq = 1; seq <= ACTIONS; ++seq)
      stranger.send_event(wire::Action{ActionSeq{seq}, wire::Idle{}});
    EXPECT_TRUE(
        stranger.wait([](const Stranger::Heard& heard) { return heard.last<wire::Accepted>() != nullptr; }));
    EXPECT_EQ(server.terminate(), 0);
    EXPECT_TRUE(
        stranger.wait([](const Stranger::Heard& heard) { return heard.last<wire::Goodbye>() != nullptr; }));
    const Stranger::Heard heard = stranger.heard();
    EXPECT_EQ(heard.last<wire::Goodbye>()->reason, wire::GoodbyeReason::DRAINING);
    // Each was accepted and then answered, or turned away: none hangs between.
    const auto* accepted = heard.last<wire::Accepted>();
    const auto* applied = heard.last<wire::Applied>();
    ASSERT_NE(applied, nullptr);
    EXPECT_EQ(accepted->seq, applied->seq);
  }
  ASSERT_EQ(server.start(), "");
  Stranger back(server.url(), token);
  ASSERT_TRUE(back.enter());
  EXPECT_EQ(back.heard().last<wire::Welcome>()->body, body);
  EXPECT_EQ(server.terminate(), 0);
}

}  // namespace
}  // namespace everframe::tests
