// What would break these: a strategy that restarts too few or too many, a start or stop out of order, a child
// that never stops and holds its supervisor for ever, a temporary child that comes back, an escalation that
// goes nowhere, a call that waits for the dead or past its deadline, a link or monitor that stays silent or
// speaks twice, an actor that loses messages or their order while it moves or before it has started, a report
// that does not name the culprit.
#include <gtest/gtest.h>

#include "actor/agent.h"
#include "platform_sim/virtual_executor.h"

using namespace everframe;
using namespace everframe::actor;
using platform_sim::VirtualExecutor;

namespace {

struct Note {
  int number = 0;
};
struct Ask {
  Reply<int> reply;
  bool keep = false;  // answer never
};
struct Crash {};
struct Quit {};
struct Hang {  // for so long, as the clock sees it
  Duration span;
};
using Message = std::variant<Note, Ask, Crash, Quit, Hang>;

using Log = std::vector<std::string>;

// A clock that an actor can let run, as a long computation does.
class Worker final : public Actor<Message> {
 public:
  Worker(Life life, std::string name, Log& log, Duration farewell)
      : Actor(std::move(life)), name_(std::move(name)), log_(log), farewell_(farewell) {}
  ~Worker() override { log_.push_back("-" + name_); }
  void on_start() override { log_.push_back("+" + name_); }
  void on_shutdown() override {
    if (farewell_ == 0s) return stop();
    after(farewell_, [this] { stop(); });
  }
  void receive(Message message) override {
    if (auto* note = std::get_if<Note>(&message)) log_.push_back(name_ + std::to_string(note->number));
    if (auto* ask = std::get_if<Ask>(&message)) {
      if (ask->keep)
        kept_.push_back(std::move(ask->reply));
      else
        ask->reply(++answers_);
    }
    if (std::holds_alternative<Crash>(message)) throw std::runtime_error("told to");
    if (std::holds_alternative<Quit>(message)) stop();
  }

