// VirtualWorld: many executors on one thread, under one clock that stands still between pieces of work. One
// seed decides in which order they run: everything posted is delayed a little, by dice, and now and then an
// executor is held up for longer, as a kernel holds up threads. The same calls give the same run, always.
//
// Process: executors that live and die together. stop() is kill -9: from then on nothing of it is seen by
// anybody; the rest of it is then torn down by its owner and runs to its end out of sight (bury), so that
// nothing leaks.
//
// Threads: one. Ownership: the world outlives its processes; a process outlives what lives on its executors.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>

#include <fmt/format.h>
#include "base/random.h"
#include "platform/executor.h"
#include "platform_sim/trace.h"
#include "platform_sim/virtual_executor.h"

namespace everframe::platform_sim {

class Process;
class ProcessExecutor;

class VirtualWorld {
 public:
  struct Pace {
    Duration delay_max{30};         // of a piece of work behind its posting
    unsigned hold_up_permille = 1;  // of pieces of work: it waits up to `hold_up_max` more
    Duration hold_up_max{4'000};
  };
  explicit VirtualWorld(std::uint64_t seed) : dice_(seed) {}
  ~VirtualWorld();
  VirtualWorld(const VirtualWorld&) = delete;
  VirtualWorld& operator=(const VirtualWorld&) = delete;

  const platform::Clock& clock() const { return clock_; }
  Time now() const { return clock_.now(); }
  Prng& dice() { return dice_; }
  Trace& trace() { return trace_; }
  void set_pace(const Pace& pace) { pace_ = pace; }

  template <class... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    trace_.note(now(), fmt::format(format, std::forward<Args>(args)...));
  }

  // What the world itself does: faults, a network's deliveries. Of no process; between pieces of work.
  void at(Time time, Function<void()> plan);
  void after(Duration delay, Function<void()> plan) { at(now() + delay, std::move(plan)); }

  void run_until(Time end);
  void run_for(Duration span) { run_until(now() + span); }
  std::uint64_t steps() const { return steps_; }
  static constexpr std::uint64_t STEPS_MAX = 20'000'000;  // of a run; more are a bug: it asserts

  // Whoever is running waits for so long: a blocking call. What it does from here on happens that much later.
  void spend(Duration span);

 private:
  friend class Process;
  friend class ProcessExecutor;
  using Place = std::pair<Time, std::uint64_t>;  // when, then by age
  struct Item {
    ProcessExecutor* executor = nullptr;  // null: the world's own
    Function<void()> work;
  };
  using Queue = std::map<Place, Item>;

  bool step(Time end);
  void run(Item item, Queue& home, const Place& place);
  Duration delay();

  VirtualClock clock_;
  Prng dice_;
  Trace trace_;
  Pace pace_;
  Queue queue_;
  std::uint64_t last_id_ = 0;
  std::uint64_t steps_ = 0;
  ProcessExecutor* current_ = nullptr;
};

class ProcessExecutor final : public platform::Executor {
 public:
  ProcessExecutor(Process& process, std::string name, std::uint64_t index)
      : process_(process), name_(std::move(name)), index_(index) {}

  void post(Function<void()> work) override;
  platform::TimerId after(Duration delay, Function<void()> callback) override;
  void cancel(platform::TimerId timer) override;
  bool is_current() const override;
  const platform::Clock& clock() const override;
  const std::string& name() const { return name_; }

 private:
  friend class VirtualWorld;
  friend class Process;
  void put(Time at, std::uint64_t id, Function<void()> work);

  Process& process_;
  const std::string name_;
  const std::uint64_t index_;
  Time last_post_{};   // posted work keeps its order
  Time busy_until_{};  // it is in a blocking call, or held up
  std::map<std::uint64_t, Time> timers_;
};

class Process {
 public:
  Process(VirtualWorld& world, std::string name) : world_(world), name_(std::move(name)) {}
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  VirtualWorld& world() const { return world_; }
  const std::string& name() const { return name_; }
  platform::Executor& executor(const std::string& name);  // made at the first call
  bool alive() const { return alive_; }

  void hold_up(Time until);  // SIGSTOP, until SIGCONT
  void stop();
  // Of stopped processes, which may wait for each other: what they still had to do is done, then `last`, then
  // what that left.
  static void bury(const std::vector<Process*>& processes, const Function<void()>& last);

 private:
  friend class ProcessExecutor;
  friend class VirtualWorld;
  static void run_what_is_left(const std::vector<Process*>& processes);

  VirtualWorld& world_;
  const std::string name_;
  std::map<std::string, std::unique_ptr<ProcessExecutor>> executors_;
  bool alive_ = true;
  bool buried_ = false;
  VirtualWorld::Queue left_;  // once stopped: what it would still do
};

// Randomness from a seed, in place of the kernel's.
class SeededEntropy final : public platform::Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : dice_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(dice_.next() >> 32);
  }

 private:
  Prng dice_;
};

}  // namespace everframe::platform_sim
