// VirtualExecutor: an Executor whose clock stands still until its owner moves it. One thread, no waiting:
// what was posted runs in order, then time jumps to the next timer. The same calls give the same run, always.
#pragma once
#include <deque>
#include <map>

#include "platform/executor.h"

namespace everframe::platform_sim {

class VirtualClock final : public platform::Clock {
 public:
  Time now() const override { return now_; }
  WallMs wall() const override { return WallMs{WALL_START_MS + now_.time_since_epoch().count() / 1'000}; }
  void set(Time now) { now_ = now; }

 private:
  static constexpr std::int64_t WALL_START_MS = 1'800'000'000'000;
  Time now_{};
};

class VirtualExecutor final : public platform::Executor {
 public:
  void post(Function<void()> work) override { ready_.push_back(std::move(work)); }
  platform::TimerId after(Duration delay, Function<void()> callback) override;
  void cancel(platform::TimerId timer) override;
  bool is_current() const override { return true; }
  const platform::Clock& clock() const override { return clock_; }

  // Runs until `span` has passed. More than STEPS_MAX pieces of work in it are a bug: it asserts.
  void run_for(Duration span);
  static constexpr std::uint64_t STEPS_MAX = 50'000'000;

 private:
  VirtualClock clock_;
  std::deque<Function<void()>> ready_;
  std::map<std::pair<Time, std::uint64_t>, Function<void()>> timers_;  // by time, then by age
  std::map<std::uint64_t, Time> due_;
  std::uint64_t timer_last_ = 0;
};

}  // namespace everframe::platform_sim
