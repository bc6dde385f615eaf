// Supervisor: starts actors, and starts them again when they end badly. OTP's words and meaning
// (one_for_one): https://www.erlang.org/doc/system/sup_princ.html. Children start in the order they were
// added and stop in reverse. More than `intensity` restarts within `period` mean that restarting does not
// help: the supervisor escalates. Threads: a supervisor lives on one executor; its children may live on
// others.
#pragma once
#include <deque>
#include <map>
#include <vector>

#include "actor/actor.h"

namespace everframe::actor {

enum class Restart {
  PERMANENT,  // always restarted
  TRANSIENT,  // restarted after a crash only
  TEMPORARY,  // never restarted
};

struct ChildSpec {
  std::string name;
  Restart restart = Restart::PERMANENT;
  platform::Executor& executor;
  std::size_t mailbox_limit = MAILBOX_LIMIT;
};

struct Intensity {
  std::size_t restarts = 5;
  Duration period = 10s;
};

class Supervisor {
 public:
  // `escalate` is called at most once, with the name of the child that could not be kept running.
  Supervisor(platform::Executor& executor, Intensity intensity, Function<void(const std::string&)> escalate);
  ~Supervisor();  // children that are left end too, soon, on their executors, the youngest first

  // On the supervisor's executor. The actor starts on its own executor, soon.
  template <class Message>
  Ref<Message> start_child(ChildSpec spec, typename detail::TypedCell<Message>::Factory factory) {
    auto cell = std::make_shared<detail::TypedCell<Message>>(spec.name, spec.executor, spec.mailbox_limit,
                                                             std::move(factory));
    adopt(spec, cell);
    return Ref<Message>(cell);
  }

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

}  // namespace everframe::actor
