// What the simulator's proofs stand on: if the virtual world were kinder than it says, every seed would pass.
#include "platform_sim/virtual_world.h"

#include <gtest/gtest.h>

#include <memory>

namespace everframe::platform_sim {

namespace {

// Two processes that post to each other a hundred times; the words of what happened.
std::vector<std::string> play(std::uint64_t seed, std::uint64_t& hash) {
  VirtualWorld world(seed);
  Process one(world, "one");
  Process two(world, "two");
  std::vector<std::string> said;
  Function<void(int)> turn;
  int left = 100;
  turn = [&](int who) {
    said.push_back(fmt::format("{} at {}", who, world.now().time_since_epoch().count()));
    world.note("{}", said.back());
    if (--left > 0) (who == 1 ? two : one).executor("main").post([&turn, who] { turn(3 - who); });
  };
  one.executor("main").post([&] { turn(1); });
  world.run_for(1s);
  hash = world.trace().hash();
  return said;
}

}  // namespace

TEST(VirtualWorld, IsTheSameRunOfTheSameSeedAndAnotherOfAnother) {
  std::uint64_t first = 0;
  std::uint64_t again = 0;
  std::uint64_t other = 0;
  const auto said = play(7, first);
  EXPECT_EQ(said.size(), 100u);
  EXPECT_EQ(said, play(7, again));
  EXPECT_EQ(first, again);
  EXPECT_NE(said, play(8, other));
  EXPECT_NE(first, other);
}

TEST(VirtualWorld, RunsTheWorkOfAnExecutorInOrderAndOfTwoInAny) {
  bool overtaken = false;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    VirtualWorld world(seed);
    Process process(world, "server");
    std::vector<int> a;
    std::vector<int> all;
    for (int i = 0; i < 50; ++i) {
      process.executor("a").post([&, i] { a.push_back(i), all.push_back(2 * i); });
      process.executor("b").post([&, i] { all.push_back(2 * i + 1); });
    }
    world.run_for(1s);
    ASSERT_EQ(all.size(), 100u);
    EXPECT_TRUE(std::is_sorted(a.begin(), a.end()));
    overtaken = overtaken || !std::is_sorted(all.begin(), all.end());
  }
  EXPECT_TRUE(overtaken);
}

TEST(VirtualWorld, MakesABlockingCallLateForItsOwnExecutorAlone) {
  VirtualWorld world(3);
  Process process(world, "server");
  Time slow{};
  Time other{};
  process.executor("slow").post([&] {
    world.spend(50ms);
    process.executor("slow").post([&] { slow = world.now(); });
    process.executor("other").post([&] { other = world.now(); });
  });
  Time meanwhile{};
  process.executor("other").post([&] { meanwhile = world.now(); });
  world.run_for(1s);
  EXPECT_GE(slow.time_since_epoch(), 50ms);
  EXPECT_GE(other.time_since_epoch(), 50ms);  // what it said afterwards
  EXPECT_LT(meanwhile.time_since_epoch(), 10ms);
}

TEST(VirtualWorld, ShowsNothingOfAProcessThatIsStopped) {
  VirtualWorld world(5);
  Process process(world, "server");
  int seen = 0;
  int buried = 0;
  process.executor("main").post([&] {
    process.executor("main").after(10ms, [&] { process.alive() ? ++seen : ++buried; });
    process.executor("main").after(30ms, [&] { process.alive() ? ++seen : ++buried; });
  });
  world.after(20ms, [&] { process.stop(); });
  world.run_for(1s);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(buried, 0);
  Process::bury({&process}, [] {});
  EXPECT_EQ(seen, 1);
}

TEST(VirtualWorld, HoldsAProcessUpAndCancelsTimers) {
  VirtualWorld world(6);
  Process process(world, "server");
  platform::Executor& main = process.executor("main");
  Time woke{};
  bool cancelled_ran = false;
  main.post([&] {
    main.after(10ms, [&] { woke = world.now(); });
    main.cancel(main.after(12ms, [&] { cancelled_ran = true; }));
  });
  world.after(5ms, [&] { process.hold_up(world.now() + 100ms); });
  world.run_for(1s);
  EXPECT_GE(woke.time_since_epoch(), 105ms);
  EXPECT_FALSE(cancelled_ran);
}

namespace {

// Plans another of itself as it goes, `left` times.
struct PlansAsItGoes {
  ~PlansAsItGoes() {
    ++gone;
    if (left > 0)
      world.after(1s, [next = std::shared_ptr<PlansAsItGoes>(new PlansAsItGoes{world, gone, left - 1})] {});
  }
  VirtualWorld& world;
  int& gone;
  const int left;
};

}  // namespace

TEST(VirtualWorld, EndsWithAllThatIsPlannedWhileItEnds) {
  int gone = 0;
  {
    VirtualWorld world(1);
    for (int i = 0; i < 20; ++i)
      world.after(std::chrono::seconds(i),
                  [one = std::shared_ptr<PlansAsItGoes>(new PlansAsItGoes{world, gone, 3})] {});
  }
  EXPECT_EQ(gone, 80);
}

}  // namespace everframe::platform_sim
