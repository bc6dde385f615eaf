// What would break these: messages of one sender reordered or lost, a full mailbox that grows, a crash that
// takes others along or is not followed by a restart, a timer or coroutine that touches an actor after its
// end, restarts without end, children stopped in the wrong order, children that outlive their supervisor.
#include <gtest/gtest.h>

#include "actor/supervisor.h"
#include "platform_sim/virtual_executor.h"

using namespace everframe;
using namespace everframe::actor;
using platform_sim::VirtualExecutor;

namespace {

enum class Order { COUNT, CRASH, CRASH_LATER, TICK_LATER, WAIT, WAIT_AND_CRASH, STOP };
struct Message {
  Order order = Order::COUNT;
  int number = 0;
};

struct Seen {
  std::vector<int> numbers;
  std::vector<std::string> lives;
  int ticks = 0;
  int waits_over = 0;
  int destroyed = 0;
};

class Counter final : public Actor<Message> {
 public:
  Counter(Life life, std::string name, Seen& seen)
      : Actor(std::move(life)), name_(std::move(name)), seen_(seen) {}
  ~Counter() override { ++seen_.destroyed; }

  void on_start() override { seen_.lives.push_back("start " + name_); }
  void receive(Message message) override {
    switch (message.order) {
      case Order::COUNT:
        seen_.numbers.push_back(message.number);
        break;
      case Order::CRASH:
        EF_ASSERT(message.order != Order::CRASH);
        break;
      case Order::CRASH_LATER:
        after(5ms, [] { throw std::runtime_error("in a timer"); });
        break;
      case Order::TICK_LATER:
        after(5ms, [this] { ++seen_.ticks; });
        break;
      case Order::WAIT:
        run(wait(false));
        break;
      case Order::WAIT_AND_CRASH:
        run(wait(true));
        break;
      case Order::STOP:
        stop();
        break;
    }
  }

 private:
  Task<> wait(bool crash) {
    co_await executor().sleep(20ms);
    seen_.waits_over += over() ? 100 : 1;
    if (crash) throw std::runtime_error("in a task");
  }
  const std::string name_;
  Seen& seen_;
};

struct House {
  Ref<Message> add(const std::string& name, Restart restart = Restart::PERMANENT,
                   std::size_t limit = MAILBOX_LIMIT) {
    return supervisor.start_child<Message>({name, restart, executor, limit}, [this, name](Life life) {
      return std::make_unique<Counter>(std::move(life), name, seen);
    });
  }
  Seen seen;  // outlives the actors, which the executor may hold to its end
  VirtualExecutor executor;
  std::string escalated;
  Supervisor supervisor{executor, {3, 1s}, [this](const std::string& name) { escalated = name; }};
};

}  // namespace

TEST(Supervisor, ThatGoesTakesItsChildrenWithItWhetherTheirExecutorRunsOnOrNot) {
  for (const bool runs_on : {true, false}) {
    Seen seen;
    VirtualExecutor executor;
    std::optional<Supervisor> supervisor(std::in_place, executor, Intensity{}, nullptr);
    const auto ref = supervisor->start_child<Message>({"a", Restart::PERMANENT, executor}, [&](Life life) {
      return std::make_unique<Counter>(std::move(life), "a", seen);
    });
    executor.run_for(1ms);
    ref.cast({Order::COUNT, 1});
    supervisor.reset();
    EXPECT_EQ(ref.cast({Order::COUNT, 2}), Delivery::GONE);
    if (!runs_on) continue;  // the sanitizer's leak check sees what is left
    executor.run_for(1ms);
    EXPECT_EQ(seen.destroyed, 1);
    EXPECT_TRUE(seen.numbers.empty());
    EXPECT_EQ(seen.lives, std::vector<std::string>{"start a"}) << "not restarted";
  }
}

