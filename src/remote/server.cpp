#include "remote/server.h"

#include <algorithm>

#include "base/log.h"
#include "remote/protocol.h"

namespace everframe::remote {

namespace {

constexpr int CLIENT_INVALID_OPERATION = 2000;

class FutureHandle {
 public:
  FutureHandle(const platform::FdbApi& api, FDBFuture* future) : api_(api), future_(future) {}
  FutureHandle(const FutureHandle&) = delete;
  FutureHandle& operator=(const FutureHandle&) = delete;
  ~FutureHandle() { api_.future_destroy(future_); }
  FDBFuture* get() const { return future_; }
  fdb_error_t wait() const {
    if (const fdb_error_t code = api_.future_block_until_ready(future_)) return code;
    return api_.future_get_error(future_);
  }

 private:
  const platform::FdbApi& api_;
  FDBFuture* const future_;
};

const std::uint8_t* start(const std::string& text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}
int size(const std::string& text) {
  return static_cast<int>(text.size());
}
ByteView bytes(const std::uint8_t* from, int length) {
  return {from, static_cast<std::size_t>(length)};
}

}  // namespace

// One client: its requests, one after another.
class Server::Connection {
 public:
  Connection(const Options& options, FDBDatabase* database, platform_os::LocalStream& stream)
      : options_(options), api_(*options.api), database_(database), stream_(stream) {}

  void run() {
    if (!greet()) return;
    for (;;) {
      const auto request = receive_frame(stream_, REQUEST_BYTES_MAX);
      if (!request) return;  // it has ended, or speaks something else
      const auto answered = answer(*request);
      if (!answered) {
        Bytes body;
        ByteWriter out(body);
        out.zigzag(answered.error().code);
        out.text(answered.error().text);
        if (!send_frame(stream_, Kind::FAILED, body)) return;
      } else if (!send_frame(stream_, request->kind, *answered)) {
        return;
      }
    }
  }

 private:
  bool greet() {
    const auto hello = receive_frame(stream_, REQUEST_BYTES_MAX);
    if (!hello || hello->kind != Kind::HELLO) return false;
    ByteReader in(hello->body);
    if (in.text(MAGIC.size()) != MAGIC || !in.ok()) return false;
    Bytes body;  // of whatever protocol the client is: it sees that it cannot go on
    ByteWriter out(body);
    out.text(MAGIC);
    out.u32(PROTOCOL);
    return send_frame(stream_, Kind::HELLO, body).has_value() && in.u32() == PROTOCOL;
  }

  Result<Bytes> answer(const Frame& request) {
    if (request.kind == Kind::BACKUP_BEGIN) return begin_backup();
    if (request.kind == Kind::BACKUP_NEXT) return next_of_backup();
    FDBTransaction* made = nullptr;
    if (const fdb_error_t code = api_.database_create_transaction(database_, &made)) return failed(code);
    const std::unique_ptr<FDBTransaction, void (*)(FDBTransaction*)> transaction(made,
                                                                                 api_.transaction_destroy);
    if (request.kind == Kind::READ_VERSION) return read_version(made);
    ByteReader in(request.body);
    api_.transaction_set_read_version(made, static_cast<std::int64_t>(in.u64()));
    switch (request.kind) {
      case Kind::GET:
        return get(made, in);
      case Kind::GET_KEY:
        return get_key(made, in);
      case Kind::GET_RANGE:
        return get_range(made, in);
      case Kind::ESTIMATE:
        return estimate(made, in);
      default:
        return failed(CLIENT_INVALID_OPERATION);
    }
  }

  tl::unexpected<Error> failed(fdb_error_t code) const { return fail_with(code, "{}", api_.get_error(code)); }

  Result<Bytes> read_version(FDBTransaction* transaction) {
    const FutureHandle future(api_, api_.transaction_get_read_version(transaction));
    std::int64_t version = 0;
    if (const fdb_error_t code = future.wait()) return failed(code);
    if (const fdb_error_t code = api_.future_get_int64(future.get(), &version)) return failed(code);
    Bytes body;
    ByteWriter(body).u64(static_cast<std::uint64_t>(version));
    return body;
  }

  Result<Bytes> get(FDBTransaction* transaction, ByteReader& in) {
    const std::string key(in.text(KEY_BYTES_MAX));
    if (!in.done()) return failed(CLIENT_INVALID_OPERATION);
    const FutureHandle future(api_, api_.transaction_get(transaction, start(key), size(key), 1));
    fdb_bool_t present = 0;
    const std::uint8_t* value = nullptr;
    int length = 0;
    if (const fdb_error_t code = future.wait()) return failed(code);
    if (const fdb_error_t code = api_.future_get_value(future.get(), &present, &value, &length)) {
      return failed(code);
    }
    Bytes body;
    ByteWriter out(body);
    out.u8(present != 0 ? 1 : 0);
    out.bytes(bytes(value, length));
    return body;
  }

  Result<Bytes> get_key(FDBTransaction* transaction, ByteReader& in) {
    const Selector s = read_selector(in);
    if (!in.done()) return failed(CLIENT_INVALID_OPERATION);
    const FutureHandle future(
        api_, api_.transaction_get_key(transaction, start(s.key), size(s.key), s.or_equal, s.offset, 1));
    const std::uint8_t* key = nullptr;
    int length = 0;
    if (const fdb_error_t code = future.wait()) return failed(code);
    if (const fdb_error_t code = api_.future_get_key(future.get(), &key, &length)) return failed(code);
    Bytes body;
    ByteWriter(body).bytes(bytes(key, length));
    return body;
  }

