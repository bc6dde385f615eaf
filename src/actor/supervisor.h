// Supervisor: starts actors, and starts them again when they end badly. OTP's words and meaning:
// https://www.erlang.org/doc/system/sup_princ.html. Children start in the order they were added, each after
// its elder, and stop in reverse, each before its elder. More than `intensity` restarts within `period` mean
// that restarting does not help: the supervisor escalates. A supervisor within a tree is a Branch.
//
// A child that is to stop gets its spec's `shutdown` to do it in good order (Actor::on_shutdown), then it is
// ended; if even that does not come to pass within KILL_MAX, its executor hangs, and the supervisor goes on
// without it. Threads: a supervisor lives on one executor; its children may live on others.
#pragma once
#include <deque>
#include <map>
#include <vector>

#include "actor/actor.h"
#include "actor/registry.h"

namespace everframe::actor {

enum class Restart : std::uint8_t {
  PERMANENT,  // always restarted
  TRANSIENT,  // restarted after a crash only
  TEMPORARY,  // never restarted
};

// Who is restarted with a child that is to be restarted: nobody else; all; those that were added after it.
enum class Strategy { ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE };

inline constexpr Duration KILL_MAX = 1s;

struct ChildSpec {
  std::string name;
  Restart restart = Restart::PERMANENT;
  platform::Executor& executor;
  std::size_t mailbox_limit = MAILBOX_LIMIT;
  Duration shutdown = 5s;     // how long it may take to stop
  Duration message_max = 0s;  // a message that takes longer ends it as a crash does; 0: none does
};

struct Intensity {
  std::size_t restarts = 5;
  Duration period = 10s;
};

class Supervisor {
 public:
  // `escalate` is called at most once, with the name of the child that could not be kept running. `place`:
  // where its children are listed, if anywhere.
  Supervisor(platform::Executor& executor, Intensity intensity, Function<void(const std::string&)> escalate,
             Strategy strategy = Strategy::ONE_FOR_ONE, Place place = {});
  ~Supervisor();  // children that are left end too, soon, on their executors, the youngest first

  // On the supervisor's executor. The actor starts on its own executor, soon.
  template <class Message>
  Ref<Message> start_child(ChildSpec spec, typename detail::TypedCell<Message>::Factory factory) {
    auto cell = std::make_shared<detail::TypedCell<Message>>(
        std::move(spec.name), spec.executor, spec.mailbox_limit, spec.message_max, std::move(factory));
    adopt(spec, cell);
    return Ref<Message>(cell);
  }

  // Ends the youngest child of that name for good; then calls `done`. False: there is none.
  bool end_child(std::string_view name, Function<void()> done);

  // Ends all children, the youngest first, each before the next; then calls `done`. No child starts
  // afterwards.
  void stop(Function<void()> done);

  struct Census {
    std::size_t children = 0;
    std::uint64_t restarts = 0;
    std::uint64_t crashes = 0;
  };
  Census census() const;  // on the supervisor's executor

 private:
  struct Shared;
  void adopt(const ChildSpec& spec, std::shared_ptr<Cell> cell);
  const std::shared_ptr<Shared> shared_;  // also held by reports under way from other executors
};

// A supervisor as an actor: a child of another one. `grow` starts its children, each time it starts. When
// restarting does not help it crashes, and its own supervisor starts it afresh, children and all.
struct Nothing {};
class Branch final : public Actor<Nothing> {
 public:
  struct Options {
    Intensity intensity;
    Strategy strategy = Strategy::ONE_FOR_ONE;
    Place place;
  };
  Branch(Life life, Options options, Function<void(Supervisor&)> grow);
  void on_start() override { grow_(supervisor_); }
  void receive(Nothing) override {}
  void on_shutdown() override {
    supervisor_.stop([this] { stop(); });
  }

 private:
  const Function<void(Supervisor&)> grow_;
  Supervisor supervisor_;
};

}  // namespace everframe::actor
