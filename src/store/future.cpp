#include "store/future.h"

#include <utility>

#include "base/assert.h"

namespace everframe::store {

struct Future::Shared {
  Shared(const platform::FdbApi& table, FDBFuture* handle) : api(table), future(handle) {}
  ~Shared() { api.future_destroy(future); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  const platform::FdbApi& api;
  FDBFuture* const future;

  std::mutex mutex;                        // guards what follows
  platform::Executor* executor = nullptr;  // null once nobody waits

  std::coroutine_handle<> awaiter;  // owned by the executor's thread
};

Future::Future(const platform::FdbApi& api, FDBFuture* future, platform::Executor& executor, int* inline_left)
    : shared_(std::make_shared<Shared>(api, future)), inline_left_(inline_left) {
  shared_->executor = &executor;
}

Future::~Future() {
  if (!shared_->awaiter) return;
  shared_->awaiter = nullptr;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->executor = nullptr;
  }
  shared_->api.future_cancel(shared_->future);  // its callback lets go of `shared_`
}

FDBFuture* Future::get() const {
  return shared_->future;
}

bool Future::await_ready() const {
  if (inline_left_ == nullptr || *inline_left_ == 0) return false;
  if (shared_->api.future_is_ready(shared_->future) == 0) return false;
  --*inline_left_;
  return true;
}

void Future::await_suspend(std::coroutine_handle<> awaiter) {
  if (inline_left_ != nullptr) *inline_left_ = INLINE_MAX;
  shared_->awaiter = awaiter;
  auto parameter = std::make_unique<std::shared_ptr<Shared>>(shared_);
  const fdb_error_t refused =
      shared_->api.future_set_callback(shared_->future, called_back, parameter.release());
  EF_ASSERT(refused == 0);  // FoundationDB refuses only a second callback
}

fdb_error_t Future::await_resume() const {
  return shared_->api.future_get_error(shared_->future);
}

// On the engine's thread, or inside set_callback or cancel. Only posts: the awaiter may have been destroyed
// by then, which the posted work finds out on the awaiter's own thread.
void Future::called_back(FDBFuture*, void* parameter) {
  const std::unique_ptr<std::shared_ptr<Shared>> owned(static_cast<std::shared_ptr<Shared>*>(parameter));
  const std::shared_ptr<Shared>& shared = *owned;
  const std::lock_guard lock(shared->mutex);
  if (shared->executor == nullptr) return;
  shared->executor->post([shared] {
    if (const auto awaiter = std::exchange(shared->awaiter, nullptr)) awaiter.resume();
  });
}

}  // namespace everframe::store
