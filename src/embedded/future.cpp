#include "embedded/future.h"

#include <algorithm>
#include <utility>

#include "embedded/errors.h"

namespace everframe::embedded {

namespace {
thread_local bool engine_thread = false;
}

void Future::mark_engine_thread() {
  engine_thread = true;
}
bool Future::is_engine_thread() {
  return engine_thread;
}

FutureRef Future::make_ready(fdb_error_t error, Value value) {
  auto future = std::make_shared<Future>();
  future->ready_ = true;
  future->error_ = error;
  future->value_ = std::move(value);
  return future;
}

FDBFuture* Future::hand_out(FutureRef future) {
  Future& object = *future;
  object.held_by_caller_ = std::move(future);
  return reinterpret_cast<FDBFuture*>(&object);
}

void Future::destroy(FDBFuture* handle) {
  const FutureRef last = std::move(of(handle).held_by_caller_);
  last->cancel();
}

void Future::send(fdb_error_t error, Value value) {
  FDBCallback callback = nullptr;
  void* parameter = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (ready_) return;
    ready_ = true;
    error_ = error;
    value_ = std::move(value);
    callback = std::exchange(callback_, nullptr);
    parameter = parameter_;
    set_.notify_all();
  }
  if (callback != nullptr) callback(reinterpret_cast<FDBFuture*>(this), parameter);
}

bool Future::is_ready() const {
  const std::lock_guard lock(mutex_);
  return ready_;
}

fdb_error_t Future::block_until_ready() {
  std::unique_lock lock(mutex_);
  if (ready_) return error::SUCCESS;
  if (engine_thread) return error::BLOCKED_FROM_NETWORK_THREAD;
  set_.wait(lock, [this] { return ready_; });
  return error::SUCCESS;
}

fdb_error_t Future::set_callback(FDBCallback callback, void* parameter) {
  {
    const std::lock_guard lock(mutex_);
    if (!ready_) {
      if (callback_ != nullptr) return error::CLIENT_INVALID_OPERATION;
      callback_ = callback;
      parameter_ = parameter;
      return error::SUCCESS;
    }
  }
  callback(reinterpret_cast<FDBFuture*>(this), parameter);
  return error::SUCCESS;
}

fdb_error_t Future::error() const {
  const std::lock_guard lock(mutex_);
  return ready_ ? error_ : error::FUTURE_NOT_SET;
}

const std::vector<FDBKeyValue>& Future::rows_for_c() {
  const std::lock_guard lock(mutex_);
  const auto* range = std::get_if<Range>(&value_);
  if (range == nullptr || !rows_.empty()) return rows_;
  rows_.reserve(range->rows.size());
  for (std::size_t i = 0; i < range->rows.size(); ++i) {
    const ByteView key = bytes_of(range->rows.key(i));
    const ByteView value = bytes_of(range->rows.value(i));
    rows_.push_back({key.data(), static_cast<int>(key.size()), value.data(), static_cast<int>(value.size())});
  }
  return rows_;
}

fdb_error_t Generation::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void Generation::add(FutureRef future) {
  fdb_error_t code = 0;
  {
    const std::lock_guard lock(mutex_);
    code = error_;
    if (code == 0) {
      // What is set needs no failing: forget it, so that a long-lived transaction does not gather them.
      if (pending_.size() >= 16) std::erase_if(pending_, [](const FutureRef& f) { return f->is_ready(); });
      pending_.push_back(future);
    }
  }
  if (code != 0) future->send(code);
}

void Generation::fail(fdb_error_t code) {
  std::vector<FutureRef> pending;
  {
    const std::lock_guard lock(mutex_);
    if (error_ != 0) return;
    error_ = code;
    pending.swap(pending_);
  }
  for (const FutureRef& future : pending) future->send(code);
}

}  // namespace everframe::embedded
