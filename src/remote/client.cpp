#include "remote/client.h"

#include <mutex>
#include <optional>
#include <vector>

#include "remote/protocol.h"

namespace everframe::remote {

namespace {

// FoundationDB's codes.
constexpr fdb_error_t OPERATION_FAILED = 1000;
constexpr fdb_error_t TRANSACTION_CANCELLED = 1025;
constexpr fdb_error_t IO_ERROR = 1510;
constexpr fdb_error_t CLIENT_INVALID_OPERATION = 2000;
constexpr fdb_error_t CONNECTION_STRING_INVALID = 2104;
constexpr std::int64_t NO_VERSION = -1;

thread_local std::string open_refusal;

// One connection, greeted.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const std::string& path) {
    auto stream = platform_os::LocalStream::connect(path);
    if (!stream) return tl::unexpected<Error>(stream.error());
    auto connection = std::make_unique<Connection>(std::move(*stream));
    Bytes body;
    ByteWriter out(body);
    out.text(MAGIC);
    out.u32(PROTOCOL);
    const auto hello = connection->ask(Kind::HELLO, body);
    if (!hello) return fail("{}: {}", path, hello.error().text);
    ByteReader in(*hello);
    const bool ours = in.text(MAGIC.size()) == MAGIC;
    const std::uint32_t protocol = in.u32();
    if (!in.done() || !ours) return fail("{}: what answers is no store of Everframe", path);
    if (protocol != PROTOCOL) {
      return fail("{}: the server speaks protocol {}, this program {}: use the server's own tools", path,
                  protocol, PROTOCOL);
    }
    return connection;
  }

  explicit Connection(std::unique_ptr<platform_os::LocalStream> stream) : stream_(std::move(stream)) {}

  Result<Bytes> ask(Kind kind, ByteView body) {
    const std::lock_guard lock(mutex_);
    if (auto sent = send_frame(*stream_, kind, body); !sent)
      return fail_with(IO_ERROR, "{}", sent.error().text);
    auto answer = receive_frame(*stream_, ANSWER_BYTES_MAX + 1);
    if (!answer) return fail_with(IO_ERROR, "{}", answer.error().text);
    if (answer->kind == kind) return std::move(answer->body);
    ByteReader in(answer->body);
    const std::int32_t code = in.zigzag32();
    const std::string text(in.text(answer->body.size()));
    if (answer->kind != Kind::FAILED || !in.done())
      return fail_with(IO_ERROR, "the server answers something else");
    return fail_with(code == 0 ? OPERATION_FAILED : code, "{}", text);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<platform_os::LocalStream> stream_;
};

struct RemoteDatabase {
  std::unique_ptr<Connection> connection;
};

// Ready from the start.
struct RemoteFuture {
  fdb_error_t error = 0;
  std::int64_t number = 0;
  bool present = false;
  std::string bytes;  // a value, or a key
  std::vector<platform::StoredRow> rows;
  std::vector<FDBKeyValue> views;
  bool more = false;
};

struct RemoteTransaction {
  Connection* connection = nullptr;  // the database's, which outlives it
  std::int64_t read_version = NO_VERSION;
  bool wrote = false;
  bool cancelled = false;
};

RemoteFuture& of(FDBFuture* handle) {
  return *reinterpret_cast<RemoteFuture*>(handle);
}
RemoteTransaction& of(FDBTransaction* handle) {
  return *reinterpret_cast<RemoteTransaction*>(handle);
}
FDBFuture* give(std::unique_ptr<RemoteFuture> future) {
  return reinterpret_cast<FDBFuture*>(future.release());
}
FDBFuture* give_error(fdb_error_t code) {
  auto future = std::make_unique<RemoteFuture>();
  future->error = code;
  return give(std::move(future));
}
std::string text(const std::uint8_t* bytes, int length) {
  return length <= 0 ? std::string()
                     : std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}
const std::uint8_t* raw(const std::string& from) {
  return reinterpret_cast<const std::uint8_t*>(from.data());
}

bool read_rows(ByteReader& in, std::vector<platform::StoredRow>& rows) {
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string key(in.text(KEY_BYTES_MAX));
    std::string value(in.text(VALUE_BYTES_MAX));
    rows.push_back({std::move(key), std::move(value)});
  }
  return in.done();
}

