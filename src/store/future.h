// Future: one FDBFuture* as an awaitable. co_await gives the error code, 0 for none; the value is then read
// through get().
// Ownership: owns the FDBFuture. Destroyed while awaited, it cancels the future, and its awaiter is not
// resumed.
// Threads: made, awaited and destroyed on the executor's thread, where the awaiter resumes: inline if the
// future is ready, else from a post. The engine calls back on whichever thread it likes.
// Limit: INLINE_MAX inline resumptions in a row per transaction. Compilers drop tail calls where sanitizers
// or a debugger want the frames, and a loop over ready reads would otherwise grow the stack without end.
#pragma once
#include <coroutine>
#include <memory>
#include <mutex>

#include "platform/executor.h"
#include "platform/fdb_api.h"

namespace everframe::store {

inline constexpr int INLINE_MAX = 100;

class Future {
 public:
  // `inline_left` is the transaction's count, and outlives this; nullptr: always by a post.
  Future(const platform::FdbApi& api, FDBFuture* future, platform::Executor& executor, int* inline_left);
  Future(const Future&) = delete;
  Future& operator=(const Future&) = delete;
  ~Future();

  FDBFuture* get() const;

  bool await_ready() const;
  void await_suspend(std::coroutine_handle<> awaiter);
  fdb_error_t await_resume() const;

 private:
  struct Shared;
  static void called_back(FDBFuture* future, void* parameter);

  const std::shared_ptr<Shared> shared_;
  int* const inline_left_;
};

}  // namespace everframe::store
