#include "platform_sim/virtual_world.h"

#include <algorithm>

namespace everframe::platform_sim {

// ---- the world ----

Duration VirtualWorld::delay() {
  Duration out(
      static_cast<std::int64_t>(dice_.below(static_cast<std::uint64_t>(pace_.delay_max.count()) + 1)));
  if (pace_.hold_up_permille > 0 && dice_.below(1'000) < pace_.hold_up_permille) {
    out += Duration(
        static_cast<std::int64_t>(dice_.below(static_cast<std::uint64_t>(pace_.hold_up_max.count()))));
  }
  return out;
}

// What is left is destroyed undone; it may plan more while it goes.
VirtualWorld::~VirtualWorld() {
  while (!queue_.empty()) std::exchange(queue_, {}).clear();
}

void VirtualWorld::at(Time time, Function<void()> plan) {
  queue_.emplace(Place(std::max(time, now()), ++last_id_), Item{nullptr, std::move(plan)});
}

void VirtualWorld::spend(Duration span) {
  clock_.set(clock_.now() + span);
}

// An executor that is still busy gets its work later; its order is kept, since that goes by age.
void VirtualWorld::run(Item item, Queue& home, const Place& place) {
  ProcessExecutor* const executor = item.executor;
  if (executor != nullptr && executor->busy_until_ > place.first) {
    const auto timer = executor->timers_.find(place.second);
    if (timer != executor->timers_.end()) timer->second = executor->busy_until_;
    home.emplace(Place(executor->busy_until_, place.second), std::move(item));
    return;
  }
  const Time began = std::max(clock_.now(), place.first);
  clock_.set(began);
  trace_.add(static_cast<std::uint64_t>(began.time_since_epoch().count()));
  trace_.add(executor == nullptr ? 0 : executor->index_);
  if (executor != nullptr) executor->timers_.erase(place.second);
  current_ = executor;
  item.work();
  item.work = nullptr;  // what it held goes while it is still its turn
  current_ = nullptr;
  // A blocking call has moved the clock for what it ran in; the others were not held up by it.
  if (executor != nullptr) executor->busy_until_ = clock_.now();
  clock_.set(began);
}

bool VirtualWorld::step(Time end) {
  if (queue_.empty() || queue_.begin()->first.first > end) return false;
  EF_ASSERT(++steps_ < STEPS_MAX);
  auto node = queue_.extract(queue_.begin());
  run(std::move(node.mapped()), queue_, node.key());
  return true;
}

void VirtualWorld::run_until(Time end) {
  while (step(end)) {
  }
  clock_.set(std::max(clock_.now(), end));
}

// ---- an executor ----

void ProcessExecutor::put(Time at, std::uint64_t id, Function<void()> work) {
  if (process_.buried_) return;
  VirtualWorld::Queue& queue = process_.alive_ ? process_.world_.queue_ : process_.left_;
  queue.emplace(VirtualWorld::Place(at, id), VirtualWorld::Item{this, std::move(work)});
}

void ProcessExecutor::post(Function<void()> work) {
  VirtualWorld& world = process_.world_;
  last_post_ = std::max(last_post_, world.now() + world.delay());
  put(last_post_, ++world.last_id_, std::move(work));
}

platform::TimerId ProcessExecutor::after(Duration delay, Function<void()> callback) {
  EF_ASSERT(is_current());
  VirtualWorld& world = process_.world_;
  const std::uint64_t id = ++world.last_id_;
  const Time due = world.now() + std::max(delay, Duration(0)) + world.delay();
  timers_.emplace(id, due);
  put(due, id, std::move(callback));
  return platform::TimerId{id};
}

void ProcessExecutor::cancel(platform::TimerId timer) {
  const auto found = timers_.find(static_cast<std::uint64_t>(timer));
  if (found == timers_.end()) return;
  VirtualWorld::Queue& queue = process_.alive_ ? process_.world_.queue_ : process_.left_;
  const auto item = queue.extract({found->second, found->first});
  timers_.erase(found);
}

bool ProcessExecutor::is_current() const {
  return process_.world_.current_ == this;
}

const platform::Clock& ProcessExecutor::clock() const {
  return process_.world_.clock_;
}

// ---- a process ----

platform::Executor& Process::executor(const std::string& name) {
  std::unique_ptr<ProcessExecutor>& found = executors_[name];
  if (!found) found = std::make_unique<ProcessExecutor>(*this, name, ++world_.last_id_);
  return *found;
}

void Process::hold_up(Time until) {
  for (const auto& [name, executor] : executors_)
    executor->busy_until_ = std::max(executor->busy_until_, until);
}

void Process::stop() {
  if (!std::exchange(alive_, false)) return;
  for (auto at = world_.queue_.begin(); at != world_.queue_.end();) {
    const auto next = std::next(at);
    if (at->second.executor != nullptr && &at->second.executor->process_ == this) {
      left_.insert(world_.queue_.extract(at));
    }
    at = next;
  }
}

void Process::run_what_is_left(const std::vector<Process*>& processes) {
  constexpr int LEFT_MAX = 1'000'000;  // processes that find no end are a bug
  for (int i = 0;; ++i) {
    EF_ASSERT(i < LEFT_MAX);
    Process* first = nullptr;
    for (Process* process : processes) {
      if (process->left_.empty()) continue;
      if (first == nullptr || process->left_.begin()->first < first->left_.begin()->first) first = process;
    }
    if (first == nullptr) return;
    auto node = first->left_.extract(first->left_.begin());
    first->world_.run(std::move(node.mapped()), first->left_, node.key());
  }
}

void Process::bury(const std::vector<Process*>& processes, const Function<void()>& last) {
  VirtualWorld& world = processes.front()->world_;
  EF_ASSERT(world.current_ == nullptr);
  const Time now = world.now();
  for (Process* process : processes) {
    EF_ASSERT(!process->alive_);
    for (const auto& [name, executor] : process->executors_) executor->busy_until_ = now;
  }
  run_what_is_left(processes);
  last();
  run_what_is_left(processes);
  for (Process* process : processes) process->buried_ = true;
  world.clock_.set(now);
}

Process::~Process() {
  stop();
  buried_ = true;
  left_.clear();
}

}  // namespace everframe::platform_sim
