// The wheel against a plain sorted map. What would break it: a timer that is lost, wakes too late, wakes for
// ever, or wakes so early that waiting would be work.
#include "transport/timer_wheel.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace everframe::transport {
namespace {

struct Sleeper : TimerWheel::Node {
  Time wanted{};
  std::uint64_t woken = 0;
};

TEST(TimerWheel, WakesEveryoneInTimeAndNobodyTooOften) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Prng random(seed);
    TimerWheel wheel;
    std::vector<Sleeper> sleepers(40);
    Time now(std::chrono::hours(24 * random.below(400)));
    const auto sleep = [&](Sleeper& sleeper) {
      sleeper.wanted =
          now + Duration(random.below(2) == 0 ? random.below(400'000) : random.below(100'000'000));
      sleeper.woken = 0;
      wheel.arm(sleeper, sleeper.wanted, now);
    };
    for (Sleeper& sleeper : sleepers) sleep(sleeper);
    std::uint64_t on_time = 0;
    for (int step = 0; step < 2'000; ++step) {
      const auto next = wheel.next();
      ASSERT_TRUE(next);
      for (const Sleeper& sleeper : sleepers) ASSERT_LE(*next, std::max(sleeper.wanted + 1ms, now + 1ms));
      now = std::max(now, random.below(8) == 0 ? *next + Duration(random.below(3'000'000)) : *next);
      while (TimerWheel::Node* const node = wheel.take(now)) {
        auto& sleeper = static_cast<Sleeper&>(*node);
        ASSERT_FALSE(sleeper.armed());
        ASSERT_LE(++sleeper.woken, 8U);
        if (sleeper.wanted <= now) {
          ++on_time;
          sleep(sleeper);
        } else {
          wheel.arm(sleeper, sleeper.wanted, now);
        }
      }
      if (random.below(4) == 0) sleep(sleepers[random.below(sleepers.size())]);  // moved while it waits
    }
    EXPECT_GT(on_time, 300U);
    for (Sleeper& sleeper : sleepers) wheel.cancel(sleeper);
    EXPECT_FALSE(wheel.next());
    EXPECT_EQ(wheel.take(now + std::chrono::hours(1)), nullptr);
  }
}

}  // namespace
}  // namespace everframe::transport
