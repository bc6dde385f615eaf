#include "actor/supervisor.h"

#include "base/log.h"

namespace everframe::actor {

struct Supervisor::Shared : std::enable_shared_from_this<Shared> {
  struct Child {
    std::shared_ptr<Cell> cell;
    Restart restart;
  };

  Shared(platform::Executor& on, Intensity limit, Function<void(const std::string&)> up)
      : executor(on), intensity(limit), escalate(std::move(up)) {}

  void child_ended(std::uint64_t id, const Ending& ending);
  void stop_youngest();

  platform::Executor& executor;
  const Intensity intensity;
  Function<void(const std::string&)> escalate;
  std::map<std::uint64_t, Child> children;  // by age
  std::uint64_t last_id = 0;
  std::deque<Time> recent_restarts;
  std::uint64_t restarts = 0;
  std::uint64_t crashes = 0;
  bool stopping = false;
  Function<void()> stopped;
};

Supervisor::Supervisor(platform::Executor& executor, Intensity intensity,
                       Function<void(const std::string&)> escalate)
    : shared_(std::make_shared<Shared>(executor, intensity, std::move(escalate))) {}

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
  shared_->children.emplace(id, Shared::Child{cell, spec.restart});
  cell->executor().post([cell] { cell->start(); });
}

void Supervisor::Shared::child_ended(std::uint64_t id, const Ending& ending) {
  const auto found = children.find(id);
  if (found == children.end()) return;
  const std::shared_ptr<Cell> cell = found->second.cell;
  if (ending.crashed) {
    ++crashes;
    log::error("actor {} crashed in {}: {} ({} messages were waiting)", cell->name(), ending.last_message,
               ending.reason, ending.mailbox_length);
  }
  const Restart restart = found->second.restart;
  const bool again =
      !stopping && (restart == Restart::PERMANENT || (restart == Restart::TRANSIENT && ending.crashed));
  if (!again) {
    cell->close();
    children.erase(found);
    if (stopping) stop_youngest();
    return;
  }
  const Time now = executor.now();
  recent_restarts.push_back(now);
  while (recent_restarts.front() < now - intensity.period) recent_restarts.pop_front();
  if (recent_restarts.size() > intensity.restarts) {
    log::error("actor {} ended {} times within {} ms: restarting does not help", cell->name(),
               recent_restarts.size(), intensity.period.count() / 1'000);
    if (escalate) std::exchange(escalate, nullptr)(cell->name());
    return;
  }
  ++restarts;
  cell->executor().post([cell] { cell->start(); });
}

void Supervisor::Shared::stop_youngest() {
  if (children.empty()) {
    if (stopped) std::exchange(stopped, nullptr)();
    return;
  }
  const auto& [id, child] = *children.rbegin();
  child.cell->close();
  child.cell->executor().post([cell = child.cell, self = weak_from_this(), &home = executor, youngest = id] {
    if (cell->running()) return cell->finish({});
    home.post([self, youngest] {  // it had ended already, and waits for a restart that will not come
      if (const auto supervisor = self.lock()) supervisor->child_ended(youngest, {});
    });
  });
}

void Supervisor::stop(Function<void()> done) {
  EF_ASSERT(shared_->executor.is_current());
  shared_->stopping = true;
  shared_->stopped = std::move(done);
  shared_->stop_youngest();
}

Supervisor::Census Supervisor::census() const {
  return {shared_->children.size(), shared_->restarts, shared_->crashes};
}

}  // namespace everframe::actor
