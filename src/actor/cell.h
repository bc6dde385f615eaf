// Cell: where an actor lives, seen without its message type. A cell outlives its actor's crashes: its address
// (Ref) goes on working for the next incarnation. Made by a Supervisor only. Threads: everything here runs on
// the cell's executor, unless it says otherwise.
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/function.h"
#include "base/task.h"
#include "platform/executor.h"

namespace everframe::actor {

inline constexpr std::size_t KINDS_REPORTED = 8;   // of the last messages, in a crash report
inline constexpr Duration LONG_TURN = 50ms;        // an actor that works longer at a time is named
inline constexpr std::uint64_t TIMED_ONE_IN = 16;  // messages: to know where an actor's time goes

// Why an actor's life ended.
struct Ending {
  bool crashed = false;
  std::string reason;        // of a crash: the exception's text
  std::string last_message;  // what it was working on: "message", "timer", "task", "start"
  std::size_t mailbox_length = 0;
  std::string last_kinds{};  // of the last messages, the newest first
};

// What one kind of message has cost an actor.
struct KindFigures {
  std::string_view kind;
  std::uint64_t count = 0;
  std::uint64_t us = 0;  // an estimate: one in TIMED_ONE_IN is timed
};
// Since the cell was made, over all incarnations.
struct CellFigures {
  bool running = false;
  std::uint64_t starts = 0;
  std::size_t mailbox_length = 0;
  std::uint64_t long_turns = 0;
  std::uint64_t longest_turn_us = 0;
  std::vector<KindFigures> kinds;
};

class Cell;
// For simulations: called before each piece of any actor's work, and may throw: a bug at that place. Set and
// unset while no actor runs; none in a server.
using Disturbance = void (*)(const Cell&, const char* what);
inline Disturbance disturbance = nullptr;

// A supervisor, as its children's cells see it. Touched on its own executor only.
class Overseer {
 public:
  virtual ~Overseer() = default;
  virtual void child_ended(std::uint64_t child, std::uint64_t incarnation, const Ending& ending) = 0;
};

class Cell : public std::enable_shared_from_this<Cell> {
 public:
  Cell(std::string name, platform::Executor& executor) : executor_(&executor), name_(std::move(name)) {}
  virtual ~Cell() = default;

  const std::string& name() const { return name_; }                                            // any thread
  platform::Executor& executor() const { return *executor_.load(std::memory_order_acquire); }  // any thread

  virtual void start() = 0;  // makes the actor and starts it
  virtual void finish(
      Ending) = 0;  // ends this incarnation; `ended` is called once, when nothing of it runs any more
  virtual void shut_down() = 0;  // asks the actor to end by itself, soon
  // Ends this incarnation without a report: there is no supervisor any more. On its executor, or once that
  // has stopped for good.
  virtual void drop() = 0;
  virtual void close() = 0;  // any thread: casts answer GONE from now on, and what is queued is dropped
  virtual CellFigures figures() = 0;  // any thread

  // Runs `work` on the executor that the cell lives on by then. Any thread.
  void at_home(Function<void(Cell&)> work) {
    executor().post([self = shared_from_this(), work = std::move(work)]() mutable {
      if (!self->executor().is_current()) return self->at_home(std::move(work));  // it has moved
      work(*self);
    });
  }

  // Tells `told` once, on the cell's executor, when this incarnation ends; at once if none runs. Any thread.
  void watch(Function<void(const Ending&)> told);

  // Runs one piece of an actor's work; an exception out of it ends the incarnation that was meant.
  template <class Work>
  void guarded(const char* what, std::uint64_t incarnation, const Work& work) {
    if (!running() || incarnation != incarnation_.load(std::memory_order_relaxed)) return;
    try {
      if (disturbance != nullptr) disturbance(*this, what);
      work();
    } catch (...) {
      crash(what);
    }
  }
  std::uint64_t incarnation() const { return incarnation_.load(std::memory_order_relaxed); }
  bool running() const { return running_.load(std::memory_order_relaxed); }

  // Before the first start: who hears of each end, where, and under which number.
  void answer_to(std::weak_ptr<Overseer> overseer, platform::Executor& home, std::uint64_t number) {
    overseer_ = std::move(overseer);
    overseers_home_ = &home;
    number_ = number;
  }

 protected:
  void crash(const char* what);  // by the exception that is being handled
  void tell_watchers(const Ending& ending);
  void tell_overseer(std::uint64_t incarnation, const Ending& ending);
  void name_hog(Duration took) const;
  static std::string overrun_text(Duration took, Duration allowed);

  std::atomic<platform::Executor*> executor_;
  const std::string name_;
  std::weak_ptr<Overseer> overseer_;
  platform::Executor* overseers_home_ = nullptr;
  std::uint64_t number_ = 0;
  // Written here only; read by whoever asks for figures.
  std::atomic<std::uint64_t> incarnation_ = 0;  // counts starts; what belongs to an older one is ignored
  std::atomic<bool> running_ = false;
  std::unique_ptr<std::vector<Function<void(const Ending&)>>> watchers_;  // few have any
};

// Ties two actors together: if one crashes, so does the other. Any thread.
void link(const std::shared_ptr<Cell>& one, const std::shared_ptr<Cell>& other);

// What an Actor is given at birth, and may use until its end.
class Life {
 public:
  explicit Life(Cell& cell, std::uint64_t incarnation)
      : cell_(cell.shared_from_this()), incarnation_(incarnation) {}
  Cell& cell() const { return *cell_; }
  std::uint64_t incarnation() const { return incarnation_; }
  bool over() const { return !cell_->running() || cell_->incarnation() != incarnation_; }

 private:
  const std::shared_ptr<Cell> cell_;
  const std::uint64_t incarnation_;
};

}  // namespace everframe::actor
