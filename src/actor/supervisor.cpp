#include "actor/supervisor.h"

#include <optional>

#include "base/log.h"

namespace everframe::actor {

struct Supervisor::Shared : std::enable_shared_from_this<Shared> {
  enum class State : std::uint8_t { WAITING, RUNNING, STOPPING, DOWN };  // WAITING: for its elder to start
  struct Child {
    std::shared_ptr<Cell> cell;
    Duration shutdown;
    ActorId listed{};
    platform::TimerId deadline{};
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
  ~Shared() {
    if (place.registry == nullptr) return;
    for (const auto& [id, child] : children) place.registry->remove(child.listed);
    place.registry->remove(listed);
  }

  void start(std::uint64_t id);
  void start_waiting();
  void started();
  void child_ended(std::uint64_t id, const Ending& ending);
  void restart(Children::iterator child);
  bool too_many_restarts(const std::string& name);
  void stop(Children::iterator child);
  void deadline_passed(std::uint64_t id, bool asked);
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
  std::map<std::uint64_t, Function<void()>> leaving;  // who wants to hear when that child is gone
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
  const std::uint64_t id = ++shared_->last_id;
  cell->ended = [shared = std::weak_ptr(shared_), &home = shared_->executor, id](const Ending& ending) {
    home.post([shared, id, ending] {
      if (const auto supervisor = shared.lock()) supervisor->child_ended(id, ending);
    });
  };
  Shared::Child child;
  child.restart = spec.restart;
  child.shutdown = spec.shutdown;
  const Place& place = shared_->place;
  if (place.registry != nullptr) child.listed = place.registry->add(shared_->listed, cell->name(), cell);
  child.cell = std::move(cell);
  shared_->children.emplace(id, std::move(child));
  shared_->start(id);
}

// ---- starting: in order, each after its elder; what shares an executor keeps its order there ----

void Supervisor::Shared::start(std::uint64_t id) {
  waiting.push_back(id);
  if (!regroup) start_waiting();
}

void Supervisor::Shared::start_waiting() {
  while (!waiting.empty() && !stopping) {
    const auto child = children.find(waiting.front());
    if (child == children.end() || child->second.state != State::WAITING) {
      waiting.pop_front();
      continue;
    }
    platform::Executor& on = child->second.cell->executor();
    if (starting > 0 && starting_on != &on) return;
    waiting.pop_front();
    child->second.state = State::RUNNING;
    if (&on == &executor) {
      child->second.cell->at_home([](Cell& cell) { cell.start(); });
      continue;
    }
    starting_on = &on;
    ++starting;
    child->second.cell->at_home([self = weak_from_this(), &home = executor](Cell& cell) {
      cell.start();
      home.post([self] {
        if (const auto supervisor = self.lock()) supervisor->started();
      });
    });
  }
}

void Supervisor::Shared::started() {
  if (--starting == 0) start_waiting();
}

// ---- ending ----

void Supervisor::Shared::child_ended(std::uint64_t id, const Ending& ending) {
  const auto found = children.find(id);
  if (found == children.end() || found->second.state == State::DOWN) return;
  Child& child = found->second;
  const bool meant = child.state == State::STOPPING;
  child.state = State::DOWN;
  executor.cancel(std::exchange(child.deadline, platform::TimerId{}));
  if (ending.crashed) {
    ++crashes;
    log::error("actor {} crashed in {}: {} ({} messages were waiting; the last ones: {})", child.cell->name(),
               ending.last_message, ending.reason, ending.mailbox_length, ending.last_kinds);
    if (place.registry != nullptr) place.registry->report(child.cell->name(), executor.now(), ending);
  }
  if (meant || stopping) return proceed();
  const bool again =
      child.restart == Restart::PERMANENT || (child.restart == Restart::TRANSIENT && ending.crashed);
  if (again) return restart(found);
  leave(found);
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
  if (strategy == Strategy::ONE_FOR_ONE) {
    child->second.state = State::WAITING;
    return start(child->first);
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
    home.post([self, id] {  // it had ended already
      if (const auto supervisor = self.lock()) supervisor->child_ended(id, {});
    });
  });
  child.deadline = executor.after(child.shutdown, [self = weak_from_this(), id] {
    if (const auto supervisor = self.lock()) supervisor->deadline_passed(id, false);
  });
}

void Supervisor::Shared::deadline_passed(std::uint64_t id, bool killed) {
  const auto found = children.find(id);
  if (found == children.end() || found->second.state != State::STOPPING) return;
  Child& child = found->second;
  child.deadline = {};
  if (killed) {
    log::error("actor {} cannot be ended: its executor hangs", child.cell->name());
    child.state = State::DOWN;
    child.leaves = true;  // it cannot be started again there
    child.cell->close();
    return proceed();
  }
  log::warn("actor {} did not stop within {} ms: it is ended", child.cell->name(),
            child.shutdown.count() / 1'000);
  child.cell->at_home([](Cell& cell) { cell.finish({}); });
  child.deadline = executor.after(KILL_MAX, [self = weak_from_this(), id] {
    if (const auto supervisor = self.lock()) supervisor->deadline_passed(id, true);
  });
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
  for (auto child = children.begin(); child != children.end();) {
    child = child->second.leaves && child->second.state == State::DOWN ? leave(child) : std::next(child);
  }
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
    if (child->second.state == Shared::State::WAITING) child->second.state = Shared::State::DOWN;
    if (child->second.state == Shared::State::RUNNING) shared_->stop(child);
    shared_->proceed();
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
