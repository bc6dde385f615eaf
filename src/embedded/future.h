// Future: the object behind FDBFuture*. Set once, to an error or a value; read, waited for or called back any
// number of times after. Values belong to the future until it is destroyed.
//
// Threads: any. The callback runs once, where the future is set, or inline if it is set already.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "embedded/types.h"
#include "platform/fdb_api.h"

namespace everframe::embedded {

class Future;
using FutureRef = std::shared_ptr<Future>;

class Future {
 public:
  struct Key {
    std::string bytes;
  };
  struct Range {
    Rows rows;
    bool more = false;
  };
  using Value = std::variant<std::monostate, std::int64_t, Key, std::optional<std::string>, Range>;

  static FutureRef make() { return std::make_shared<Future>(); }
  static FutureRef make_ready(fdb_error_t error, Value value = {});

  // The C caller's share: from hand_out() to destroy().
  static FDBFuture* hand_out(FutureRef future);
  static Future& of(FDBFuture* handle) { return *reinterpret_cast<Future*>(handle); }
  static void destroy(FDBFuture* handle);

  // The first one counts. Runs the callback.
  void send(fdb_error_t error, Value value = {});
  void cancel() { send(1101); }

  bool is_ready() const;
  fdb_error_t block_until_ready();
  fdb_error_t set_callback(FDBCallback callback, void* parameter);

  // The error it was set to; 2015 while it is not set.
  fdb_error_t error() const;
  // The value, if it is set to one of this type, else null.
  template <class T>
  const T* value() const {
    return error() == 0 ? std::get_if<T>(&value_) : nullptr;
  }
  const std::vector<FDBKeyValue>& rows_for_c();

  // Callbacks on this thread hold up every commit: block_until_ready() there gives 2026.
  static void mark_engine_thread();
  static bool is_engine_thread();

 private:
  mutable std::mutex mutex_;
  std::condition_variable set_;
  bool ready_ = false;
  fdb_error_t error_ = 0;
  Value value_;
  FDBCallback callback_ = nullptr;
  void* parameter_ = nullptr;
  std::vector<FDBKeyValue> rows_;
  FutureRef held_by_caller_;
};

// The futures that a transaction's cancelling, reset or time-out must fail, and the error if it happened.
class Generation {
 public:
  fdb_error_t error() const;
  void add(FutureRef future);  // set at once if the generation has failed
  void fail(fdb_error_t code);

 private:
  mutable std::mutex mutex_;
  fdb_error_t error_ = 0;
  std::vector<FutureRef> pending_;
};

}  // namespace everframe::embedded
