// The table of FoundationDB's C functions, each a thin step from C's types to ours. Nothing is thrown across
// it.
#include "embedded/engine.h"

#include <atomic>
#include <condition_variable>
#include <new>

#include "base/log.h"
#include "embedded/errors.h"
#include "embedded/open_databases.h"
#include "embedded/transaction.h"

namespace everframe::embedded {

namespace {

constexpr int API_VERSION_MIN = 710;
constexpr int API_VERSION_MAX = 730;

thread_local std::string open_refusal;

struct DatabaseHandle {
  std::shared_ptr<Database> database;
};

std::string_view text(const std::uint8_t* bytes, int length) {
  if (bytes == nullptr || length <= 0) return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length)};
}
const std::uint8_t* bytes(std::string_view from) {
  return reinterpret_cast<const std::uint8_t*>(from.data());
}
Transaction& of(FDBTransaction* handle) {
  return *reinterpret_cast<Transaction*>(handle);
}

// A bug of ours, or memory running out, becomes FoundationDB's "unknown error": C cannot catch.
FDBFuture* failed_future() {
  return Future::hand_out(Future::make_ready(error::UNKNOWN_ERROR));
}
template <class Call>
FDBFuture* future_of(const char* name, Call call) {
  try {
    return Future::hand_out(call());
  } catch (const std::exception& problem) {
    log::error("{} failed: {}", name, problem.what());
    return failed_future();
  }
}
template <class Call>
fdb_error_t guarded(const char* name, Call call) {
  try {
    return call();
  } catch (const std::exception& problem) {
    log::error("{} failed: {}", name, problem.what());
    return error::UNKNOWN_ERROR;
  }
}

// The network: no thread of ours needs it, but callers run one, so it waits as FoundationDB's does.
class Network {
 public:
  fdb_error_t select(int runtime, int header) {
    const std::lock_guard lock(mutex_);
    if (runtime > header) return error::API_VERSION_INVALID;
    if (header < API_VERSION_MIN || header > API_VERSION_MAX || runtime < API_VERSION_MIN) {
      return error::API_VERSION_NOT_SUPPORTED;
    }
    // Several parts of one program may each select; FoundationDB allows it once.
    if (version_ != 0 && version_ != runtime) return error::API_VERSION_ALREADY_SET;
    version_ = runtime;
    return error::SUCCESS;
  }
  bool selected() {
    const std::lock_guard lock(mutex_);
    return version_ != 0;
  }
  fdb_error_t set_up() {
    const std::lock_guard lock(mutex_);
    if (version_ == 0) return error::API_VERSION_UNSET;
    if (state_ != State::NONE) return error::NETWORK_ALREADY_SETUP;
    state_ = State::SET_UP;
    return error::SUCCESS;
  }
  fdb_error_t run() {
    std::unique_lock lock(mutex_);
    if (state_ == State::NONE) return error::NETWORK_NOT_SETUP;
    if (ran_) return error::NETWORK_CANNOT_BE_RESTARTED;
    ran_ = true;
    stopped_.wait(lock, [this] { return state_ == State::STOPPED; });
    return error::SUCCESS;
  }
  fdb_error_t stop() {
    const std::lock_guard lock(mutex_);
    if (state_ == State::NONE) return error::NETWORK_NOT_SETUP;
    state_ = State::STOPPED;
    stopped_.notify_all();
    return error::SUCCESS;
  }

 private:
  enum class State { NONE, SET_UP, STOPPED };
  std::mutex mutex_;
  std::condition_variable stopped_;
  int version_ = 0;
  State state_ = State::NONE;
  bool ran_ = false;
};

Network& network() {
  static Network one;
  return one;
}

void fill_process(platform::FdbApi& table) {
  table.select_api_version_impl = [](int runtime, int header) { return network().select(runtime, header); };
  table.get_error = [](fdb_error_t code) { return error::text(code); };
  table.error_predicate = [](int predicate, fdb_error_t code) -> fdb_bool_t {
    switch (predicate) {
      case 50000:
        return error::is_retryable(code);
      case 50001:
        return error::is_maybe_committed(code);
      case 50002:
        return error::is_retryable_not_committed(code);
      default:
        return 0;
    }
  };
  table.setup_network = [] { return network().set_up(); };
  table.run_network = [] { return network().run(); };
  table.stop_network = [] { return network().stop(); };
}