 private:
  const std::string name_;
  Log& log_;
  const Duration farewell_;
  std::vector<Reply<int>> kept_;
  int answers_ = 0;
};

Ref<Message> add(Supervisor& supervisor, platform::Executor& executor, Log& log, const std::string& name,
                 Restart restart = Restart::PERMANENT, Duration farewell = 0s, Duration shutdown = 5s) {
  ChildSpec spec{name, restart, executor};
  spec.shutdown = shutdown;
  return supervisor.start_child<Message>(std::move(spec), [name, &log, farewell](Life life) {
    return std::make_unique<Worker>(std::move(life), name, log, farewell);
  });
}

struct House {
  explicit House(Strategy strategy = Strategy::ONE_FOR_ONE, Log* shared = nullptr)
      : log(shared != nullptr ? *shared : own),
        supervisor(executor, {3, 1s}, [this](const std::string& name) { escalated = name; }, strategy,
                   {&registry, "root", {}}) {}
  Ref<Message> add(const std::string& name, Restart restart = Restart::PERMANENT, Duration farewell = 0s,
                   Duration shutdown = 5s) {
    return ::add(supervisor, executor, log, name, restart, farewell, shutdown);
  }
  Log since() {
    executor.run_for(20ms);
    return std::exchange(log, {});
  }
  Log own;
  Log& log;  // outlives every executor that an actor may end on
  Registry registry;
  VirtualExecutor executor;
  std::string escalated;
  Supervisor supervisor;
};

TEST(Strategy, OneForOneRestartsTheOneThatEnded) {
  House house;
  house.add("a");
  const auto b = house.add("b");
  house.add("c");
  EXPECT_EQ(house.since(), (Log{"+a", "+b", "+c"}));
  b.cast(Crash{});
  EXPECT_EQ(house.since(), (Log{"-b", "+b"}));
}

TEST(Strategy, OneForAllStopsTheOthersYoungestFirstAndStartsAllInOrder) {
  House house(Strategy::ONE_FOR_ALL);
  house.add("a");
  const auto b = house.add("b");
  house.add("c");
  house.since();
  b.cast(Crash{});
  EXPECT_EQ(house.since(), (Log{"-b", "-c", "-a", "+a", "+b", "+c"}));
  EXPECT_EQ(b.cast(Note{1}), Delivery::DELIVERED);
  EXPECT_EQ(house.since(), (Log{"b1"}));
}

TEST(Strategy, RestForOneRestartsThoseThatWereAddedAfterIt) {
  House house(Strategy::REST_FOR_ONE);
  house.add("a");
  const auto b = house.add("b");
  house.add("c");
  house.add("d");
  house.since();
  b.cast(Crash{});
  EXPECT_EQ(house.since(), (Log{"-b", "-d", "-c", "+b", "+c", "+d"}));
}

TEST(Strategy, TemporaryChildrenOfAGroupEndWithItAndTransientOnesComeBack) {
  House house(Strategy::ONE_FOR_ALL);
  const auto a = house.add("a");
  house.add("t", Restart::TEMPORARY);
  house.add("u", Restart::TRANSIENT);
  house.since();
  a.cast(Crash{});
  EXPECT_EQ(house.since(), (Log{"-a", "-u", "-t", "+a", "+u"}));
  EXPECT_EQ(house.supervisor.census().children, 2U);
}

TEST(Strategy, ASecondCrashWhileAGroupStopsIsPartOfTheSameRestart) {
  House house(Strategy::ONE_FOR_ALL);
  const auto a = house.add("a");
  const auto b = house.add("b");
  house.add("c", Restart::PERMANENT, 10ms);
  house.since();
  a.cast(Crash{});
  house.executor.run_for(5ms);  // c takes its leave
  b.cast(Crash{});
  EXPECT_EQ(house.since(), (Log{"-a", "-b", "-c", "+a", "+b", "+c"}));
  EXPECT_EQ(house.escalated, "");
}

TEST(Stop, GoesYoungestFirstEachAfterTheFarewellOfTheOneBefore) {
  House house;
  house.add("a");
  house.add("b", Restart::PERMANENT, 10ms);
  house.add("c");
  house.since();
  bool stopped = false;
  house.supervisor.stop([&] { stopped = true; });
  house.executor.run_for(5ms);
  EXPECT_EQ(house.log, (Log{"-c"}));
  EXPECT_FALSE(stopped);
  EXPECT_EQ(house.since(), (Log{"-c", "-b", "-a"}));
  EXPECT_TRUE(stopped);
}

TEST(Stop, EndsWhoTakesLongerThanItsSpecAllows) {
  House house;
  house.add("a");
  house.add("slow", Restart::PERMANENT, 10s, 15ms);
  house.since();
  bool stopped = false;
  house.supervisor.stop([&] { stopped = true; });
  house.executor.run_for(10ms);
  EXPECT_FALSE(stopped);
  EXPECT_EQ(house.since(), (Log{"-slow", "-a"}));
  EXPECT_TRUE(stopped);
}

// An executor that never runs anything, as a thread in an endless loop.
class Stuck final : public platform::Executor {
 public:
  void post(Function<void()> work) override { waiting_.push_back(std::move(work)); }
  platform::TimerId after(Duration, Function<void()>) override { return {}; }
  void cancel(platform::TimerId) override {}
  bool is_current() const override { return false; }
  const platform::Clock& clock() const override { return clock_; }

