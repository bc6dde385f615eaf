#include "actor/supervisor.h"

#include <optional>

#include "base/log.h"
#include "base/planted.h"

namespace everframe::actor {

struct Supervisor::Shared final : Overseer, std::enable_shared_from_this<Shared> {
  enum class State : std::uint8_t { WAITING, RUNNING, STOPPING, DOWN };  // WAITING: for its elder to start
  struct Child {
    std::shared_ptr<Cell> cell;
    Duration shutdown;
    ActorId listed{};
    std::uint32_t starts = 0;
    Restart restart;
    State state = State::WAITING;
    bool leaves = false;  // for good, when it is down
  };
  using Children = std::map<std::uint64_t, Child>;  // by age

  Shared(platform::Executor& on, Intensity limit, Function<void(const std::string&)> up, Strategy how,
         Place at)
      : executor(on), intensity(limit), escalate(std::move(up)), strategy(how), place(std::move(at)) {
    if (place.registry != nullptr) listed = place.registry->add(place.parent, place.name, {});
  }
  ~Shared() override {
    if (place.registry == nullptr) return;
    for (const auto& [id, child] : children) place.registry->remove(child.listed);
    place.registry->remove(listed);
  }

  bool may_start(const Child& child) const;
  void start(Children::iterator child);
  void start_now(Child& child);
  void start_waiting();
  void started();
  void child_ended(std::uint64_t id, std::uint64_t incarnation, const Ending& ending) override;
  void restart(Children::iterator child);
  bool too_many_restarts(const std::string& name);
  void stop(Children::iterator child);
  void deadline_passed(std::uint64_t id, bool killed);
  void forget_deadline(std::uint64_t id);
  void proceed();
  Children::iterator leave(Children::iterator child);

