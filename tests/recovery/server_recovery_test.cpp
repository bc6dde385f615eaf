// kill -9 of the real server while real WebRTC clients play on it, again and again; and a crash of each of
// its actors in turn. P1 to P4 and P8 hold, and everybody goes on in place. What would break this: an
// answered action that is lost or doubled, one that is never answered, another body, a body far from where it
// was, items from nowhere, a server that does not start on what the killed one left; an actor that is not
// started again, or takes others with it that it must not; a world that stands still after a crash.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/random.h"
#include "inhabited_server.h"

namespace everframe::recovery {
namespace {

constexpr std::size_t BOTS = 10;
constexpr int KILLS = 5;
constexpr std::size_t CRASHES = 2 + BOTS;  // region, hub, and as many sessions as there are bots
constexpr std::uint64_t SEED = 20'261'126;
constexpr std::chrono::seconds PATIENCE{90};  // a hang ends the test

TEST(ServerRecovery, KilledWhileBotsLiveThereNothingIsLostOrDoubledAndAllGoOnInPlace) {
  RecordProperty("seed", std::to_string(SEED));
  InhabitedServer place(EVERFRAMED, BOTS, SEED);
  Prng dice(SEED);
  bool well = place.settle();
  for (int kill = 0; kill < KILLS && well; ++kill) {
    std::this_thread::sleep_for(std::chrono::milliseconds(dice.between(700, 2'000)));
    place.ask([&] { place.observer.at_kill = place.observer.here; });
    place.server().kill();
    // They must notice before it is back: who is in the world again must have entered again.
    EXPECT_TRUE(place.none_in_world());
    const std::string failure = place.server().start();
    EXPECT_EQ(failure, "");
    well = failure.empty() && place.all_in_world();
  }
  ASSERT_TRUE(well) << "not all came back";
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  place.leave();
  EXPECT_EQ(place.report().all.returns, BOTS * KILLS);
}

struct Crash {
  std::string actor;
  Time at;
};
// As crashing_server/main.cpp writes them.
std::vector<Crash> read_crashes(const std::string& path) {
  std::vector<Crash> crashes;
  std::ifstream file(path);
  std::int64_t at_us = 0;
  for (Crash crash; file >> at_us && file.ignore() && std::getline(file, crash.actor);) {
    crash.at = Time(Duration(at_us));
    crashes.push_back(crash);
  }
  return crashes;
}

TEST(ServerRecovery, WhicheverActorCrashesNothingIsLostOrDoubledAndTheWorldGoesOn) {
  RecordProperty("seed", std::to_string(SEED));
  const std::string log = ::testing::TempDir() + "everframe-crashes-" + std::to_string(getpid());
  InhabitedServer place(CRASHING_SERVER, BOTS, SEED, {"--crashes", log});
  ASSERT_TRUE(place.settle());
  const auto deadline = std::chrono::steady_clock::now() + PATIENCE;
  while (read_crashes(log).size() < CRASHES && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_TRUE(place.all_in_world()) << "not all came back";
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
  place.leave();

  const std::vector<Crash> crashes = read_crashes(log);
  std::filesystem::remove(log);
  ASSERT_GE(crashes.size(), CRASHES);
  const auto crashed = [&](std::string_view name) {
    return std::any_of(crashes.begin(), crashes.end(), [&](const auto& c) { return c.actor == name; });
  };
  EXPECT_TRUE(crashed("region 1"));
  EXPECT_TRUE(crashed("hub"));
  // How long after each crash a player had an action answered that it sent after it: the last of them all.
  for (std::size_t i = 0; i < CRASHES; ++i) {
    const auto stood = place.observer.longest_until_answered(crashes[i].at);
    ASSERT_TRUE(stood.has_value()) << "after the crash of " << crashes[i].actor << " not everybody went on";
    fmt::print("{} crashed: everybody acts again {} ms later\n", crashes[i].actor, stood->count() / 1'000);
  }
}

}  // namespace
}  // namespace everframe::recovery