 private:
  std::vector<Function<void()>> waiting_;
  platform_sim::VirtualClock clock_;
};

TEST(Stop, GoesOnWithoutAChildWhoseExecutorHangs) {
  Log log;
  Stuck stuck;
  House house(Strategy::ONE_FOR_ONE, &log);
  house.add("a");
  add(house.supervisor, stuck, house.log, "stuck", Restart::PERMANENT, 0s, 10ms);
  bool stopped = false;
  house.executor.run_for(1ms);
  house.supervisor.stop([&] { stopped = true; });
  house.executor.run_for(100ms);
  EXPECT_FALSE(stopped);
  house.executor.run_for(KILL_MAX);
  EXPECT_TRUE(stopped);
  EXPECT_EQ(house.log, (Log{"+a", "-a"}));
}

TEST(Start, WaitsForAnElderOnAnotherExecutor) {
  Log log;
  VirtualExecutor other;
  House house(Strategy::ONE_FOR_ONE, &log);
  add(house.supervisor, other, house.log, "far");
  house.add("near");
  house.executor.run_for(1ms);
  EXPECT_EQ(house.log, Log{}) << "the elder has not started";
  other.run_for(1ms);
  EXPECT_EQ(house.since(), (Log{"+far", "+near"}));
}

TEST(Start, LosesNothingThatWasSentBefore) {
  Log log;
  VirtualExecutor other;
  House house(Strategy::ONE_FOR_ONE, &log);
  add(house.supervisor, other, house.log, "far");
  const auto near = house.add("near");
  near.cast(Note{1});
  house.executor.run_for(1ms);
  near.cast(Note{2});
  house.executor.run_for(1ms);
  other.run_for(1ms);
  EXPECT_EQ(house.since(), (Log{"+far", "+near", "near1", "near2"}));
  near.cast(Note{3});
  EXPECT_EQ(house.since(), Log{"near3"});
}

TEST(DynamicChildren, EndByNameForGood) {
  House house;
  const auto a = house.add("a");
  house.add("b");
  house.since();
  bool done = false;
  EXPECT_TRUE(house.supervisor.end_child("a", [&] { done = true; }));
  EXPECT_FALSE(house.supervisor.end_child("a", nullptr)) << "it is leaving already";
  EXPECT_EQ(house.since(), (Log{"-a"}));
  EXPECT_TRUE(done);
  EXPECT_EQ(a.cast(Note{}), Delivery::GONE);
  EXPECT_FALSE(house.supervisor.end_child("z", nullptr));
  house.add("a");
  EXPECT_EQ(house.since(), (Log{"+a"}));
}

TEST(Branch, EscalatesToItsOwnSupervisorWhichStartsItAfresh) {
  House house;
  Ref<Message> leaf;
  const Branch::Options options{{2, 1s}, Strategy::ONE_FOR_ONE, {&house.registry, "branch", {}}};
  house.supervisor.start_child<Nothing>({"branch", Restart::PERMANENT, house.executor}, [&](Life life) {
    return std::make_unique<Branch>(std::move(life), options, [&](Supervisor& supervisor) {
      add(supervisor, house.executor, house.log, "elder");
      leaf = add(supervisor, house.executor, house.log, "leaf");
    });
  });
  EXPECT_EQ(house.since(), (Log{"+elder", "+leaf"}));
  for (int i = 0; i < 2; ++i) {
    leaf.cast(Crash{});
    EXPECT_EQ(house.since(), (Log{"-leaf", "+leaf"}));
  }
  leaf.cast(Crash{});
  const Log seen = house.since();
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "+elder"), 1);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "-elder"), 1);
  EXPECT_EQ(seen.back(), "+leaf");
  EXPECT_EQ(house.supervisor.census().crashes, 1U);
  EXPECT_EQ(house.escalated, "");
  bool stopped = false;
  house.supervisor.stop([&] { stopped = true; });
  EXPECT_EQ(house.since(), (Log{"-leaf", "-elder"}));
  EXPECT_TRUE(stopped);
}

// ---- calls ----

struct Caller {
  explicit Caller(VirtualExecutor& on) : executor(on) {}
  void ask(const Ref<Message>& to, bool keep, Duration within = 10ms) {
    spawn(wait(to, keep, within), [](std::exception_ptr error) { EXPECT_EQ(error, nullptr); });
  }
  Task<> wait(Ref<Message> to, bool keep, Duration within) {
    const Answer<int> answer = co_await call<int>(executor, to, within, [keep](Reply<int> reply) {
      return Message(Ask{std::move(reply), keep});
    });
    answers.push_back(answer);
  }
  VirtualExecutor& executor;
  std::vector<Answer<int>> answers;
};

TEST(Call, IsAnswered) {
  House house;
  const auto a = house.add("a");
  Caller caller(house.executor);
  caller.ask(a, false);
  caller.ask(a, false);
  house.executor.run_for(1ms);
  EXPECT_EQ(caller.answers, (std::vector<Answer<int>>{1, 2}));
  house.executor.run_for(1s);
  EXPECT_EQ(caller.answers.size(), 2U) << "the deadlines are over";
}

TEST(Call, EndsAtItsDeadlineAndDoesNotWaitForTheDead) {
  House house;
  const auto a = house.add("a", Restart::TEMPORARY);
  house.since();
  Caller caller(house.executor);
  caller.ask(a, true);
  house.executor.run_for(9ms);
  EXPECT_TRUE(caller.answers.empty());
  house.executor.run_for(2ms);
  ASSERT_EQ(caller.answers.size(), 1U);
  EXPECT_EQ(caller.answers[0], tl::unexpected(CallFailure::TIMEOUT));
  caller.ask(a, true);
  a.cast(Crash{});
  caller.ask(a, false);
  house.executor.run_for(1ms);
  ASSERT_EQ(caller.answers.size(), 3U);
  EXPECT_EQ(caller.answers[1], tl::unexpected(CallFailure::NO_ANSWER)) << "kept, and destroyed in the crash";
  EXPECT_EQ(caller.answers[2], tl::unexpected(CallFailure::NO_ANSWER)) << "it was still in the mailbox";
  caller.ask(a, false);
  house.executor.run_for(1ms);
  EXPECT_EQ(caller.answers.back(), tl::unexpected(CallFailure::GONE));
}

