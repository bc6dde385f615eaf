#include "embedded/future.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "embedded/errors.h"

namespace everframe::embedded {

namespace {

thread_local bool engine_thread = false;
thread_local CallbacksLater* callbacks_later = nullptr;

FDBKey key_for_c(std::string_view key) {
  const ByteView bytes = bytes_of(key);
  return {bytes.data(), static_cast<int>(bytes.size())};
}

void append_rows(std::vector<FDBKeyValue>& out, const Rows& rows) {
  out.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const FDBKey key = key_for_c(rows.key(i));
    const FDBKey value = key_for_c(rows.value(i));
    out.push_back({key.key, key.key_length, value.key, value.key_length});
  }
}

}  // namespace

struct Future::Arrays {
  std::vector<FDBKeyValue> rows;
  std::vector<FDBMappedKeyValue> mapped;
  std::deque<std::vector<FDBKeyValue>> mapped_rows;
  std::vector<FDBKey> keys;
  std::vector<const char*> strings;
  std::vector<FDBKeyRange> ranges;
};

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
  if (callback == nullptr) return;
  if (callbacks_later != nullptr) {
    callbacks_later->due_.push_back({shared_from_this(), callback, parameter});
  } else {
    callback(reinterpret_cast<FDBFuture*>(this), parameter);
  }
}

CallbacksLater::CallbacksLater() {
  if (callbacks_later == nullptr) callbacks_later = this;
}

CallbacksLater::~CallbacksLater() {
  if (callbacks_later != this) return;
  callbacks_later = nullptr;  // what they cause in turn runs at once
  for (const Due& due : due_) due.callback(reinterpret_cast<FDBFuture*>(due.future.get()), due.parameter);
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

void Future::release_memory() {
  const std::lock_guard lock(mutex_);
  if (--reads_ != 0) return;
  error_ = error::FUTURE_RELEASED;
  value_ = {};
  arrays_.reset();
}

std::pair<fdb_error_t, Future::Value> Future::take() {
  const std::lock_guard lock(mutex_);
  return {ready_ ? error_ : error::FUTURE_NOT_SET, std::move(value_)};
}

Future::Arrays& Future::arrays() {
  if (arrays_ == nullptr) arrays_ = std::make_shared<Arrays>();
  return *arrays_;
}

fdb_error_t Future::read_rows(const FDBKeyValue*& rows, int& count, bool& more) {
  const std::lock_guard lock(mutex_);
  const Range* range = nullptr;
  if (const fdb_error_t code = read_locked(range)) return code;
  auto& made = arrays().rows;
  if (made.empty()) append_rows(made, range->rows);
  rows = made.data();
  count = static_cast<int>(made.size());
  more = range->more;
  return error::SUCCESS;
}

fdb_error_t Future::read_mapped_rows(const FDBMappedKeyValue*& rows, int& count, bool& more) {
  const std::lock_guard lock(mutex_);
  const MappedRange* range = nullptr;
  if (const fdb_error_t code = read_locked(range)) return code;
  Arrays& made = arrays();
  if (made.mapped.empty()) {
    for (const MappedRow& row : range->rows) {
      auto& found = made.mapped_rows.emplace_back();
      append_rows(found, row.rows);
      FDBMappedKeyValue out{};
      out.key = key_for_c(row.key);
      out.value = key_for_c(row.value);
      out.getRange.begin = {key_for_c(row.begin), 0, 1};
      out.getRange.end = {key_for_c(row.end), 0, 1};
      out.getRange.data = found.data();
      out.getRange.m_size = out.getRange.m_capacity = static_cast<int>(found.size());
      made.mapped.push_back(out);
    }
  }
  rows = made.mapped.data();
  count = static_cast<int>(made.mapped.size());
  more = range->more;
  return error::SUCCESS;
}

fdb_error_t Future::read_keys(const FDBKey*& keys, int& count) {
  const std::lock_guard lock(mutex_);
  const Keys* value = nullptr;
  if (const fdb_error_t code = read_locked(value)) return code;
  auto& made = arrays().keys;
  if (made.empty()) {
    for (const std::string& key : value->keys) made.push_back(key_for_c(key));
  }
  keys = made.data();
  count = static_cast<int>(made.size());
  return error::SUCCESS;
}

fdb_error_t Future::read_strings(const char**& strings, int& count) {
  const std::lock_guard lock(mutex_);
  const Strings* value = nullptr;
  if (const fdb_error_t code = read_locked(value)) return code;
  auto& made = arrays().strings;
  if (made.empty()) {
    for (const std::string& text : value->strings) made.push_back(text.c_str());
  }
  strings = made.data();
  count = static_cast<int>(made.size());
  return error::SUCCESS;
}

fdb_error_t Future::read_key_ranges(const FDBKeyRange*& ranges, int& count) {
  const std::lock_guard lock(mutex_);
  const KeyRanges* value = nullptr;
  if (const fdb_error_t code = read_locked(value)) return code;
  auto& made = arrays().ranges;
  if (made.empty()) {
    for (const KeyRange& range : value->ranges) {
      const FDBKey begin = key_for_c(range.begin);
      const FDBKey end = key_for_c(range.end);
      made.push_back({begin.key, begin.key_length, end.key, end.key_length});
    }
  }
  ranges = made.data();
  count = static_cast<int>(made.size());
  return error::SUCCESS;
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

void Generation::set_deadline(std::optional<Time> due) {
  const std::lock_guard lock(mutex_);
  deadline_ = due;
}

void Generation::expire(Time due) {
  {
    const std::lock_guard lock(mutex_);
    if (deadline_ != due) return;
  }
  fail(error::TRANSACTION_TIMED_OUT);
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