// 0, and the transaction has its read version.
fdb_error_t settle_version(RemoteTransaction& t) {
  if (t.cancelled) return TRANSACTION_CANCELLED;
  if (t.read_version != NO_VERSION) return 0;
  const auto answer = t.connection->ask(Kind::READ_VERSION, {});
  if (!answer) return answer.error().code;
  ByteReader in(*answer);
  t.read_version = static_cast<std::int64_t>(in.u64());
  return in.done() ? 0 : IO_ERROR;
}

// Asks for `kind`, with the read version and what `fill` adds; `read` makes a future of the answer, false: it
// does not parse.
template <class Fill, class Read>
FDBFuture* ask(FDBTransaction* handle, Kind kind, Fill fill, Read read) {
  RemoteTransaction& t = of(handle);
  if (const fdb_error_t code = settle_version(t)) return give_error(code);
  Bytes body;
  ByteWriter out(body);
  out.u64(static_cast<std::uint64_t>(t.read_version));
  fill(out);
  const auto answer = t.connection->ask(kind, body);
  if (!answer) return give_error(answer.error().code);
  auto future = std::make_unique<RemoteFuture>();
  ByteReader in(*answer);
  if (!read(in, *future) || !in.done()) return give_error(IO_ERROR);
  return give(std::move(future));
}

void fill_futures(platform::FdbApi& table) {
  table.future_cancel = [](FDBFuture*) {};
  table.future_destroy = [](FDBFuture* f) { delete &of(f); };
  table.future_block_until_ready = [](FDBFuture*) -> fdb_error_t { return 0; };
  table.future_is_ready = [](FDBFuture*) -> fdb_bool_t { return 1; };
  table.future_set_callback = [](FDBFuture* f, FDBCallback callback, void* parameter) -> fdb_error_t {
    callback(f, parameter);
    return 0;
  };
  table.future_get_error = [](FDBFuture* f) { return of(f).error; };
  table.future_get_int64 = [](FDBFuture* f, std::int64_t* out) {
    *out = of(f).number;
    return of(f).error;
  };
  table.future_get_key = [](FDBFuture* f, const std::uint8_t** key, int* length) {
    *key = raw(of(f).bytes);
    *length = static_cast<int>(of(f).bytes.size());
    return of(f).error;
  };
  table.future_get_value = [](FDBFuture* f, fdb_bool_t* present, const std::uint8_t** value, int* length) {
    *present = of(f).present;
    *value = raw(of(f).bytes);
    *length = static_cast<int>(of(f).bytes.size());
    return of(f).error;
  };
  table.future_get_keyvalue_array = [](FDBFuture* f, const FDBKeyValue** rows, int* count, fdb_bool_t* more) {
    *rows = of(f).views.data();
    *count = static_cast<int>(of(f).views.size());
    *more = of(f).more;
    return of(f).error;
  };
}

fdb_error_t create_database(const char* target, FDBDatabase** out) {
  const std::string_view named = target == nullptr ? std::string_view() : target;
  if (!named.starts_with(SCHEME)) {
    open_refusal = "give unix:PATH";
    return CONNECTION_STRING_INVALID;
  }
  auto connection = Connection::open(std::string(named.substr(SCHEME.size())));
  if (!connection) {
    open_refusal = connection.error().text;
    return IO_ERROR;
  }
  *out = reinterpret_cast<FDBDatabase*>(new RemoteDatabase{std::move(*connection)});
  return 0;
}

void fill_database(platform::FdbApi& table) {
  table.create_database = create_database;
  table.database_destroy = [](FDBDatabase* handle) { delete reinterpret_cast<RemoteDatabase*>(handle); };
  table.database_create_transaction = [](FDBDatabase* handle, FDBTransaction** out) -> fdb_error_t {
    auto* made = new RemoteTransaction{reinterpret_cast<RemoteDatabase*>(handle)->connection.get()};
    *out = reinterpret_cast<FDBTransaction*>(made);
    return 0;
  };
}

