// Cell: where an actor lives, seen without its message type. A cell outlives its actor's crashes: its address
// (Ref) goes on working for the next incarnation. Made by a Supervisor only. Threads: everything here runs on
// the cell's executor, unless it says otherwise.
#pragma once
#include <atomic>
#include <memory>
#include <string>

#include "base/function.h"
#include "base/task.h"
#include "platform/executor.h"

namespace everframe::actor {

// Why an actor's life ended.
struct Ending {
  bool crashed = false;
  std::string reason;        // of a crash: the exception's text
  std::string last_message;  // kind of the message it was working on, or "timer", "task", "start"
  std::size_t mailbox_length = 0;
};

class Cell;
// For simulations: called before each piece of any actor's work, and may throw: a bug at that place. Set and
// unset while no actor runs; none in a server.
using Disturbance = void (*)(const Cell&, const char* what);
inline Disturbance disturbance = nullptr;

class Cell : public std::enable_shared_from_this<Cell> {
 public:
  Cell(std::string name, platform::Executor& executor) : name_(std::move(name)), executor_(executor) {}
  virtual ~Cell() = default;

  const std::string& name() const { return name_; }
  platform::Executor& executor() const { return executor_; }

  virtual void start() = 0;  // makes the actor and starts it
  virtual void finish(
      Ending) = 0;  // ends this incarnation; `ended` is called once, when nothing of it runs any more
  // Ends this incarnation without a report: there is no supervisor any more. On its executor, or once that
  // has stopped for good.
  virtual void drop() = 0;
  virtual void close() = 0;  // any thread: casts answer GONE from now on, and what is queued is dropped

  // Runs one piece of an actor's work; an exception out of it ends the incarnation that was meant.
  template <class Work>
  void guarded(const char* what, std::uint64_t incarnation, const Work& work) {
    if (!running_ || incarnation != incarnation_) return;
    const char* const outer = std::exchange(working_on_, what);
    try {
      if (disturbance != nullptr) disturbance(*this, what);
      work();
    } catch (...) {
      crash(what);
    }
    working_on_ = outer;
  }
  std::uint64_t incarnation() const { return incarnation_; }
  bool running() const { return running_; }

  // Set by the supervisor before the first start.
  Function<void(const Ending&)> ended;

 protected:
  void crash(const char* what);  // by the exception that is being handled

  const std::string name_;
  platform::Executor& executor_;
  std::uint64_t incarnation_ = 0;  // counts starts; what belongs to an older one is ignored
  bool running_ = false;
  const char* working_on_ = "start";
};

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
