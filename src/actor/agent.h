// Agent: state behind get and update; no more behaviour than the functions that are sent to it. Job: an actor
// that does one thing and ends (OTP's Task; that name is the coroutine's here).
#pragma once
#include "actor/call.h"
#include "actor/supervisor.h"

namespace everframe::actor {

template <class State>
using Change = Function<void(State&)>;

template <class State>
class Agent final : public Actor<Change<State>> {
 public:
  Agent(Life life, State initial) : Actor<Change<State>>(std::move(life)), state_(std::move(initial)) {}
  void receive(Change<State> change) override { change(state_); }

 private:
  State state_;
};

template <class State>
class AgentRef {
 public:
  AgentRef() = default;
  explicit AgentRef(Ref<Change<State>> agent) : agent_(std::move(agent)) {}
  Delivery update(Change<State> change) const { return agent_.cast(std::move(change)); }
  // co_await agent.get<int>(executor(), 100ms, [](const State& state) { return …; })
  template <class T, class Look>
  auto get(platform::Executor& executor, Duration within, Look look) const {
    return call<T>(executor, agent_, within, [&](Reply<T> reply) {
      return Change<State>([reply = std::move(reply), look = std::move(look)](State& state) mutable {
        reply(look(static_cast<const State&>(state)));
      });
    });
  }

 private:
  Ref<Change<State>> agent_;
};

// After a crash (a change that throws) it begins again with `initial`.
template <class State>
AgentRef<State> start_agent(Supervisor& supervisor, ChildSpec spec, State initial) {
  return AgentRef<State>(supervisor.start_child<Change<State>>(std::move(spec), [initial](Life life) {
    return std::make_unique<Agent<State>>(std::move(life), initial);
  }));
}

// Runs `work` on the spec's executor, then ends. TRANSIENT: again, if it crashes; TEMPORARY: once.
class Job final : public Actor<std::monostate> {
 public:
  using Work = Function<Task<>(platform::Executor&)>;
  Job(Life life, std::shared_ptr<const Work> work) : Actor(std::move(life)), work_(std::move(work)) {}
  void on_start() override { run(do_it()); }
  void receive(std::monostate) override {}

 private:
  Task<> do_it() {
    co_await (*work_)(executor());
    if (!over()) stop();
  }
  const std::shared_ptr<const Work> work_;
};
inline Ref<std::monostate> start_job(Supervisor& supervisor, ChildSpec spec, Job::Work work) {
  return supervisor.start_child<std::monostate>(
      std::move(spec), [work = std::make_shared<const Job::Work>(std::move(work))](Life life) {
        return std::make_unique<Job>(std::move(life), work);
      });
}

}  // namespace everframe::actor