void fill_reads(platform::FdbApi& table) {
  table.transaction_set_read_version = [](FDBTransaction* t, std::int64_t version) {
    of(t).read_version = version;
  };
  table.transaction_get_read_version = [](FDBTransaction* t) {
    if (const fdb_error_t code = settle_version(of(t))) return give_error(code);
    auto future = std::make_unique<RemoteFuture>();
    future->number = of(t).read_version;
    return give(std::move(future));
  };
  table.transaction_get = [](FDBTransaction* t, const std::uint8_t* key, int length, fdb_bool_t) {
    return ask(
        t, Kind::GET, [&](ByteWriter& out) { out.text(text(key, length)); },
        [](ByteReader& in, RemoteFuture& future) {
          future.present = in.u8() != 0;
          future.bytes = in.text(VALUE_BYTES_MAX);
          return in.ok();
        });
  };
  table.transaction_get_key = [](FDBTransaction* t, const std::uint8_t* key, int length, fdb_bool_t or_equal,
                                 int offset, fdb_bool_t) {
    return ask(
        t, Kind::GET_KEY,
        [&](ByteWriter& out) {
          write(out, Selector{text(key, length), or_equal != 0, offset});
        },
        [](ByteReader& in, RemoteFuture& future) {
          future.bytes = in.text(KEY_BYTES_MAX);
          return in.ok();
        });
  };
  // A server that does not know this answers 2000.
  table.transaction_get_estimated_range_size_bytes = [](FDBTransaction* t, const std::uint8_t* begin,
                                                        int begin_length, const std::uint8_t* end,
                                                        int end_length) {
    return ask(
        t, Kind::ESTIMATE,
        [&](ByteWriter& out) {
          out.text(text(begin, begin_length));
          out.text(text(end, end_length));
        },
        [](ByteReader& in, RemoteFuture& future) {
          future.number = static_cast<std::int64_t>(in.u64());
          return in.ok();
        });
  };
  table.transaction_get_range =
      [](FDBTransaction* t, const std::uint8_t* begin, int begin_length, fdb_bool_t begin_or_equal,
         int begin_offset, const std::uint8_t* end, int end_length, fdb_bool_t end_or_equal, int end_offset,
         int limit, int target_bytes, int mode, int iteration, fdb_bool_t, fdb_bool_t reverse) {
        return ask(
            t, Kind::GET_RANGE,
            [&](ByteWriter& out) {
              write(out, Selector{text(begin, begin_length), begin_or_equal != 0, begin_offset});
              write(out, Selector{text(end, end_length), end_or_equal != 0, end_offset});
              for (const int number : {limit, target_bytes, mode, iteration}) out.zigzag(number);
              out.u8(reverse != 0 ? 1 : 0);
            },
            [](ByteReader& in, RemoteFuture& future) {
              future.more = in.u8() != 0;
              if (!read_rows(in, future.rows)) return false;
              for (const platform::StoredRow& row : future.rows) {
                future.views.push_back({raw(row.key), static_cast<int>(row.key.size()), raw(row.value),
                                        static_cast<int>(row.value.size())});
              }
              return true;
            });
      };
}

// A tool that writes by mistake is told so by its commit.
void fill_writes(platform::FdbApi& table) {
  table.transaction_set = [](FDBTransaction* t, const std::uint8_t*, int, const std::uint8_t*, int) {
    of(t).wrote = true;
  };
  table.transaction_atomic_op = [](FDBTransaction* t, const std::uint8_t*, int, const std::uint8_t*, int,
                                   int) { of(t).wrote = true; };
  table.transaction_clear = [](FDBTransaction* t, const std::uint8_t*, int) { of(t).wrote = true; };
  table.transaction_clear_range = [](FDBTransaction* t, const std::uint8_t*, int, const std::uint8_t*, int) {
    of(t).wrote = true;
  };
  table.transaction_add_conflict_range = [](FDBTransaction*, const std::uint8_t*, int, const std::uint8_t*,
                                            int, int) -> fdb_error_t { return 0; };
  table.transaction_watch = [](FDBTransaction*, const std::uint8_t*, int) {
    return give_error(CLIENT_INVALID_OPERATION);
  };
  table.transaction_commit = [](FDBTransaction* t) {
    return give_error(of(t).cancelled ? TRANSACTION_CANCELLED : of(t).wrote ? CLIENT_INVALID_OPERATION : 0);
  };
  table.transaction_get_committed_version = [](FDBTransaction*, std::int64_t* out) -> fdb_error_t {
    *out = NO_VERSION;
    return 0;
  };
  table.transaction_get_versionstamp = [](FDBTransaction*) { return give_error(CLIENT_INVALID_OPERATION); };
  table.transaction_get_approximate_size = [](FDBTransaction*) { return give_error(0); };
}

}  // namespace

