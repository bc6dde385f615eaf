// Executor: one thread's run queue with timers. Everything that lives on an executor runs on its thread, one
// piece of work at a time, in the order it was posted. There are no locks outside an executor.
#pragma once
#include <coroutine>
#include <cstdint>

#include "base/function.h"
#include "base/time.h"
#include "platform/clock.h"

namespace everframe::platform {

enum class TimerId : std::uint64_t {};  // 0 is none; never reused

class Executor {
 public:
  virtual ~Executor() = default;

  // Any thread. Work posted after the executor stopped is destroyed without being run.
  virtual void post(Function<void()> work) = 0;

  // On this executor's thread only. The callback runs once, at or after now + delay, unless cancelled before.
  virtual TimerId after(Duration delay, Function<void()> callback) = 0;
  virtual void cancel(TimerId timer) = 0;  // of a timer that has run or is none: nothing happens

  virtual bool is_current() const = 0;  // is the caller on this executor's thread?
  virtual const Clock& clock() const = 0;

  Time now() const { return clock().now(); }

  // co_await executor.sleep(10ms); resumes on this executor. Await it there only.
  auto sleep(Duration delay) {
    struct Awaiter {
      Executor& executor;
      Duration delay;
      bool await_ready() { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        executor.after(delay, [handle] { handle.resume(); });
      }
      void await_resume() {}
    };
    return Awaiter{*this, delay};
  }
};

}  // namespace everframe::platform
