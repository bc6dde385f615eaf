// The table of FoundationDB's C functions, each a thin step from C's types to ours. Nothing is thrown across
// it.
#include "embedded/engine.h"

#include <mutex>
#include <new>

#include "base/log.h"
#include "embedded/errors.h"
#include "embedded/network.h"
#include "embedded/open_databases.h"
#include "embedded/transaction.h"

namespace everframe::embedded {

namespace {

// "release,source,protocol": of the FoundationDB whose semantics the engine has.
constexpr const char* CLIENT_VERSION = "7.3.0,everframe,fdb00b073000000";

thread_local std::string open_refusal;

std::string_view text(FdbBytes bytes, int length) {
  if (bytes == nullptr || length <= 0) return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length)};
}
OptionValue option_value(FdbBytes bytes, int length) {
  if (bytes == nullptr) return std::nullopt;
  return text(bytes, length);
}
FdbBytes bytes(std::string_view from) {
  return reinterpret_cast<const std::uint8_t*>(from.data());
}
// What a C handle of a transaction stands for. FoundationDB lets several threads use one at once, and its
// bindings do, so each call has it for itself. Callbacks that the call causes come before it returns, once
// others may use the transaction again: they may wait for those, and may destroy the handle.
struct SharedTransaction {
  explicit SharedTransaction(std::shared_ptr<Handle> handle) : transaction(std::move(handle)) {}
  std::mutex mutex;
  Transaction transaction;
  std::shared_ptr<SharedTransaction> held_by_caller;
};
SharedTransaction& shared(FDBTransaction* handle) {
  return *reinterpret_cast<SharedTransaction*>(handle);
}
// The transaction for the length of one expression.
class Held {
 public:
  explicit Held(FDBTransaction* handle) : shared_(shared(handle).held_by_caller), lock_(shared_->mutex) {}
  Transaction* operator->() const { return &shared_->transaction; }

 private:
  const std::shared_ptr<SharedTransaction> shared_;
  const CallbacksLater later_;  // outlives the lock
  const std::lock_guard<std::mutex> lock_;
};
Held of(FDBTransaction* handle) {
  return Held(handle);
}
// A C handle is a share in the Handle.
std::shared_ptr<Handle>& of(FDBDatabase* handle) {
  return *reinterpret_cast<std::shared_ptr<Handle>*>(handle);
}

