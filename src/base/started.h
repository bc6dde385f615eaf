// Started<T>: a Task that runs, as far as it can, from the moment it is made: so that several waits overlap.
// co_await gives what the Task gives, at once if it is done. when_all(tasks) starts all and gives all
// results, in the tasks' order; the exception of the first that threw travels to the awaiter, after all are
// done or gone. Ownership: a Started owns its Task's coroutine; destroyed before its end it destroys that,
// and what it waited for is given up. Threads: as of the Task.
#pragma once
#include <vector>

#include "base/task.h"

namespace everframe {

template <class T>
class Started {
 public:
  explicit Started(Task<T> task) : task_(std::move(task)) {
    EF_ASSERT(task_.handle_ != nullptr);
    task_.handle_.resume();
  }

  bool is_done() const { return task_.handle_.done(); }

  auto operator co_await() && {
    using Promise = typename Task<T>::promise_type;
    struct Awaiter {
      std::coroutine_handle<Promise> handle;
      bool await_ready() { return handle.done(); }
      void await_suspend(std::coroutine_handle<> awaiter) { handle.promise().awaiter = awaiter; }
      T await_resume() { return handle.promise().take(); }
    };
    return Awaiter{task_.handle_};
  }

 private:
  Task<T> task_;
};

template <class T>
Task<std::vector<T>> when_all(std::vector<Task<T>> tasks) {
  std::vector<Started<T>> started;
  started.reserve(tasks.size());
  for (Task<T>& task : tasks) started.emplace_back(std::move(task));
  std::vector<T> results;
  results.reserve(tasks.size());
  for (Started<T>& one : started) results.push_back(co_await std::move(one));
  co_return results;
}

}  // namespace everframe
