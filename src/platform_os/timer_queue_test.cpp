// What would break these: a timer before its time or its elders, one that is cancelled and comes, one that is
// lost when others are taken out of the middle, an id that cancels somebody else's timer.
#include "platform_os/timer_queue.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

using namespace everframe;
using namespace everframe::platform_os;

namespace {

// The same by ordered map.
struct Model {
  std::map<std::pair<Time, int>, platform::TimerId> waiting;
  int last = 0;
};

TEST(TimerQueue, GivesWhatIsDueInOrderWhateverIsCancelledMeanwhile) {
  Prng dice(7);
  TimerQueue queue;
  Model model;
  std::vector<int> fired;
  Time now{};
  std::vector<platform::TimerId> dead;
  for (int step = 0; step < 50'000; ++step) {
    const auto choice = dice.below(10);
    if (choice < 5) {
      const Time due = now + Duration(static_cast<std::int64_t>(dice.below(500)));
      const int number = ++model.last;
      model.waiting.emplace(std::pair(due, number), queue.add(due, [&, number] { fired.push_back(number); }));
    } else if (choice < 8 && !model.waiting.empty()) {
      const auto some = std::next(model.waiting.begin(),
                                  static_cast<std::ptrdiff_t>(dice.below(model.waiting.size()) % 50));
      queue.cancel(some->second);
      dead.push_back(some->second);
      model.waiting.erase(some);
    } else {
      now += Duration(static_cast<std::int64_t>(dice.below(60)));
      std::vector<int> due;
      while (!model.waiting.empty() && model.waiting.begin()->first.first <= now) {
        due.push_back(model.waiting.begin()->first.second);
        dead.push_back(model.waiting.begin()->second);
        model.waiting.erase(model.waiting.begin());
      }
      while (const Function<void()> callback = queue.take_due(now)) callback();
      ASSERT_EQ(std::exchange(fired, {}), due);
    }
    if (!dead.empty()) queue.cancel(dead[dice.below(dead.size())]);  // its place is another's by now
    ASSERT_EQ(queue.first().has_value(), !model.waiting.empty());
    if (queue.first()) {
      ASSERT_EQ(*queue.first(), model.waiting.begin()->first.first);
    }
  }
}

TEST(TimerQueue, LetsGoAtOnceOfWhatACancelledTimerHolds) {
  TimerQueue queue;
  const auto held = std::make_shared<int>(1);
  queue.cancel(queue.add(Time{} + 1h, [held] {}));
  EXPECT_EQ(held.use_count(), 1);
  queue.add(Time{} + 1h, [held] {});
  queue.clear();
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