// A bug of ours, or memory running out, becomes FoundationDB's "unknown error": C cannot catch.
template <class Call>
FDBFuture* future_of(const char* name, Call call) {
  try {
    return Future::hand_out(call());
  } catch (const std::exception& problem) {
    log::error("{} failed: {}", name, problem.what());
    return refused_future(error::UNKNOWN_ERROR);
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

void fill_process(platform::FdbApi& table) {
  table.select_api_version_impl = [](int runtime, int header) {
    return Network::instance().select(runtime, header);
  };
  table.get_max_api_version = [] { return API_VERSION_MAX; };
  table.get_client_version = [] { return CLIENT_VERSION; };
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
  table.network_set_option = [](int option, FdbBytes value, int length) {
    return Network::instance().set_option(option, option_value(value, length));
  };
  table.setup_network = [] { return Network::instance().set_up(); };
  table.run_network = [] { return Network::instance().run(); };
  table.stop_network = [] { return Network::instance().stop(); };
  table.add_network_thread_completion_hook = [](void (*hook)(void*), void* parameter) {
    return guarded("add_network_thread_completion_hook",
                   [&] { return Network::instance().add_completion_hook(hook, parameter); });
  };
}

// A number's type in C may differ from ours, as bool's does.
template <class T, class Out>
fdb_error_t read_number(FDBFuture* future, Out* out) {
  const T* number = nullptr;
  const fdb_error_t code = Future::of(future).read(number);
  if (code == 0) *out = *number;
  return code;
}

void fill_futures(platform::FdbApi& table) {
  table.future_cancel = [](FDBFuture* f) { Future::of(f).cancel(); };
  table.future_release_memory = [](FDBFuture* f) { Future::of(f).release_memory(); };
  table.future_destroy = [](FDBFuture* f) { Future::destroy(f); };
  table.future_block_until_ready = [](FDBFuture* f) { return Future::of(f).block_until_ready(); };
  table.future_is_ready = [](FDBFuture* f) -> fdb_bool_t { return Future::of(f).is_ready(); };
  table.future_set_callback = [](FDBFuture* f, FDBCallback callback, void* parameter) {
    return Future::of(f).set_callback(callback, parameter);
  };
  table.future_get_error = [](FDBFuture* f) { return Future::of(f).error(); };
  table.future_get_bool = [](FDBFuture* f, fdb_bool_t* out) { return read_number<bool>(f, out); };
  table.future_get_int64 = [](FDBFuture* f, std::int64_t* out) { return read_number<std::int64_t>(f, out); };
  table.future_get_uint64 = [](FDBFuture* f, std::uint64_t* out) {
    return read_number<std::uint64_t>(f, out);
  };
  table.future_get_double = [](FDBFuture* f, double* out) { return read_number<double>(f, out); };
  table.future_get_key = [](FDBFuture* f, FdbBytes* key, int* length) {
    const Future::Key* found = nullptr;
    if (const fdb_error_t code = Future::of(f).read(found)) return code;
    *key = bytes(found->bytes);
    *length = static_cast<int>(found->bytes.size());
    return error::SUCCESS;
  };
  table.future_get_value = [](FDBFuture* f, fdb_bool_t* present, FdbBytes* value, int* length) {
    const std::optional<std::string>* found = nullptr;
    if (const fdb_error_t code = Future::of(f).read(found)) return code;
    *present = found->has_value();
    *value = *found ? bytes(**found) : nullptr;
    *length = *found ? static_cast<int>((*found)->size()) : 0;
    return error::SUCCESS;
  };
}

void fill_future_arrays(platform::FdbApi& table) {
  table.future_get_keyvalue_array = [](FDBFuture* f, const FDBKeyValue** rows, int* count, fdb_bool_t* more) {
    return guarded("future_get_keyvalue_array", [&] {
      bool is_more = false;
      const fdb_error_t code = Future::of(f).read_rows(*rows, *count, is_more);
      *more = is_more;
      return code;
    });
  };
  table.future_get_mappedkeyvalue_array = [](FDBFuture* f, const FDBMappedKeyValue** rows, int* count,
                                             fdb_bool_t* more) {
    return guarded("future_get_mappedkeyvalue_array", [&] {
      bool is_more = false;
      const fdb_error_t code = Future::of(f).read_mapped_rows(*rows, *count, is_more);
      *more = is_more;
      return code;
    });
  };
  table.future_get_key_array = [](FDBFuture* f, const FDBKey** keys, int* count) {
    return guarded("future_get_key_array", [&] { return Future::of(f).read_keys(*keys, *count); });
  };
  table.future_get_string_array = [](FDBFuture* f, const char*** strings, int* count) {
    return guarded("future_get_string_array", [&] { return Future::of(f).read_strings(*strings, *count); });
  };
  table.future_get_keyrange_array = [](FDBFuture* f, const FDBKeyRange** ranges, int* count) {
    return guarded("future_get_keyrange_array",
                   [&] { return Future::of(f).read_key_ranges(*ranges, *count); });
  };
}

fdb_error_t create_database(const char* target, FDBDatabase** out) {
  return guarded("create_database", [&]() -> fdb_error_t {
    if (!Network::instance().is_selected()) return error::API_VERSION_UNSET;
    auto opened = OpenDatabases::instance().open(target == nullptr ? "" : target);
    if (!opened) {
      open_refusal = opened.error().text;
      return opened.error().code == 0 ? error::IO_ERROR : opened.error().code;
    }
    *out = reinterpret_cast<FDBDatabase*>(new std::shared_ptr<Handle>(std::move(*opened)));
    return error::SUCCESS;
  });
}

// What fdb_database_get_client_status tells of a client that is always connected to itself.
std::string client_status(const Handle& handle) {
  std::string target;
  for (const char c : handle.target()) {
    if (c == '"' || c == '\\') target.push_back('\\');
    if (static_cast<unsigned char>(c) >= ' ') target.push_back(c);
  }
  return R"({"Healthy":true,"InitializationState":"created","ClusterID":")" + target +
         R"(","CurrentCoordinator":null,"Coordinators":[],"CommitProxies":[],"GrvProxies":[],)"
         R"("StorageServers":[],"Connections":[],"NumConnectionsFailed":0})";
}