  platform::Executor& executor;
  const Intensity intensity;
  Function<void(const std::string&)> escalate;
  const Strategy strategy;
  const Place place;
  ActorId listed{};
  Children children;
  std::uint64_t last_id = 0;
  std::deque<std::uint64_t> waiting;  // to start, in this order
  platform::Executor* starting_on = nullptr;
  std::size_t starting = 0;              // starts under way on that executor, if it is another than ours
  std::optional<std::uint64_t> regroup;  // the eldest child of those that stop, to start again together
  std::map<std::uint64_t, platform::TimerId> deadlines;  // of children that stop
  std::map<std::uint64_t, Function<void()>> leaving;     // who wants to hear when that child is gone
  std::deque<Time> recent_restarts;
  std::uint64_t restarts = 0;
  std::uint64_t crashes = 0;
  bool stopping = false;
  Function<void()> stopped;
};

Supervisor::Supervisor(platform::Executor& executor, Intensity intensity,
                       Function<void(const std::string&)> escalate, Strategy strategy, Place place)
    : shared_(
          std::make_shared<Shared>(executor, intensity, std::move(escalate), strategy, std::move(place))) {}

// A cell and its actor own each other. What is posted ends the actor when it is run, or when it is destroyed
// unrun because its executor has stopped: nothing of the actor runs any more in either case.
struct Orphan {
  explicit Orphan(std::shared_ptr<Cell> of) : cell(std::move(of)) {}
  ~Orphan() { cell->drop(); }
  const std::shared_ptr<Cell> cell;
};

Supervisor::~Supervisor() {
  for (auto child = shared_->children.rbegin(); child != shared_->children.rend(); ++child) {
    const std::shared_ptr<Cell>& cell = child->second.cell;
    cell->close();
    cell->executor().post([orphan = std::make_unique<Orphan>(cell)] {});
  }
}

void Supervisor::adopt(const ChildSpec& spec, std::shared_ptr<Cell> cell) {
  EF_ASSERT(shared_->executor.is_current());
  EF_ASSERT(!shared_->stopping);
  auto& children = shared_->children;
  const std::uint64_t id = ++shared_->last_id;
  cell->answer_to(shared_, shared_->executor, id);
  Shared::Child child{std::move(cell), spec.shutdown, {}, 0, spec.restart};
  if (Registry* registry = shared_->place.registry; registry != nullptr)
    child.listed = registry->add(shared_->listed, child.cell->name(), child.cell);
  shared_->start(children.emplace_hint(children.end(), id, std::move(child)));
}

// ---- starting: in order, each after its elder; what shares an executor keeps its order there ----

bool Supervisor::Shared::may_start(const Child& child) const {
  return starting == 0 || starting_on == &child.cell->executor();
}

void Supervisor::Shared::start(Children::iterator child) {
  if (waiting.empty() && !regroup && may_start(child->second)) return start_now(child->second);
  waiting.push_back(child->first);
}

void Supervisor::Shared::start_now(Child& child) {
  child.state = State::RUNNING;
  ++child.starts;
  platform::Executor& on = child.cell->executor();
  if (&on == &executor) return on.post([cell = child.cell] { cell->start(); });
  starting_on = &on;
  ++starting;
  on.post([cell = child.cell, self = weak_from_this(), &home = executor] {
    cell->start();
    home.post([self] {
      if (const auto supervisor = self.lock()) supervisor->started();
    });
  });
}

void Supervisor::Shared::start_waiting() {
  while (!waiting.empty() && !stopping) {
    const auto child = children.find(waiting.front());
    const bool wanted = child != children.end() && child->second.state == State::WAITING;
    if (wanted && !may_start(child->second)) return;
    waiting.pop_front();
    if (wanted) start_now(child->second);
  }
}

void Supervisor::Shared::started() {
  if (--starting == 0) start_waiting();
}

// ---- ending ----

void Supervisor::Shared::child_ended(std::uint64_t id, std::uint64_t incarnation, const Ending& ending) {
  const auto found = children.find(id);
  if (found == children.end()) return;
  Child& child = found->second;
  if (ending.crashed) {
    ++crashes;
    log::error("actor {} crashed in {}: {} ({} messages were waiting; the last ones: {})", child.cell->name(),
               ending.last_message, ending.reason, ending.mailbox_length, ending.last_kinds);
    if (place.registry != nullptr) place.registry->report(child.cell->name(), executor.now(), ending);
  }
  // Who is stopped while it crashes is heard of twice.
  if (child.state == State::DOWN || child.starts != incarnation) return;
  const bool meant = std::exchange(child.state, State::DOWN) == State::STOPPING;
  if (meant) forget_deadline(id);
  const bool again =
      child.restart == Restart::PERMANENT || (child.restart == Restart::TRANSIENT && ending.crashed);
  if (!meant && !stopping && again) return restart(found);
  if (stopping || child.leaves || !meant) leave(found);
  proceed();
}

bool Supervisor::Shared::too_many_restarts(const std::string& name) {
  const Time now = executor.now();
  recent_restarts.push_back(now);
  while (recent_restarts.front() < now - intensity.period) recent_restarts.pop_front();
  if (recent_restarts.size() <= intensity.restarts) return false;
  log::error("actor {} ended {} times within {} ms: restarting does not help", name, recent_restarts.size(),
             intensity.period.count() / 1'000);
  return true;
}

void Supervisor::Shared::restart(Children::iterator child) {
  if (too_many_restarts(child->second.cell->name())) {
    if (escalate) std::exchange(escalate, nullptr)(child->second.cell->name());
    return;
  }
  ++restarts;
  if (is_planted(Planted::NO_RESTART)) return;
  if (strategy == Strategy::ONE_FOR_ONE) {
    child->second.state = State::WAITING;
    return start(child);
  }
  const std::uint64_t eldest = strategy == Strategy::ONE_FOR_ALL ? 0 : child->first;
  regroup = std::min(regroup.value_or(eldest), eldest);
  proceed();
}

void Supervisor::Shared::stop(Children::iterator found) {
  Child& child = found->second;
  const std::uint64_t id = found->first;
  child.state = State::STOPPING;
  if (stopping || child.leaves) child.cell->close();
  child.cell->at_home([self = weak_from_this(), &home = executor, id](Cell& cell) {
    if (cell.running()) return cell.shut_down();
    home.post([self, id, life = cell.incarnation()] {  // it had ended already
      if (const auto supervisor = self.lock()) supervisor->child_ended(id, life, {});
    });
  });
  deadlines[id] = executor.after(child.shutdown, [self = weak_from_this(), id] {
    if (const auto supervisor = self.lock()) supervisor->deadline_passed(id, false);
  });
}

void Supervisor::Shared::deadline_passed(std::uint64_t id, bool killed) {
  const auto found = children.find(id);
  if (found == children.end() || found->second.state != State::STOPPING) return;
  Child& child = found->second;
  if (killed) {
    deadlines.erase(id);
    log::error("actor {} cannot be ended: its executor hangs", child.cell->name());
    leave(found);  // it cannot be started again there
    return proceed();
  }
  log::warn("actor {} did not stop within {} ms: it is ended", child.cell->name(),
            child.shutdown.count() / 1'000);
  child.cell->at_home([](Cell& cell) { cell.finish({}); });
  deadlines[id] = executor.after(KILL_MAX, [self = weak_from_this(), id] {
    if (const auto supervisor = self.lock()) supervisor->deadline_passed(id, true);
  });
}

void Supervisor::Shared::forget_deadline(std::uint64_t id) {
  const auto deadline = deadlines.find(id);
  if (deadline == deadlines.end()) return;
  executor.cancel(deadline->second);
  deadlines.erase(deadline);
}

Supervisor::Shared::Children::iterator Supervisor::Shared::leave(Children::iterator child) {
  child->second.cell->close();
  if (place.registry != nullptr) place.registry->remove(child->second.listed);
  const auto told = leaving.find(child->first);
  Function<void()> done;
  if (told != leaving.end()) {
    done = std::move(told->second);
    leaving.erase(told);
  }
  const auto next = children.erase(child);
  if (done) done();
  return next;
}

// Goes on with what stops: the youngest first, each before the next; then what is to start again starts.
void Supervisor::Shared::proceed() {
  if (!stopping && !regroup) return;
  const std::uint64_t eldest = stopping ? 0 : *regroup;
  for (auto child = children.rbegin(); child != children.rend() && child->first >= eldest; ++child) {
    if (child->second.state == State::STOPPING) return;
    if (child->second.state == State::WAITING) child->second.state = State::DOWN;
    if (child->second.state == State::RUNNING) return stop(std::prev(child.base()));
  }
  if (stopping) {
    while (!children.empty()) leave(std::prev(children.end()));
    if (stopped) std::exchange(stopped, nullptr)();
    return;
  }
  regroup.reset();
  for (auto child = children.lower_bound(eldest); child != children.end();) {
    if (child->second.restart == Restart::TEMPORARY) {
      child = leave(child);
      continue;
    }
    child->second.state = State::WAITING;
    waiting.push_back(child->first);
    ++child;
  }
  start_waiting();
}

bool Supervisor::end_child(std::string_view name, Function<void()> done) {
  EF_ASSERT(shared_->executor.is_current());
  auto& children = shared_->children;
  auto child = children.end();
  while (child != children.begin()) {
    --child;
    if (child->second.cell->name() != name || child->second.leaves) continue;
    child->second.leaves = true;
    if (done) shared_->leaving.emplace(child->first, std::move(done));
    const Shared::State state = child->second.state;
    if (state == Shared::State::RUNNING) shared_->stop(child);
    if (state == Shared::State::WAITING || state == Shared::State::DOWN) shared_->leave(child);
    return true;
  }
  return false;
}

void Supervisor::stop(Function<void()> done) {
  EF_ASSERT(shared_->executor.is_current());
  shared_->stopping = true;
  shared_->stopped = std::move(done);
  shared_->proceed();
}

Supervisor::Census Supervisor::census() const {
  return {shared_->children.size(), shared_->restarts, shared_->crashes};
}

Branch::Branch(Life life, Options options, Function<void(Supervisor&)> grow)
    : Actor(std::move(life)),
      grow_(std::move(grow)),
      supervisor_(
          executor(), options.intensity,
          [this](const std::string& child) {
            after(Duration(0), [child] { throw std::runtime_error(child + " cannot be kept running"); });
          },
          options.strategy, std::move(options.place)) {}

}  // namespace everframe::actor
