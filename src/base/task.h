// Task<T>: a C++20 coroutine that starts when it is awaited and resumes its awaiter when done. One that never
// had to wait returns to its awaiter, so that a loop over many of them takes no stack, whatever the compiler
// makes of symmetric transfer (under AddressSanitizer g++ makes calls of it). Ownership: the Task owns the
// coroutine; destroying it destroys the frame. An exception travels to the awaiter. Threads: a Task runs
// wherever it is resumed; awaitables of this project always resume on the executor they name.
// spawn(task, done) starts one that nobody awaits; `done` gets the exception, or nullptr. g++ 12: never build
// an argument with {} inside a co_await expression; name it first (temporaries are destroyed twice).
#pragma once
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/function.h"

namespace everframe {

template <class T>
class Task;
template <class T>
class Started;

namespace task_detail {

// A coroutine that this thread starts for its awaiter, from its start until it first suspends or ends.
struct Start {
  // Whether it ended meanwhile. If not, it may be gone already: another thread may have ended it.
  static bool ends_at_once(std::coroutine_handle<> coroutine) {
    Start start{coroutine, innermost};
    innermost = &start;
    coroutine.resume();
    innermost = start.outer;
    return start.ended;
  }

  const std::coroutine_handle<> coroutine;
  Start* const outer;
  bool ended = false;
  static inline thread_local Start* innermost = nullptr;
};

struct PromiseBase {
  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      if (Start* const start = Start::innermost; start != nullptr && start->coroutine == self) {
        start->ended = true;
        return std::noop_coroutine();
      }
      const auto awaiter = self.promise().awaiter;
      return awaiter ? awaiter : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() { error = std::current_exception(); }

  std::coroutine_handle<> awaiter;
  std::exception_ptr error;
};

template <class T>
struct Promise : PromiseBase {
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }
  std::optional<T> value;
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
  void take() {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace task_detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && {
    struct Awaiter {
      std::coroutine_handle<promise_type> handle;
      bool await_ready() { return false; }
      bool await_suspend(std::coroutine_handle<> awaiter) {
        handle.promise().awaiter = awaiter;
        return !task_detail::Start::ends_at_once(handle);
      }
      T await_resume() { return handle.promise().take(); }
    };
    EF_ASSERT(handle_ != nullptr);
    return Awaiter{handle_};
  }

 private:
  friend class Started<T>;
  std::coroutine_handle<promise_type> handle_;
};

namespace task_detail {

template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

inline Detached run_detached(Task<void> task, Function<void(std::exception_ptr)> done) {
  std::exception_ptr error;
  try {
    co_await std::move(task);
  } catch (...) {
    error = std::current_exception();
  }
  done(error);
}

}  // namespace task_detail

// Starts `task` now, on this thread. It owns itself until it ends, then `done` is called.
inline void spawn(Task<void> task, Function<void(std::exception_ptr)> done) {
  task_detail::run_detached(std::move(task), std::move(done));
}

}  // namespace everframe