TEST(Actor, ReceivesInOrderAndMoreThanOneTurn) {
  House house;
  const auto ref = house.add("a");
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(ref.cast({Order::COUNT, i}), Delivery::DELIVERED);
  house.executor.run_for(1ms);
  ASSERT_EQ(house.seen.numbers.size(), 1'000U);
  EXPECT_TRUE(std::is_sorted(house.seen.numbers.begin(), house.seen.numbers.end()));
}

TEST(Actor, RefusesWhatItsMailboxCannotHold) {
  House house;
  const auto ref = house.add("a", Restart::PERMANENT, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ref.cast({}), Delivery::DELIVERED);
  EXPECT_EQ(ref.cast({}), Delivery::FULL);
  house.executor.run_for(1ms);
  EXPECT_EQ(ref.cast({}), Delivery::DELIVERED);
}

// One of these lies in each place that a mailbox keeps, whether it was taken or not.
struct Weighed {
  Weighed() { ++weight; }
  Weighed(Weighed&&) noexcept { ++weight; }
  Weighed& operator=(Weighed&&) = default;
  ~Weighed() { --weight; }
  inline static int weight = 0;
};
class Echo final : public Actor<Weighed> {
 public:
  Echo(Life life, int& left, int& heaviest) : Actor(std::move(life)), left_(left), heaviest_(heaviest) {}
  void receive(Weighed) override {
    heaviest_ = std::max(heaviest_, Weighed::weight);
    if (left_-- > 0) self().cast(Weighed());
  }

 private:
  int& left_;
  int& heaviest_;
};

TEST(Actor, WhoseMailboxIsNeverEmptyKeepsNoMoreThanWaits) {
  int left = 100'000;
  int heaviest = 0;
  VirtualExecutor executor;
  Supervisor supervisor(executor, {}, nullptr);
  const auto echo = supervisor.start_child<Weighed>({"echo", Restart::PERMANENT, executor}, [&](Life life) {
    return std::make_unique<Echo>(std::move(life), left, heaviest);
  });
  for (int i = 0; i < 600; ++i) echo.cast(Weighed());
  executor.run_for(1ms);
  EXPECT_EQ(left, -600) << "all have come";
  EXPECT_LT(heaviest, 4 * 600);
}

TEST(Actor, CrashesAloneAndItsAddressGoesOnWorking) {
  for (const Order crash : {Order::CRASH, Order::CRASH_LATER, Order::WAIT_AND_CRASH}) {
    House house;
    const auto crashing = house.add("a");
    const auto other = house.add("b");
    house.executor.run_for(1ms);
    crashing.cast({crash});
    crashing.cast({Order::TICK_LATER});
    crashing.cast({Order::WAIT});
    house.executor.run_for(30ms);
    EXPECT_EQ(house.supervisor.census().crashes, 1U);
    EXPECT_EQ(house.supervisor.census().restarts, 1U);
    EXPECT_EQ(house.seen.lives, (std::vector<std::string>{"start a", "start b", "start a"}));
    EXPECT_EQ(crashing.cast({Order::COUNT, 1}), Delivery::DELIVERED);
    EXPECT_EQ(other.cast({Order::COUNT, 2}), Delivery::DELIVERED);
    house.executor.run_for(1ms);
    EXPECT_EQ(house.seen.numbers, (std::vector<int>{1, 2}));
    EXPECT_EQ(house.seen.destroyed, 1);
  }
}

TEST(Actor, TimersEndWithItAndTasksAreToldThatItIsOver) {
  House house;
  const auto ref = house.add("a");
  ref.cast({Order::TICK_LATER});
  ref.cast({Order::WAIT});
  house.executor.run_for(1ms);
  ref.cast({Order::CRASH});
  house.executor.run_for(10ms);
  EXPECT_EQ(house.seen.destroyed, 0) << "a task still waits in its memory";
  house.executor.run_for(50ms);
  EXPECT_EQ(house.seen.ticks, 0);
  EXPECT_EQ(house.seen.waits_over, 100);
  EXPECT_EQ(house.seen.destroyed, 1);
}

TEST(Supervisor, FollowsOtpsRestartRules) {
  House house;
  const auto permanent = house.add("permanent", Restart::PERMANENT);
  const auto transient = house.add("transient", Restart::TRANSIENT);
  const auto temporary = house.add("temporary", Restart::TEMPORARY);
  permanent.cast({Order::STOP});
  transient.cast({Order::STOP});
  temporary.cast({Order::CRASH});
  house.executor.run_for(10ms);
  EXPECT_EQ(permanent.cast({}), Delivery::DELIVERED);
  EXPECT_EQ(transient.cast({}), Delivery::GONE);
  EXPECT_EQ(temporary.cast({}), Delivery::GONE);
  EXPECT_EQ(house.supervisor.census().children, 1U);
}

TEST(Supervisor, EscalatesWhenRestartingDoesNotHelp) {
  House house;
  const auto ref = house.add("a");
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(house.escalated, "");
    ref.cast({Order::CRASH});
    house.executor.run_for(10ms);
  }
  EXPECT_EQ(house.escalated, "a");
  EXPECT_EQ(house.supervisor.census().restarts, 3U);
}

TEST(Supervisor, CountsOnlyRecentRestarts) {
  House house;
  const auto ref = house.add("a");
  for (int i = 0; i < 10; ++i) {
    ref.cast({Order::CRASH});
    house.executor.run_for(500ms);
  }
  EXPECT_EQ(house.escalated, "");
}

TEST(Supervisor, StopsTheYoungestFirstAndThenSaysSo) {
  House house;
  const auto a = house.add("a");
  const auto b = house.add("b");
  house.executor.run_for(1ms);
  bool stopped = false;
  house.supervisor.stop([&] { stopped = true; });
  house.executor.run_for(1ms);
  EXPECT_TRUE(stopped);
  EXPECT_EQ(house.seen.destroyed, 2);
  EXPECT_EQ(a.cast({}), Delivery::GONE);
  EXPECT_EQ(b.cast({}), Delivery::GONE);
}
