#include "platform_sim/virtual_executor.h"

namespace everframe::platform_sim {

platform::TimerId VirtualExecutor::after(Duration delay, Function<void()> callback) {
  const std::uint64_t id = ++timer_last_;
  const Time due = clock_.now() + delay;
  timers_.emplace(std::pair(due, id), std::move(callback));
  due_.emplace(id, due);
  return platform::TimerId{id};
}

void VirtualExecutor::cancel(platform::TimerId timer) {
  const auto found = due_.find(static_cast<std::uint64_t>(timer));
  if (found == due_.end()) return;
  timers_.erase({found->second, found->first});
  due_.erase(found);
}

void VirtualExecutor::run_for(Duration span) {
  const Time end = clock_.now() + span;
  for (std::uint64_t step = 0;; ++step) {
    EF_ASSERT(step < STEPS_MAX);
    if (!ready_.empty()) {
      const Function<void()> work = std::move(ready_.front());
      ready_.pop_front();
      work();
      continue;
    }
    if (timers_.empty() || timers_.begin()->first.first > end) break;
    auto timer = timers_.extract(timers_.begin());
    due_.erase(timer.key().second);
    clock_.set(std::max(clock_.now(), timer.key().first));
    timer.mapped()();
  }
  clock_.set(end);
}

}  // namespace everframe::platform_sim