std::string why_not_opened() {
  return open_refusal;
}

namespace {

// What a tool that only reads never calls.
template <class R, class... A>
void refuse_if_missing(R (*&slot)(A...)) {
  constexpr fdb_error_t UNSUPPORTED_OPERATION = 2108;
  if (slot != nullptr) return;
  slot = [](A...) -> R {
    if constexpr (std::is_same_v<R, FDBFuture*>) {
      return give_error(UNSUPPORTED_OPERATION);
    } else if constexpr (std::is_same_v<R, fdb_error_t>) {
      return UNSUPPORTED_OPERATION;
    } else if constexpr (!std::is_void_v<R>) {
      return R{};
    }
  };
}

}  // namespace

const platform::FdbApi& api(const platform::FdbApi& pure) {
  static const platform::FdbApi table = [&] {
    platform::FdbApi filling{};
    filling.select_api_version_impl = pure.select_api_version_impl;
    filling.get_max_api_version = pure.get_max_api_version;
    filling.get_error = pure.get_error;
    filling.error_predicate = pure.error_predicate;
    filling.setup_network = pure.setup_network;
    filling.run_network = pure.run_network;
    filling.stop_network = pure.stop_network;
    fill_futures(filling);
    fill_database(filling);
    fill_reads(filling);
    fill_writes(filling);
    filling.transaction_destroy = [](FDBTransaction* t) { delete &of(t); };
    filling.transaction_cancel = [](FDBTransaction* t) { of(t).cancelled = true; };
    filling.transaction_reset = [](FDBTransaction* t) { of(t) = {of(t).connection}; };
    filling.transaction_set_option = [](FDBTransaction*, int, const std::uint8_t*, int) -> fdb_error_t {
      return 0;
    };
    // A page that took longer than its version lived is read anew; whatever else failed will fail again.
    filling.transaction_on_error = [](FDBTransaction* t, fdb_error_t code) {
      constexpr fdb_error_t TRANSACTION_TOO_OLD = 1007;
      if (code == TRANSACTION_TOO_OLD) of(t) = {of(t).connection};
      return give_error(code == TRANSACTION_TOO_OLD ? 0 : code);
    };
#define FILL(result, name, parameters, arguments) refuse_if_missing(filling.name);
    EVERFRAME_FDB_FUNCTIONS_710(FILL)
    EVERFRAME_FDB_FUNCTIONS_730(FILL)
#undef FILL
    return filling;
  }();
  return table;
}

namespace {

class RemoteBackup final : public platform::BackupSource {
 public:
  RemoteBackup(std::unique_ptr<Connection> connection, std::int64_t version, std::uint64_t rows)
      : connection_(std::move(connection)), version_(version), rows_(rows) {}
  std::int64_t version() const override { return version_; }
  std::uint64_t rows_estimate() const override { return rows_; }
  Result<std::vector<platform::StoredRow>> next() override {
    const auto answer = connection_->ask(Kind::BACKUP_NEXT, {});
    if (!answer) return tl::unexpected<Error>(answer.error());
    ByteReader in(*answer);
    std::vector<platform::StoredRow> rows;
    if (!read_rows(in, rows)) return fail("the server's answer does not parse");
    return rows;
  }

 private:
  const std::unique_ptr<Connection> connection_;
  const std::int64_t version_;
  const std::uint64_t rows_;
};

}  // namespace

Result<std::unique_ptr<platform::BackupSource>> begin_backup(const std::string& path) {
  auto connection = Connection::open(path);
  if (!connection) return tl::unexpected<Error>(connection.error());
  const auto answer = (*connection)->ask(Kind::BACKUP_BEGIN, {});
  if (!answer) return tl::unexpected<Error>(answer.error());
  ByteReader in(*answer);
  const auto version = static_cast<std::int64_t>(in.u64());
  const std::uint64_t rows = in.u64();
  if (!in.done()) return fail("{}: the server's answer does not parse", path);
  return std::make_unique<RemoteBackup>(std::move(*connection), version, rows);
}

}  // namespace everframe::remote