void fill_database(platform::FdbApi& table) {
  table.create_database = create_database;
  table.create_database_from_connection_string = create_database;
  table.database_destroy = [](FDBDatabase* database) { delete &of(database); };
  table.database_set_option = [](FDBDatabase* database, int option, FdbBytes value, int length) {
    return guarded("database_set_option",
                   [&] { return of(database)->set_option(option, option_value(value, length)); });
  };
  table.database_create_transaction = [](FDBDatabase* database, FDBTransaction** out) {
    return guarded("create_transaction", [&]() -> fdb_error_t {
      const auto made = std::make_shared<SharedTransaction>(of(database));
      made->held_by_caller = made;
      *out = reinterpret_cast<FDBTransaction*>(made.get());
      return error::SUCCESS;
    });
  };
  table.database_get_main_thread_busyness = [](FDBDatabase* database) {
    return of(database)->database().busyness();
  };
  table.database_get_server_protocol = [](FDBDatabase*, std::uint64_t expected) {
    // It tells of a change from `expected`, and this protocol never changes.
    return future_of("get_server_protocol", [&] {
      return expected == PROTOCOL_VERSION ? Future::make() : Future::make_ready(0, PROTOCOL_VERSION);
    });
  };
  table.database_get_client_status = [](FDBDatabase* database) {
    return future_of("get_client_status",
                     [&] { return Future::make_ready(0, Future::Key{client_status(*of(database))}); });
  };
}

Transaction::RangeRequest range_request(FdbBytes begin, int begin_length, fdb_bool_t begin_or_equal,
                                        int begin_offset, FdbBytes end, int end_length,
                                        fdb_bool_t end_or_equal, int end_offset) {
  return {{text(begin, begin_length), begin_or_equal != 0, begin_offset},
          {text(end, end_length), end_or_equal != 0, end_offset},
          0,
          0,
          0,
          0,
          false,
          false};
}

void fill_reads(platform::FdbApi& table) {
  table.transaction_set_read_version = [](FDBTransaction* t, std::int64_t version) {
    of(t)->set_read_version(version);
  };
  table.transaction_get_read_version = [](FDBTransaction* t) {
    return future_of("get_read_version", [&] { return of(t)->read_version(); });
  };
  table.transaction_get = [](FDBTransaction* t, FdbBytes key, int length, fdb_bool_t snapshot) {
    return future_of("get", [&] { return of(t)->get(text(key, length), snapshot != 0); });
  };
  table.transaction_get_key = [](FDBTransaction* t, FdbBytes key, int length, fdb_bool_t or_equal, int offset,
                                 fdb_bool_t snapshot) {
    return future_of("get_key", [&] {
      return of(t)->get_key({text(key, length), or_equal != 0, offset}, snapshot != 0);
    });
  };
  table.transaction_get_range = [](FDBTransaction* t, FdbBytes begin, int begin_length,
                                   fdb_bool_t begin_or_equal, int begin_offset, FdbBytes end, int end_length,
                                   fdb_bool_t end_or_equal, int end_offset, int limit, int target_bytes,
                                   int mode, int iteration, fdb_bool_t snapshot, fdb_bool_t reverse) {
    auto request = range_request(begin, begin_length, begin_or_equal, begin_offset, end, end_length,
                                 end_or_equal, end_offset);
    request.limit = limit;
    request.target_bytes = target_bytes;
    request.mode = mode;
    request.iteration = iteration;
    request.snapshot = snapshot != 0;
    request.reverse = reverse != 0;
    return future_of("get_range", [&] { return of(t)->get_range(request); });
  };
  table.transaction_get_mapped_range = [](FDBTransaction* t, FdbBytes begin, int begin_length,
                                          fdb_bool_t begin_or_equal, int begin_offset, FdbBytes end,
                                          int end_length, fdb_bool_t end_or_equal, int end_offset,
                                          FdbBytes mapper, int mapper_length, int limit, int target_bytes,
                                          int mode, int iteration, fdb_bool_t snapshot, fdb_bool_t reverse) {
    auto request = range_request(begin, begin_length, begin_or_equal, begin_offset, end, end_length,
                                 end_or_equal, end_offset);
    request.limit = limit;
    request.target_bytes = target_bytes;
    request.mode = mode;
    request.iteration = iteration;
    request.snapshot = snapshot != 0;
    request.reverse = reverse != 0;
    return future_of("get_mapped_range",
                     [&] { return of(t)->get_mapped_range(request, text(mapper, mapper_length)); });
  };
  table.transaction_get_addresses_for_key = [](FDBTransaction* t, FdbBytes, int) {
    return future_of("get_addresses_for_key", [&] { return of(t)->addresses_for_key(); });
  };
  table.transaction_get_estimated_range_size_bytes = [](FDBTransaction* t, FdbBytes begin, int begin_length,
                                                        FdbBytes end, int end_length) {
    return future_of("get_estimated_range_size_bytes", [&] {
      return of(t)->estimated_bytes(text(begin, begin_length), text(end, end_length));
    });
  };
  table.transaction_get_range_split_points = [](FDBTransaction* t, FdbBytes begin, int begin_length,
                                                FdbBytes end, int end_length, std::int64_t chunk_bytes) {
    return future_of("get_range_split_points", [&] {
      return of(t)->split_points(text(begin, begin_length), text(end, end_length), chunk_bytes);
    });
  };
}