void fill_futures(platform::FdbApi& table) {
  table.future_cancel = [](FDBFuture* f) { Future::of(f).cancel(); };
  table.future_destroy = [](FDBFuture* f) { Future::destroy(f); };
  table.future_block_until_ready = [](FDBFuture* f) { return Future::of(f).block_until_ready(); };
  table.future_is_ready = [](FDBFuture* f) -> fdb_bool_t { return Future::of(f).is_ready(); };
  table.future_set_callback = [](FDBFuture* f, FDBCallback callback, void* parameter) {
    return Future::of(f).set_callback(callback, parameter);
  };
  table.future_get_error = [](FDBFuture* f) { return Future::of(f).error(); };
  table.future_get_int64 = [](FDBFuture* f, std::int64_t* out) {
    if (const fdb_error_t code = Future::of(f).error()) return code;
    const auto* number = Future::of(f).value<std::int64_t>();
    if (number == nullptr) return error::CLIENT_INVALID_OPERATION;
    *out = *number;
    return error::SUCCESS;
  };
  table.future_get_key = [](FDBFuture* f, const std::uint8_t** key, int* length) {
    if (const fdb_error_t code = Future::of(f).error()) return code;
    const auto* found = Future::of(f).value<Future::Key>();
    if (found == nullptr) return error::CLIENT_INVALID_OPERATION;
    *key = bytes(found->bytes);
    *length = static_cast<int>(found->bytes.size());
    return error::SUCCESS;
  };
  table.future_get_value = [](FDBFuture* f, fdb_bool_t* present, const std::uint8_t** value, int* length) {
    if (const fdb_error_t code = Future::of(f).error()) return code;
    const auto* found = Future::of(f).value<std::optional<std::string>>();
    if (found == nullptr) return error::CLIENT_INVALID_OPERATION;
    *present = found->has_value();
    *value = *found ? bytes(**found) : nullptr;
    *length = *found ? static_cast<int>((*found)->size()) : 0;
    return error::SUCCESS;
  };
  table.future_get_keyvalue_array = [](FDBFuture* f, const FDBKeyValue** rows, int* count, fdb_bool_t* more) {
    if (const fdb_error_t code = Future::of(f).error()) return code;
    const auto* range = Future::of(f).value<Future::Range>();
    if (range == nullptr) return error::CLIENT_INVALID_OPERATION;
    const auto& all = Future::of(f).rows_for_c();
    *rows = all.data();
    *count = static_cast<int>(all.size());
    *more = range->more;
    return error::SUCCESS;
  };
}

fdb_error_t create_database(const char* target, FDBDatabase** out) {
  return guarded("create_database", [&]() -> fdb_error_t {
    if (!network().selected()) return error::API_VERSION_UNSET;
    auto opened = OpenDatabases::instance().open(target == nullptr ? "" : target);
    if (!opened) {
      open_refusal = opened.error().text;
      return opened.error().code == 0 ? error::IO_ERROR : opened.error().code;
    }
    *out = reinterpret_cast<FDBDatabase*>(new DatabaseHandle{std::move(*opened)});
    return error::SUCCESS;
  });
}

void fill_database(platform::FdbApi& table) {
  table.create_database = create_database;
  table.database_destroy = [](FDBDatabase* handle) { delete reinterpret_cast<DatabaseHandle*>(handle); };
  table.database_create_transaction = [](FDBDatabase* handle, FDBTransaction** out) {
    return guarded("create_transaction", [&]() -> fdb_error_t {
      auto* transaction = new Transaction(reinterpret_cast<DatabaseHandle*>(handle)->database);
      *out = reinterpret_cast<FDBTransaction*>(transaction);
      return error::SUCCESS;
    });
  };
}