  Result<Bytes> get_range(FDBTransaction* transaction, ByteReader& in) {
    const Selector from = read_selector(in);
    const Selector to = read_selector(in);
    const std::int32_t limit = in.zigzag32();
    const std::int32_t target_bytes = in.zigzag32();
    const std::int32_t mode = in.zigzag32();
    const std::int32_t iteration = in.zigzag32();
    const bool reverse = in.u8() != 0;
    if (!in.done()) return failed(CLIENT_INVALID_OPERATION);
    const FutureHandle future(
        api_, api_.transaction_get_range(transaction, start(from.key), size(from.key), from.or_equal,
                                         from.offset, start(to.key), size(to.key), to.or_equal, to.offset,
                                         limit, target_bytes, mode, iteration, 1, reverse));
    const FDBKeyValue* rows = nullptr;
    int count = 0;
    fdb_bool_t more = 0;
    if (const fdb_error_t code = future.wait()) return failed(code);
    if (const fdb_error_t code = api_.future_get_keyvalue_array(future.get(), &rows, &count, &more)) {
      return failed(code);
    }
    Bytes body;
    ByteWriter out(body);
    out.u8(more != 0 ? 1 : 0);
    out.varint(static_cast<std::uint64_t>(count));
    for (int i = 0; i < count; ++i) {
      out.bytes(bytes(rows[i].key, rows[i].key_length));
      out.bytes(bytes(rows[i].value, rows[i].value_length));
    }
    if (body.size() >= ANSWER_BYTES_MAX) return failed(CLIENT_INVALID_OPERATION);
    return body;
  }

  Result<Bytes> estimate(FDBTransaction* transaction, ByteReader& in) {
    const std::string begin(in.text(KEY_BYTES_MAX));
    const std::string end(in.text(KEY_BYTES_MAX));
    if (!in.done()) return failed(CLIENT_INVALID_OPERATION);
    const FutureHandle future(api_, api_.transaction_get_estimated_range_size_bytes(
                                        transaction, start(begin), size(begin), start(end), size(end)));
    std::int64_t estimated = 0;
    if (const fdb_error_t code = future.wait()) return failed(code);
    if (const fdb_error_t code = api_.future_get_int64(future.get(), &estimated)) return failed(code);
    Bytes body;
    ByteWriter(body).u64(static_cast<std::uint64_t>(estimated));
    return body;
  }

  Result<Bytes> begin_backup() {
    backup_.reset();
    auto source = options_.begin_backup();
    if (!source) return tl::unexpected<Error>(source.error());
    backup_ = std::move(*source);
    Bytes body;
    ByteWriter out(body);
    out.u64(static_cast<std::uint64_t>(backup_->version()));
    out.u64(backup_->rows_estimate());
    return body;
  }

  Result<Bytes> next_of_backup() {
    if (backup_ == nullptr) return failed(CLIENT_INVALID_OPERATION);
    const auto rows = backup_->next();
    if (!rows) return tl::unexpected<Error>(rows.error());
    Bytes body;
    ByteWriter out(body);
    out.varint(rows->size());
    for (const platform::StoredRow& row : *rows) {
      out.text(row.key);
      out.text(row.value);
    }
    if (rows->empty()) backup_.reset();
    return body;
  }

  const Options& options_;
  const platform::FdbApi& api_;
  FDBDatabase* const database_;
  platform_os::LocalStream& stream_;
  std::unique_ptr<platform::BackupSource> backup_;
};

Result<std::unique_ptr<Server>> Server::open(Options options) {
  auto listener = platform_os::LocalListener::open(options.path);
  if (!listener) return tl::unexpected<Error>(listener.error());
  FDBDatabase* database = nullptr;
  if (const fdb_error_t code = options.api->create_database(options.target.c_str(), &database)) {
    return fail_with(code, "{}: {}", options.target, options.api->get_error(code));
  }
  return std::unique_ptr<Server>(new Server(std::move(options), std::move(*listener), database));
}

Server::Server(Options options, std::unique_ptr<platform_os::LocalListener> listener, FDBDatabase* database)
    : options_(std::move(options)), listener_(std::move(listener)), database_(database) {
  accepter_ = std::thread([this] { accept_loop(); });
}

Server::~Server() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    listener_->close_now();
    for (const auto& stream : streams_) stream->close_now();
    left_.notify_all();
    left_.wait(lock, [this] { return streams_.empty(); });
  }
  accepter_.join();
  options_.api->database_destroy(database_);
}

void Server::accept_loop() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      left_.wait(lock, [this] { return stopping_ || streams_.size() < CONNECTIONS_MAX; });
      if (stopping_) return;
    }
    auto accepted = listener_->accept();
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (!accepted) {
      log::warn("tools can no longer reach the live store: {}", accepted.error().text);
      return;
    }
    streams_.push_back(std::move(*accepted));
    // Counted by streams_, for which the destructor waits.
    std::thread([this, stream = streams_.back()] { serve(stream); }).detach();
  }
}

void Server::serve(std::shared_ptr<platform_os::LocalStream> stream) {
  try {
    Connection(options_, database_, *stream).run();
  } catch (const std::exception& bug) {
    log::error("a tool's connection ends: {}", bug.what());
  }
  const std::lock_guard lock(mutex_);
  std::erase(streams_, stream);
  left_.notify_all();  // under the lock: the server may be gone right behind it
}

}  // namespace everframe::remote