TEST(Call, IsToldAtOnceThatTheMailboxIsFull) {
  House house;
  ChildSpec spec{"small", Restart::PERMANENT, house.executor, 1};
  const auto small = house.supervisor.start_child<Message>(std::move(spec), [&](Life life) {
    return std::make_unique<Worker>(std::move(life), "small", house.log, 0s);
  });
  Caller caller(house.executor);
  small.cast(Note{});
  caller.ask(small, false);
  ASSERT_EQ(caller.answers.size(), 1U);
  EXPECT_EQ(caller.answers[0], tl::unexpected(CallFailure::FULL));
}

TEST(Agent, KeepsAStateBehindGetAndUpdate) {
  House house;
  const auto agent = start_agent(house.supervisor, {"count", Restart::PERMANENT, house.executor}, 40);
  std::vector<int> seen;
  const auto look = [&]() -> Task<> {
    const auto got = co_await agent.get<int>(house.executor, 10ms, [](const int& state) { return state; });
    seen.push_back(got.value());
  };
  agent.update([](int& state) { state += 2; });
  spawn(look(), [](std::exception_ptr error) { EXPECT_EQ(error, nullptr); });
  house.executor.run_for(1ms);
  agent.update([](int&) { throw std::runtime_error("a bad change"); });
  house.executor.run_for(1ms);
  spawn(look(), [](std::exception_ptr error) { EXPECT_EQ(error, nullptr); });
  house.executor.run_for(1ms);
  EXPECT_EQ(seen, (std::vector<int>{42, 40})) << "after a crash it begins again";
}

TEST(Job, RunsOnceOrUntilItSucceeds) {
  House house;
  int runs = 0;
  start_job(house.supervisor, {"job", Restart::TRANSIENT, house.executor},
            [&runs](platform::Executor& executor) -> Task<> {
              co_await executor.sleep(1ms);
              if (++runs < 3) throw std::runtime_error("not yet");
            });
  house.executor.run_for(50ms);
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(house.supervisor.census().children, 0U);
}

// ---- monitors and links ----

class Friend final : public Actor<Ref<Message>> {
 public:
  enum class Tie { MONITOR, DROPPED_MONITOR, LINK };
  Friend(Life life, Tie tie, Log& log) : Actor(std::move(life)), tie_(tie), log_(log) {}
  ~Friend() override { log_.push_back("-friend"); }
  void receive(Ref<Message> other) override {
    if (tie_ == Tie::LINK) return link(other);
    monitor_ = monitor(other, [this](const Ending& ending) { log_.push_back("heard: " + ending.reason); });
    if (tie_ == Tie::DROPPED_MONITOR) monitor_.reset();
  }

 private:
  const Tie tie_;
  Log& log_;
  Monitor monitor_;
};

struct Pair {
  explicit Pair(Friend::Tie tie) {
    other = house.add("a", Restart::TEMPORARY);
    kin = house.supervisor.start_child<Ref<Message>>(
        {"friend", Restart::TEMPORARY, house.executor},
        [this, tie](Life life) { return std::make_unique<Friend>(std::move(life), tie, house.log); });
    house.since();
    kin.cast(other);
    house.since();
  }
  House house;
  Ref<Message> other;
  Ref<Ref<Message>> kin;
};

TEST(Monitor, HearsOfTheEndOnceAndOfOneThatIsOverAtOnce) {
  Pair pair(Friend::Tie::MONITOR);
  pair.other.cast(Crash{});
  EXPECT_EQ(pair.house.since(), (Log{"-a", "heard: told to"}));
  pair.kin.cast(pair.other);
  EXPECT_EQ(pair.house.since(), (Log{"heard: it does not run"}));
  Pair quiet(Friend::Tie::DROPPED_MONITOR);
  quiet.other.cast(Crash{});
  EXPECT_EQ(quiet.house.since(), (Log{"-a"}));
}