void fill_writes(platform::FdbApi& table) {
  table.transaction_set = [](FDBTransaction* t, FdbBytes key, int key_length, FdbBytes value,
                             int value_length) {
    guarded("set", [&] {
      of(t)->set(text(key, key_length), text(value, value_length));
      return error::SUCCESS;
    });
  };
  table.transaction_atomic_op = [](FDBTransaction* t, FdbBytes key, int key_length, FdbBytes operand,
                                   int operand_length, int operation) {
    guarded("atomic_op", [&] {
      of(t)->atomic(operation, text(key, key_length), text(operand, operand_length));
      return error::SUCCESS;
    });
  };
  table.transaction_clear = [](FDBTransaction* t, FdbBytes key, int length) {
    guarded("clear", [&] {
      of(t)->clear(text(key, length));
      return error::SUCCESS;
    });
  };
  table.transaction_clear_range = [](FDBTransaction* t, FdbBytes begin, int begin_length, FdbBytes end,
                                     int end_length) {
    guarded("clear_range", [&] {
      of(t)->clear_range(text(begin, begin_length), text(end, end_length));
      return error::SUCCESS;
    });
  };
  table.transaction_add_conflict_range = [](FDBTransaction* t, FdbBytes begin, int begin_length, FdbBytes end,
                                            int end_length, int type) {
    return guarded("add_conflict_range", [&] {
      return of(t)->add_conflict_range(text(begin, begin_length), text(end, end_length), type);
    });
  };
}

void fill_transactions(platform::FdbApi& table) {
  table.transaction_destroy = [](FDBTransaction* t) {
    const auto last = std::move(shared(t).held_by_caller);
  };
  table.transaction_cancel = [](FDBTransaction* t) { of(t)->cancel(); };
  table.transaction_reset = [](FDBTransaction* t) { of(t)->reset(); };
  table.transaction_set_option = [](FDBTransaction* t, int option, FdbBytes value, int length) {
    return guarded("set_option", [&] { return of(t)->set_option(option, option_value(value, length)); });
  };
  table.transaction_watch = [](FDBTransaction* t, FdbBytes key, int length) {
    return future_of("watch", [&] { return of(t)->watch(text(key, length)); });
  };
  table.transaction_commit = [](FDBTransaction* t) {
    return future_of("commit", [&] { return of(t)->commit(); });
  };
  table.transaction_get_committed_version = [](FDBTransaction* t, std::int64_t* out) {
    *out = of(t)->committed_version();
    return error::SUCCESS;
  };
  table.transaction_get_versionstamp = [](FDBTransaction* t) {
    return future_of("get_versionstamp", [&] { return of(t)->versionstamp(); });
  };
  table.transaction_get_approximate_size = [](FDBTransaction* t) {
    return future_of("get_approximate_size", [&] { return of(t)->approximate_size(); });
  };
  table.transaction_get_total_cost = [](FDBTransaction* t) {
    return future_of("get_total_cost", [&] { return of(t)->total_cost(); });
  };
  table.transaction_get_tag_throttled_duration = [](FDBTransaction* t) {
    return future_of("get_tag_throttled_duration", [&] { return of(t)->tag_throttled_duration(); });
  };
  table.transaction_on_error = [](FDBTransaction* t, fdb_error_t code) {
    return future_of("on_error", [&] { return of(t)->on_error(code); });
  };
}

}  // namespace

void configure(const Host& host) {
  OpenDatabases::instance().configure(host);
}

FDBFuture* refused_future(fdb_error_t code) {
  return Future::hand_out(Future::make_ready(code));
}

std::string why_not_opened() {
  return open_refusal;
}

const platform::FdbApi& api() {
  static const platform::FdbApi table = [] {
    platform::FdbApi filling{};
    fill_process(filling);
    fill_futures(filling);
    fill_future_arrays(filling);
    fill_database(filling);
    fill_reads(filling);
    fill_writes(filling);
    fill_transactions(filling);
    return filling;
  }();
  return table;
}

}  // namespace everframe::embedded
