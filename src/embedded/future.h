// Future: the object behind FDBFuture*. Set once, to an error or a value; read, waited for or called back any
// number of times after. What a read gives belongs to the future until it is destroyed, or until
// release_memory() was called as often as values were read: from then on it is a failed one (1102).
//
// Threads: any. The callback runs once, where the future is set, or inline if it is set already.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "base/time.h"
#include "embedded/types.h"
#include "platform/fdb_api.h"

namespace everframe::embedded {

class Future;
using FutureRef = std::shared_ptr<Future>;

class Future : public std::enable_shared_from_this<Future> {
 public:
  struct Key {
    std::string bytes;
  };
  struct Range {
    Rows rows;
    bool more = false;
  };
  struct Keys {
    std::vector<std::string> keys;
  };
  struct Strings {
    std::vector<std::string> strings;
  };
  struct KeyRanges {
    std::vector<KeyRange> ranges;
  };
  // A row of an index, and what it led to: the row of `begin`, or the rows of [begin, end).
  struct MappedRow {
    std::string key;
    std::string value;
    std::string begin;
    std::string end;
    bool is_range = false;
    Rows rows;
  };
  struct MappedRange {
    std::vector<MappedRow> rows;
    bool more = false;
  };
  using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, Key,
                             std::optional<std::string>, Range, Keys, Strings, KeyRanges, MappedRange>;

  static FutureRef make() { return std::make_shared<Future>(); }
  static FutureRef make_ready(fdb_error_t error, Value value = {});

  // The C caller's share: from hand_out() to destroy().
  static FDBFuture* hand_out(FutureRef future);
  static Future& of(FDBFuture* handle) { return *reinterpret_cast<Future*>(handle); }
  static void destroy(FDBFuture* handle);

  // The first one counts. Runs the callback, or leaves it to this thread's CallbacksLater.
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
  // The same for C, which is told why there is none (2000: of another type); counted for release_memory().
  template <class T>
  fdb_error_t read(const T*& out) {
    const std::lock_guard lock(mutex_);
    return read_locked(out);
  }
  void release_memory();

  // The same, as the arrays that C wants.
  fdb_error_t read_rows(const FDBKeyValue*& rows, int& count, bool& more);
  fdb_error_t read_mapped_rows(const FDBMappedKeyValue*& rows, int& count, bool& more);
  fdb_error_t read_keys(const FDBKey*& keys, int& count);
  fdb_error_t read_strings(const char**& strings, int& count);
  fdb_error_t read_key_ranges(const FDBKeyRange*& ranges, int& count);

  // The whole of a future that is set, for one that stands in its place.
  std::pair<fdb_error_t, Value> take();

  // Callbacks on this thread hold up every commit: block_until_ready() there gives 2026.
  static void mark_engine_thread();
  static bool is_engine_thread();

 private:
  // Arrays made of the value when they are first asked for.
  struct Arrays;
  template <class T>
  fdb_error_t read_locked(const T*& out) {
    if (!ready_) return 2015;
    if (error_ != 0) return error_;
    out = std::get_if<T>(&value_);
    if (out == nullptr) return 2000;
    ++reads_;
    return 0;
  }
  Arrays& arrays();

  mutable std::mutex mutex_;
  std::condition_variable set_;
  bool ready_ = false;
  fdb_error_t error_ = 0;
  Value value_;
  int reads_ = 0;
  FDBCallback callback_ = nullptr;
  void* parameter_ = nullptr;
  std::shared_ptr<Arrays> arrays_;
  FutureRef held_by_caller_;
};

// The callbacks of what this thread sends while one of these lives run when it ends: so, after a lock that
// was taken within it is released. One inside of another leaves them to the outer one.
class CallbacksLater {
 public:
  CallbacksLater();
  ~CallbacksLater();
  CallbacksLater(const CallbacksLater&) = delete;
  CallbacksLater& operator=(const CallbacksLater&) = delete;

 private:
  friend class Future;
  struct Due {
    FutureRef future;
    FDBCallback callback;
    void* parameter;
  };
  std::vector<Due> due_;
};

// The futures that a transaction's cancelling, reset or time-out must fail, and the error if it happened.
class Generation {
 public:
  fdb_error_t error() const;
  void add(FutureRef future);  // set at once if the generation has failed
  void fail(fdb_error_t code);
  // Its time-out, or none; the one set last counts.
  void set_deadline(std::optional<Time> due);
  void expire(Time due);  // fails with 1031 if `due` is still its deadline

 private:
  mutable std::mutex mutex_;
  fdb_error_t error_ = 0;
  std::optional<Time> deadline_;
  std::vector<FutureRef> pending_;
};

}  // namespace everframe::embedded