TEST(Link, TakesBothAlongInACrashAndNeitherInAGoodEnd) {
  Pair pair(Friend::Tie::LINK);
  pair.other.cast(Crash{});
  const Log both = pair.house.since();
  EXPECT_EQ(std::set<std::string>(both.begin(), both.end()), (std::set<std::string>{"-a", "-friend"}));
  EXPECT_EQ(pair.house.registry.reports().back().ending.reason, "a crashed: told to");
  Pair good(Friend::Tie::LINK);
  good.other.cast(Quit{});
  EXPECT_EQ(good.house.since(), (Log{"-a"}));
}

// ---- moving, budgets, figures ----

class Nomad final : public Actor<int> {
 public:
  Nomad(Life life, std::vector<platform::Executor*> homes, std::vector<int>& seen)
      : Actor(std::move(life)), homes_(std::move(homes)), seen_(seen) {}
  void receive(int number) override {
    seen_.push_back(number);
    if (number % 10 == 0) move_to(*homes_[static_cast<std::size_t>(number / 10) % homes_.size()]);
    if (number == 1) after(5ms, [this] { seen_.push_back(-1); });
  }

 private:
  const std::vector<platform::Executor*> homes_;
  std::vector<int>& seen_;
};

// A VirtualExecutor that knows whether it is the one that runs.
class Room final : public platform::Executor {
 public:
  void post(Function<void()> work) override { inner_.post(std::move(work)); }
  platform::TimerId after(Duration delay, Function<void()> callback) override {
    return inner_.after(delay, std::move(callback));
  }
  void cancel(platform::TimerId timer) override { inner_.cancel(timer); }
  bool is_current() const override { return current_ == this; }
  const platform::Clock& clock() const override { return inner_.clock(); }
  void run_for(Duration span) {
    current_ = this;
    inner_.run_for(span);
    current_ = nullptr;
  }

 private:
  inline static const Room* current_ = nullptr;
  VirtualExecutor inner_;
};

TEST(Strategy, AChildThatCrashesWhileItIsStoppedIsStartedOnce) {
  Log log;
  Room there;
  House house(Strategy::ONE_FOR_ALL, &log);
  const auto a = house.add("a");
  const auto b = add(house.supervisor, there, log, "b");
  const auto run = [&] {
    house.executor.run_for(1ms);
    there.run_for(1ms);
  };
  for (int i = 0; i < 3; ++i) run();
  EXPECT_EQ(std::exchange(log, {}), (Log{"+a", "+b"}));
  b.cast(Crash{});  // its executor has not come to it when it is told to stop
  a.cast(Crash{});
  for (int i = 0; i < 6; ++i) run();
  EXPECT_EQ(std::exchange(log, {}), (Log{"-a", "-b", "+a", "+b"}));
  EXPECT_EQ(house.supervisor.census().crashes, 2U);
  EXPECT_EQ(b.cast(Note{1}), Delivery::DELIVERED);
  run();
  EXPECT_EQ(log, (Log{"b1"}));
}

TEST(Move, KeepsEveryMessageAndTheirOrder) {
  std::vector<int> seen;
  Room there;
  Room here;
  House house;
  std::vector<platform::Executor*> homes{&here, &there};
  const auto nomad = house.supervisor.start_child<int>({"nomad", Restart::PERMANENT, here}, [&](Life life) {
    return std::make_unique<Nomad>(std::move(life), homes, seen);
  });
  const auto run_all = [&] {
    house.executor.run_for(1ms);
    here.run_for(1ms);
    there.run_for(1ms);
  };
  run_all();
  std::vector<int> sent;
  for (int i = 0; i < 100; ++i) {
    sent.push_back(i);
    EXPECT_EQ(nomad.cast(i), Delivery::DELIVERED);
    if (i % 7 == 0) run_all();
  }
  for (int i = 0; i < 50; ++i) run_all();
  EXPECT_EQ(std::count(seen.begin(), seen.end(), -1), 1) << "its timer came along";
  std::erase(seen, -1);
  EXPECT_EQ(seen, sent);
}

class SlowClock final : public platform::Clock {
 public:
  Time now() const override { return now_; }
  WallMs wall() const override { return WallMs{0}; }
  Time now_{};
};
// One whose time passes only while an actor works.
class Paced final : public platform::Executor {
 public:
  void post(Function<void()> work) override { inner_.post(std::move(work)); }
  platform::TimerId after(Duration delay, Function<void()> callback) override {
    return inner_.after(delay, std::move(callback));
  }
  void cancel(platform::TimerId timer) override { inner_.cancel(timer); }
  bool is_current() const override { return true; }
  const platform::Clock& clock() const override { return pace; }
  void run() { inner_.run_for(10ms); }
  SlowClock pace;