void fill_reads(platform::FdbApi& table) {
  table.transaction_set_read_version = [](FDBTransaction* t, std::int64_t version) {
    of(t).set_read_version(version);
  };
  table.transaction_get_read_version = [](FDBTransaction* t) {
    return future_of("get_read_version", [&] { return of(t).read_version(); });
  };
  table.transaction_get = [](FDBTransaction* t, const std::uint8_t* key, int length, fdb_bool_t snapshot) {
    return future_of("get", [&] { return of(t).get(text(key, length), snapshot != 0); });
  };
  table.transaction_get_key = [](FDBTransaction* t, const std::uint8_t* key, int length, fdb_bool_t or_equal,
                                 int offset, fdb_bool_t snapshot) {
    return future_of("get_key", [&] {
      return of(t).get_key({text(key, length), or_equal != 0, offset}, snapshot != 0);
    });
  };
  table.transaction_get_range = [](FDBTransaction* t, const std::uint8_t* begin, int begin_length,
                                   fdb_bool_t begin_or_equal, int begin_offset, const std::uint8_t* end,
                                   int end_length, fdb_bool_t end_or_equal, int end_offset, int limit,
                                   int target_bytes, int mode, int iteration, fdb_bool_t snapshot,
                                   fdb_bool_t reverse) {
    const Transaction::RangeRequest request{{text(begin, begin_length), begin_or_equal != 0, begin_offset},
                                            {text(end, end_length), end_or_equal != 0, end_offset},
                                            limit,
                                            target_bytes,
                                            mode,
                                            iteration,
                                            snapshot != 0,
                                            reverse != 0};
    return future_of("get_range", [&] { return of(t).get_range(request); });
  };
}

void fill_writes(platform::FdbApi& table) {
  table.transaction_set = [](FDBTransaction* t, const std::uint8_t* key, int key_length,
                             const std::uint8_t* value, int value_length) {
    guarded("set", [&] {
      of(t).set(text(key, key_length), text(value, value_length));
      return error::SUCCESS;
    });
  };
  table.transaction_atomic_op = [](FDBTransaction* t, const std::uint8_t* key, int key_length,
                                   const std::uint8_t* operand, int operand_length, int operation) {
    guarded("atomic_op", [&] {
      of(t).atomic(operation, text(key, key_length), text(operand, operand_length));
      return error::SUCCESS;
    });
  };
  table.transaction_clear = [](FDBTransaction* t, const std::uint8_t* key, int length) {
    guarded("clear", [&] {
      of(t).clear(text(key, length));
      return error::SUCCESS;
    });
  };
  table.transaction_clear_range = [](FDBTransaction* t, const std::uint8_t* begin, int begin_length,
                                     const std::uint8_t* end, int end_length) {
    guarded("clear_range", [&] {
      of(t).clear_range(text(begin, begin_length), text(end, end_length));
      return error::SUCCESS;
    });
  };
  table.transaction_add_conflict_range = [](FDBTransaction* t, const std::uint8_t* begin, int begin_length,
                                            const std::uint8_t* end, int end_length, int type) {
    return guarded("add_conflict_range", [&] {
      return of(t).add_conflict_range(text(begin, begin_length), text(end, end_length), type);
    });
  };
}

void fill_transactions(platform::FdbApi& table) {
  table.transaction_destroy = [](FDBTransaction* t) { delete &of(t); };
  table.transaction_cancel = [](FDBTransaction* t) { of(t).cancel(); };
  table.transaction_reset = [](FDBTransaction* t) { of(t).reset(); };
  table.transaction_set_option = [](FDBTransaction* t, int option, const std::uint8_t* value, int length) {
    return guarded("set_option", [&] { return of(t).set_option(option, value, length); });
  };
  table.transaction_watch = [](FDBTransaction* t, const std::uint8_t* key, int length) {
    return future_of("watch", [&] { return of(t).watch(text(key, length)); });
  };
  table.transaction_commit = [](FDBTransaction* t) {
    return future_of("commit", [&] { return of(t).commit(); });
  };
  table.transaction_get_committed_version = [](FDBTransaction* t, std::int64_t* out) {
    *out = of(t).committed_version();
    return error::SUCCESS;
  };
  table.transaction_get_versionstamp = [](FDBTransaction* t) {
    return future_of("get_versionstamp", [&] { return of(t).versionstamp(); });
  };
  table.transaction_get_approximate_size = [](FDBTransaction* t) {
    return future_of("get_approximate_size", [&] { return of(t).approximate_size(); });
  };
  table.transaction_on_error = [](FDBTransaction* t, fdb_error_t code) {
    return future_of("on_error", [&] { return of(t).on_error(code); });
  };
}

}  // namespace

void configure(const Host& host) {
  OpenDatabases::instance().configure(host);
}

std::string why_not_opened() {
  return open_refusal;
}

const platform::FdbApi& api() {
  static const platform::FdbApi table = [] {
    platform::FdbApi filling{};
    fill_process(filling);
    fill_futures(filling);
    fill_database(filling);
    fill_reads(filling);
    fill_writes(filling);
    fill_transactions(filling);
    return filling;
  }();
  return table;
}

}  // namespace everframe::embedded
