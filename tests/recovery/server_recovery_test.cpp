// kill -9 of the real server while real WebRTC clients play on it, again and again: P1 to P4 and P8 hold, and
// everybody goes on in place. What would break this: an answered action that is lost or doubled, one that is
// never answered, another body, a body far from where it was, items from nowhere, a server that does not
// start on what the killed one left.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "bots/crowd.h"
#include "inspect/content_pack.h"
#include "inspect/trace.h"
#include "judge.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"
#include "platform_os/udp_network.h"
#include "server_process.h"

namespace everframe::recovery {
namespace {

constexpr std::size_t BOTS = 10;
constexpr int KILLS = 5;
constexpr std::uint64_t SEED = 20'261'126;
// P7: a stored place is at most 1 s old; 8 m/s, and as much again for a machine that has other work.
constexpr std::int64_t APART_MM_MAX = 16'000;

class Observer final : public bots::Witness {
 public:
  void entered(std::size_t index, const std::string& token, const wire::Welcome& welcome) override {
    Player& player = journal.players[index];
    if (player.entered++ > 0) {
      const bool same =
          player.token == token && player.id == raw(welcome.player) && player.body == raw(welcome.body);
      if (!same) journal.troubles.push_back(fmt::format("bot {} came back as somebody else", index));
      if (raw(welcome.last_seq) > player.sent)
        journal.troubles.push_back(fmt::format("bot {}: last_seq was never sent", index));
      const auto before = at_kill.find(index);
      if (before != at_kill.end() &&
          distance_squared(before->second, welcome.position) > APART_MM_MAX * APART_MM_MAX)
        journal.troubles.push_back(fmt::format("bot {} came back far from where it was", index));
    }
    player.token = token;
    player.id = raw(welcome.player);
    player.body = raw(welcome.body);
  }
  void sent(std::size_t index, ActionSeq seq) override { journal.players[index].sent = raw(seq); }
  void accepted(std::size_t index, ActionSeq seq) override {
    journal.players[index].accepted.insert(raw(seq));
  }
  void answered(std::size_t index, ActionSeq seq, FrameNo frame, std::uint8_t reason) override {
    const Answer answer{raw(frame), reason};
    const auto [first, is_new] = journal.players[index].answers.emplace(raw(seq), answer);
    if (!is_new) ++journal.answers_again;
    if (!(first->second == answer))
      journal.troubles.push_back(fmt::format("bot {}: action {} answered otherwise", index, raw(seq)));
  }
  void walked(std::size_t index, const Vec3& position) override { here[index] = position; }

  Journal journal;
  std::map<std::size_t, Vec3> here;
  std::map<std::size_t, Vec3> at_kill;
};

TEST(ServerRecovery, KilledWhileBotsLiveThereNothingIsLostOrDoubledAndAllGoOnInPlace) {
  RecordProperty("seed", std::to_string(SEED));
  fmt::print("seed {}\n", SEED);
  std::string folder = (std::filesystem::temp_directory_path() / "everframe-kills-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  tests::ServerProcess server(EVERFRAMED, {"--store", "embedded:" + folder, "--trace", folder + ".steps"});
  ASSERT_EQ(server.start(), "");

  Observer observer;
  platform_os::AsioExecutor executor("bots");
  platform_os::UdpNetwork network;
  platform_os::OsEntropy entropy;
  bots::Crowd::Options options;
  options.server = bots::ServerUrl::parse(server.url()).value();
  options.players = BOTS;
  options.seconds = 1'000;
  options.actions_a_second = 10;
  options.silence_max = 1s;
  options.seed = SEED;
  bots::Crowd crowd(executor, network, entropy, options, &observer, [](const std::string&) {});
  executor.post([&] { crowd.start([&] { executor.stop(); }); });
  executor.start();
  const auto ask = [&](auto question) {
    std::promise<std::size_t> answer;
    executor.post([&] { answer.set_value(question()); });
    return answer.get_future().get();
  };
  const auto all_in_world = [&] {
    for (int i = 0; i < 6'000; ++i) {
      if (ask([&] { return crowd.in_world(); }) == BOTS) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  };

  Prng dice(SEED);
  bool well = all_in_world();
  for (int kill = 0; kill < KILLS && well; ++kill) {
    std::this_thread::sleep_for(std::chrono::milliseconds(dice.between(700, 2'000)));
    ask([&] {
      observer.at_kill = observer.here;
      return std::size_t{0};
    });
    server.kill();
    // They must notice before it is back: who is in the world again must have entered again.
    for (int i = 0; i < 3'000 && ask([&] { return crowd.in_world(); }) > 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::string failure = server.start();
    EXPECT_EQ(failure, "");
    well = failure.empty() && all_in_world();
  }
  EXPECT_TRUE(well) << "not all came back";
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  executor.post([&] { crowd.stop(); });
  executor.join();
  const bots::Report& report = crowd.report();
  EXPECT_EQ(server.terminate(), 0);
  EXPECT_EQ(report.all.unanswered, 0U);
  EXPECT_EQ(report.all.protocol_errors, 0U);
  EXPECT_EQ(report.all.contradictions, 0U);
  EXPECT_EQ(report.all.duplicates, 0U);
  EXPECT_EQ(report.all.returns, BOTS * KILLS);

  platform_os::OsDisk disk;
  const auto content = inspect::read_content_pack(disk, "content/survival");
  ASSERT_TRUE(content.has_value()) << content.error().text;
  const Verdict verdict = judge(folder, "main", *content, observer.journal);
  for (const std::string& problem : verdict.problems) ADD_FAILURE() << problem;
  std::ifstream steps(folder + ".steps");
  const auto trace = inspect::check_trace(steps);
  ASSERT_TRUE(trace.has_value()) << trace.error().text;
  EXPECT_EQ(trace->complaint, "") << "the step relation";
  EXPECT_EQ(trace->frames, verdict.frames);
  std::filesystem::remove(folder + ".steps");
  fmt::print("{} kills, {} frames, {} actions in them, {} applied, {} refused, {} returns\n", KILLS,
             verdict.frames, verdict.actions, report.all.applied, report.all.refused, report.all.returns);
  EXPECT_GT(report.all.applied, 100U) << "hardly anything took effect: the test proves little";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace everframe::recovery