 private:
  VirtualExecutor inner_;
};

class Thinker final : public Actor<Message> {
 public:
  Thinker(Life life, Paced& on) : Actor(std::move(life)), on_(on) {}
  void receive(Message message) override {
    if (auto* hang = std::get_if<Hang>(&message)) on_.pace.now_ += hang->span;
  }

 private:
  Paced& on_;
};

TEST(Budget, EndsTheActorThatOverrunsItAndTheReportNamesTheMessages) {
  Paced paced;
  House house;
  ChildSpec spec{"thinker", Restart::PERMANENT, paced};
  spec.message_max = 20ms;
  const auto thinker = house.supervisor.start_child<Message>(
      std::move(spec), [&](Life life) { return std::make_unique<Thinker>(std::move(life), paced); });
  const auto run = [&] {
    paced.run();
    house.executor.run_for(1ms);
    paced.run();
  };
  run();
  thinker.cast(Note{});
  thinker.cast(Hang{19ms});
  run();
  EXPECT_EQ(house.supervisor.census().crashes, 0U);
  thinker.cast(Hang{21ms});
  thinker.cast(Note{});
  run();
  EXPECT_EQ(house.supervisor.census().crashes, 1U);
  const auto reports = house.registry.reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].name, "thinker");
  EXPECT_EQ(reports[0].ending.reason, "a message took 21000 us, it may take 20000");
  EXPECT_EQ(reports[0].ending.last_kinds, "Hang Hang Note");
  EXPECT_EQ(thinker.cast(Note{}), Delivery::DELIVERED);
}

TEST(Figures, NameTheHogAndWhatItsTimeWentInto) {
  Paced paced;
  House house;
  const auto thinker = house.supervisor.start_child<Message>(
      {"thinker", Restart::PERMANENT, paced},
      [&](Life life) { return std::make_unique<Thinker>(std::move(life), paced); });
  paced.run();
  thinker.cast(Hang{60ms});
  paced.run();
  for (int i = 0; i < 160; ++i) thinker.cast(i % 2 == 0 ? Message(Note{}) : Message(Hang{1us}));
  paced.run();
  thinker.cast(Note{});
  thinker.cast(Note{});
  const auto list = house.registry.list();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].name, "root");
  EXPECT_EQ(list[1].name, "thinker");
  EXPECT_EQ(list[1].parent, list[0].id);
  const CellFigures& figures = list[1].figures;
  EXPECT_TRUE(figures.running);
  EXPECT_EQ(figures.starts, 1U);
  EXPECT_EQ(figures.mailbox_length, 2U);
  EXPECT_EQ(figures.long_turns, 1U);
  EXPECT_EQ(figures.longest_turn_us, 60'000U);
  ASSERT_EQ(figures.kinds.size(), 2U);
  EXPECT_EQ(figures.kinds[0].kind, "Note");
  EXPECT_EQ(figures.kinds[0].count, 80U);
  EXPECT_EQ(figures.kinds[1].kind, "Hang");
  EXPECT_EQ(figures.kinds[1].count, 81U);
}

TEST(Registry, FindsTheLivingByNameAndIdAndType) {
  House house;
  const auto a = house.add("a");
  house.since();
  EXPECT_EQ(house.registry.find<Message>("a").cast(Note{7}), Delivery::DELIVERED);
  EXPECT_EQ(house.registry.find<int>("a").cast(7), Delivery::GONE) << "it takes other messages";
  EXPECT_EQ(house.registry.find<Message>("z").cast(Note{}), Delivery::GONE);
  const ActorId id = house.registry.list().back().id;
  EXPECT_EQ(house.registry.find<Message>(id).cast(Note{8}), Delivery::DELIVERED);
  EXPECT_EQ(house.since(), (Log{"a7", "a8"}));
  a.cast(Crash{});
  house.since();
  EXPECT_EQ(house.registry.find<Message>("a").cast(Note{9}), Delivery::DELIVERED) << "over a restart";
  house.supervisor.end_child("a", nullptr);
  house.since();
  EXPECT_EQ(house.registry.find<Message>("a").cast(Note{}), Delivery::GONE);
  EXPECT_EQ(house.registry.list().size(), 1U) << "the supervisor alone";
}

}  // namespace
