#include "store/database.h"

#include <algorithm>
#include <deque>

#include "store/future.h"
#include "store/network.h"
#include "store/recent_version.h"
#include "store/world_keys.h"

namespace everframe::store {

namespace {

constexpr int CONFLICT_READ = 0;  // FDB_CONFLICT_RANGE_TYPE_READ
constexpr int CONFLICT_WRITE = 1;
constexpr int OPTION_NEXT_WRITE_NO_CONFLICT = 30;  // fdb.options
constexpr int OPTION_PRIORITY_BATCH = 201;
constexpr int OPTION_TIMEOUT = 500;
constexpr int OPTION_RETRY_LIMIT = 501;
constexpr int OPTION_REPORT_CONFLICTING_KEYS = 712;
constexpr std::string_view CONFLICTING_KEYS = "\xff\xff/transaction/conflicting_keys/";
constexpr std::size_t CONFLICTS_TOLD = 5;  // in an Error's text

const std::uint8_t* start_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}
int length_of(std::string_view text) {
  EF_ASSERT(text.size() <= INT32_MAX);
  return static_cast<int>(text.size());
}
tl::unexpected<Error> failed_with(const platform::FdbApi& api, std::string_view doing, fdb_error_t code) {
  return fail_with(code, "the store: {}: {} (FoundationDB's error {})", doing, api.get_error(code), code);
}
std::string copy(const std::uint8_t* bytes, int length) {
  return length == 0 ? std::string()
                     : std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

std::string text_of(const std::vector<KeyRange>& ranges) {
  std::string out;
  for (std::size_t i = 0; i < ranges.size() && i < CONFLICTS_TOLD; ++i) {
    const KeyRange& range = ranges[i];
    if (i > 0) out += ", ";
    out += key_text(range.begin);
    if (range.end != range.begin + '\0') out += " to " + key_text(range.end);
  }
  if (ranges.size() > CONFLICTS_TOLD) out += fmt::format(" and {} more", ranges.size() - CONFLICTS_TOLD);
  return out;
}

}  // namespace

struct Transaction::State {
  State(const platform::FdbApi& table, FDBTransaction* transaction, platform::Executor& home,
        std::shared_ptr<RecentVersion> last_version)
      : api(table), handle(transaction), executor(home), recent(std::move(last_version)) {}
  ~State() { api.transaction_destroy(handle); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  tl::unexpected<Error> failed(std::string_view doing, fdb_error_t code) const {
    return failed_with(api, doing, code);
  }

  void forget_try() {
    stamp_orders = 0;
    reports_conflicts = false;
    checks.clear();
    hooks.clear();
  }

  const platform::FdbApi& api;
  FDBTransaction* const handle;
  platform::Executor& executor;
  const std::shared_ptr<RecentVersion> recent;  // the database's
  int inline_left = INLINE_MAX;

  // Of this try.
  std::uint32_t stamp_orders = 0;  // given out
  bool reports_conflicts = false;
  std::deque<CommitCheck> checks;  // one that runs may add others behind it
  std::vector<Function<void()>> hooks;
};

// The coroutines hold the state themselves: a Transaction may go while one of them waits. Its destructor has
// then cancelled the transaction, and they end with an error.
struct Transaction::Steps {
  using Shared = std::shared_ptr<State>;

  static Task<Result<std::optional<std::string>>> get(Shared state, KeyBytes key, bool snapshot) {
    const auto& api = state->api;
    Future future(api, api.transaction_get(state->handle, start_of(key), length_of(key), snapshot),
                  state->executor, &state->inline_left);
    fdb_error_t code = co_await future;
    fdb_bool_t present = 0;
    const std::uint8_t* value = nullptr;
    int length = 0;
    if (code == 0) code = api.future_get_value(future.get(), &present, &value, &length);
    if (code != 0) co_return state->failed("reading a key", code);
    if (present == 0) co_return std::nullopt;
    co_return copy(value, length);
  }

  // One answer of the engine's, added to `rows`; true: there may be more behind it. `options.limit` counts
  // what is there already. What it refers to outlives it.
  static Task<Result<bool>> fetch(const Shared& state, const KeySelector& begin, const KeySelector& end,
                                  RangeOptions options, std::size_t bytes_max, StreamingMode mode,
                                  int iteration, KeyValues& rows) {
    const auto& api = state->api;
    const std::size_t left = options.limit == 0 ? 0 : options.limit - rows.size();
    const int limit = static_cast<int>(std::min<std::size_t>(left, INT32_MAX));
    const int target_bytes = static_cast<int>(std::min<std::size_t>(bytes_max, INT32_MAX));
    Future future(api,
                  api.transaction_get_range(
                      state->handle, start_of(begin.key), length_of(begin.key), begin.or_equal, begin.offset,
                      start_of(end.key), length_of(end.key), end.or_equal, end.offset, limit, target_bytes,
                      static_cast<int>(mode), iteration, options.snapshot, options.reverse),
                  state->executor, &state->inline_left);
    fdb_error_t code = co_await future;
    const FDBKeyValue* page = nullptr;
    int count = 0;
    fdb_bool_t more = 0;
    if (code == 0) code = api.future_get_keyvalue_array(future.get(), &page, &count, &more);
    if (code != 0) co_return state->failed("reading a range", code);
    rows.append({page, static_cast<std::size_t>(count)});
    co_return more != 0 && count != 0;
  }

  static Task<Result<Page>> get_page(Shared state, KeyRange range, RangeOptions options,
                                     std::size_t bytes_max) {
    const KeySelector begin = KeySelector::first_at_or_after(std::move(range.begin));
    const KeySelector end = KeySelector::first_at_or_after(std::move(range.end));
    Page page;
    const auto more =
        co_await fetch(state, begin, end, options, bytes_max, StreamingMode::WANT_ALL, 1, page.rows);
    if (!more) co_return tl::unexpected<Error>(more.error());
    page.more = *more;
    co_return std::move(page);
  }

  static Task<Result<KeyValues>> get_range(Shared state, KeySelector begin, KeySelector end,
                                           RangeOptions options, StreamingMode mode) {
    KeyValues rows;
    for (int iteration = 1;; ++iteration) {
      const auto more = co_await fetch(state, begin, end, options, 0, mode, iteration, rows);
      if (!more) co_return tl::unexpected<Error>(more.error());
      const bool enough = options.limit != 0 && rows.size() >= options.limit;
      if (!*more || enough) co_return std::move(rows);
      std::string last(rows.back().key);
      if (options.reverse) {
        end = KeySelector::first_at_or_after(std::move(last));
      } else {
        begin = KeySelector::first_after(std::move(last));
      }
    }
  }
  static Task<Result<KeyValues>> get_range(Shared state, KeyRange range, RangeOptions options) {
    return get_range(std::move(state), KeySelector::first_at_or_after(std::move(range.begin)),
                     KeySelector::first_at_or_after(std::move(range.end)), options, StreamingMode::WANT_ALL);
  }

  static Task<Result<std::int64_t>> read_version(Shared state) {
    const auto& api = state->api;
    Future future(api, api.transaction_get_read_version(state->handle), state->executor, &state->inline_left);
    fdb_error_t code = co_await future;
    std::int64_t version = 0;
    if (code == 0) code = api.future_get_int64(future.get(), &version);
    if (code != 0) co_return state->failed("asking for a read version", code);
    co_return version;
  }

  static Task<Result<std::string>> get_key(Shared state, KeySelector selector, bool snapshot) {
    const auto& api = state->api;
    Future future(api,
                  api.transaction_get_key(state->handle, start_of(selector.key), length_of(selector.key),
                                          selector.or_equal, selector.offset, snapshot),
                  state->executor, &state->inline_left);
    fdb_error_t code = co_await future;
    FdbBytes key = nullptr;
    int length = 0;
    if (code == 0) code = api.future_get_key(future.get(), &key, &length);
    if (code != 0) co_return state->failed("finding a key", code);
    co_return copy(key, length);
  }

  // Of a future that holds a number.
  static Task<Result<std::int64_t>> number(Shared state, FDBFuture* asked, std::string_view doing) {
    const auto& api = state->api;
    Future future(api, asked, state->executor, &state->inline_left);
    fdb_error_t code = co_await future;
    std::int64_t out = 0;
    if (code == 0) code = api.future_get_int64(future.get(), &out);
    if (code != 0) co_return state->failed(doing, code);
    co_return out;
  }

  static Task<Result<std::vector<std::string>>> split_points(Shared state, KeyRange range,
                                                             std::int64_t chunk_bytes) {
    const auto& api = state->api;
    Future future(
        api,
        api.transaction_get_range_split_points(state->handle, start_of(range.begin), length_of(range.begin),
                                               start_of(range.end), length_of(range.end), chunk_bytes),
        state->executor, &state->inline_left);
    fdb_error_t code = co_await future;
    const FDBKey* keys = nullptr;
    int count = 0;
    if (code == 0) code = api.future_get_key_array(future.get(), &keys, &count);
    if (code != 0) co_return state->failed("splitting a range", code);
    std::vector<std::string> points;
    for (int i = 0; i < count; ++i) points.push_back(copy(keys[i].key, keys[i].key_length));
    co_return std::move(points);
  }

  // Never inline, so that a loop over transactions unwinds the stack.
  static Task<Result<void>> commit(Shared state) {
    const Time sent = state->executor.now();
    Future future(state->api, state->api.transaction_commit(state->handle), state->executor, nullptr);
    const fdb_error_t code = co_await future;
    if (code == NOT_COMMITTED && state->reports_conflicts) {
      const auto ranges = co_await conflicts(state);
      if (ranges && !ranges->empty()) {
        co_return fail_with(code, "the store: committing: others wrote meanwhile what this had read: {}",
                            text_of(*ranges));
      }
    }
    if (code != 0) co_return state->failed("committing", code);
    if (state->recent->is_known()) {
      std::int64_t version = -1;
      const fdb_error_t refused = state->api.transaction_get_committed_version(state->handle, &version);
      if (refused == 0) state->recent->learn(version, sent);
    }
    const auto hooks = std::exchange(state->hooks, {});
    for (const auto& hook : hooks) hook();
    co_return Result<void>{};
  }

  static Task<Result<void>> commit_checked(Shared state, Transaction& self) {
    for (std::size_t i = 0; i < state->checks.size(); ++i) {
      const auto allowed = co_await state->checks[i](self);
      if (!allowed) co_return allowed;
    }
    co_return co_await commit(state);
  }

  // A row "1" where a range begins, "0" where it ends (documentation "Special Keys").
  static Task<Result<std::vector<KeyRange>>> conflicts(Shared state) {
    KeyRange all{std::string(CONFLICTING_KEYS), std::string(CONFLICTING_KEYS) + "\xff\xff"};
    const auto rows = co_await get_range(state, std::move(all), RangeOptions());
    if (!rows) co_return tl::unexpected<Error>(rows.error());
    std::vector<KeyRange> out;
    for (const KeyValue& row : *rows) {
      std::string key(row.key.substr(CONFLICTING_KEYS.size()));
      if (row.value == "1") {
        out.push_back({std::move(key), {}});
      } else if (!out.empty()) {
        out.back().end = std::move(key);
      }
    }
    co_return std::move(out);
  }

  static Task<Result<void>> read_weakly(Shared state) {
    const Time asked = state->executor.now();
    if (const auto known = state->recent->not_older_than(WEAK_READ_AGE_MAX, asked)) {
      state->api.transaction_set_read_version(state->handle, *known);
      co_return Result<void>{};
    }
    const auto version = co_await read_version(state);
    if (!version) co_return tl::unexpected<Error>(version.error());
    state->recent->learn(*version, asked);
    co_return Result<void>{};
  }

  static Task<Result<void>> on_error(Shared state, Error error) {
    Future future(state->api, state->api.transaction_on_error(state->handle, error.code), state->executor,
                  nullptr);
    const fdb_error_t code = co_await future;
    state->forget_try();
    if (code == 0) co_return Result<void>{};
    if (code == error.code) co_return tl::unexpected<Error>(std::move(error));
    co_return fail_with(code, "the store: retrying: {} (FoundationDB's error {}); before that: {}",
                        state->api.get_error(code), code, error.text);
  }
};

Transaction::Transaction(std::shared_ptr<State> state) : state_(std::move(state)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction::~Transaction() {
  if (state_ != nullptr && state_.use_count() > 1) state_->api.transaction_cancel(state_->handle);
}

Task<Result<std::optional<std::string>>> Transaction::get(KeyBytes key, bool snapshot) {
  return Steps::get(state_, std::move(key), snapshot);
}
Task<Result<KeyValues>> Transaction::get_range(KeyRange range, RangeOptions options) {
  return Steps::get_range(state_, std::move(range), options);
}
Task<Result<Page>> Transaction::get_page(KeyRange range, RangeOptions options, std::size_t bytes_max) {
  return Steps::get_page(state_, std::move(range), options, bytes_max);
}
Task<Result<std::int64_t>> Transaction::read_version() {
  return Steps::read_version(state_);
}
Task<Result<void>> Transaction::commit() {
  if (!state_->checks.empty()) return Steps::commit_checked(state_, *this);
  return Steps::commit(state_);
}
void Transaction::add_commit_check(CommitCheck check) {
  state_->checks.push_back(std::move(check));
}
void Transaction::after_commit(Function<void()> hook) {
  state_->hooks.push_back(std::move(hook));
}
void Transaction::report_conflicts() {
  EF_ASSERT(state_->api.transaction_set_option(state_->handle, OPTION_REPORT_CONFLICTING_KEYS, nullptr, 0) ==
            0);
  state_->reports_conflicts = true;
}
Task<Result<std::vector<KeyRange>>> Transaction::conflicts() {
  return Steps::conflicts(state_);
}
Task<Result<void>> Transaction::read_weakly() {
  return Steps::read_weakly(state_);
}

// Both options are known to every engine; they stay over retries (API 610 and later).
void Transaction::set_limits(const RunOptions& options) {
  const auto set = [&](int option, std::int64_t value) {
    const std::string bytes = u64_value(static_cast<std::uint64_t>(value));
    EF_ASSERT(state_->api.transaction_set_option(state_->handle, option, start_of(bytes), length_of(bytes)) ==
              0);
  };
  if (options.time_max > Duration::zero()) {
    set(OPTION_TIMEOUT, std::chrono::ceil<std::chrono::milliseconds>(options.time_max).count());
  }
  if (options.retries_max >= 0) set(OPTION_RETRY_LIMIT, options.retries_max);
}
Task<Result<void>> Transaction::on_error(Error error) {
  return Steps::on_error(state_, std::move(error));
}

void Transaction::set(std::string_view key, std::string_view value) {
  state_->api.transaction_set(state_->handle, start_of(key), length_of(key), start_of(value),
                              length_of(value));
}
void Transaction::clear(std::string_view key) {
  state_->api.transaction_clear(state_->handle, start_of(key), length_of(key));
}
void Transaction::clear(const KeyRange& range) {
  state_->api.transaction_clear_range(state_->handle, start_of(range.begin), length_of(range.begin),
                                      start_of(range.end), length_of(range.end));
}
void Transaction::atomic(AtomicOp op, std::string_view key, std::string_view operand) {
  state_->api.transaction_atomic_op(state_->handle, start_of(key), length_of(key), start_of(operand),
                                    length_of(operand), static_cast<int>(op));
}
void Transaction::add(std::string_view key, std::int64_t delta) {
  atomic(AtomicOp::ADD, key, u64_value(static_cast<std::uint64_t>(delta)));
}

// A refused conflict range (an inverted one) is a bug of the caller's; one that is too long comes out of
// commit().
void Transaction::add_read_conflict(const KeyRange& range) {
  EF_ASSERT(state_->api.transaction_add_conflict_range(state_->handle, start_of(range.begin),
                                                       length_of(range.begin), start_of(range.end),
                                                       length_of(range.end), CONFLICT_READ) == 0);
}
void Transaction::add_write_conflict(const KeyRange& range) {
  EF_ASSERT(state_->api.transaction_add_conflict_range(state_->handle, start_of(range.begin),
                                                       length_of(range.begin), start_of(range.end),
                                                       length_of(range.end), CONFLICT_WRITE) == 0);
}

// Neither option takes a value, and both are known to every engine.
void Transaction::next_write_without_conflict() {
  EF_ASSERT(state_->api.transaction_set_option(state_->handle, OPTION_NEXT_WRITE_NO_CONFLICT, nullptr, 0) ==
            0);
}
void Transaction::use_batch_priority() {
  EF_ASSERT(state_->api.transaction_set_option(state_->handle, OPTION_PRIORITY_BATCH, nullptr, 0) == 0);
}
void Transaction::bump_metadata_version() {
  // A stamp of 10 bytes at offset 0, which the last 4 say.
  atomic(AtomicOp::SET_VERSIONSTAMPED_VALUE, METADATA_VERSION_KEY, std::string(14, '\0'));
}

Watch Transaction::watch(std::string_view key) {
  FDBFuture* future = state_->api.transaction_watch(state_->handle, start_of(key), length_of(key));
  return Watch(std::make_unique<Future>(state_->api, future, state_->executor, nullptr), state_->api);
}
StampPromise Transaction::versionstamp() {
  FDBFuture* future = state_->api.transaction_get_versionstamp(state_->handle);
  return StampPromise(std::make_unique<Future>(state_->api, future, state_->executor, nullptr), state_->api);
}
std::uint16_t Transaction::next_stamp_order() {
  EF_ASSERT(state_->stamp_orders <= UINT16_MAX);
  return static_cast<std::uint16_t>(state_->stamp_orders++);
}

Watch::Watch(std::unique_ptr<Future> future, const platform::FdbApi& api)
    : future_(std::move(future)), api_(&api) {}
Watch::Watch(Watch&&) noexcept = default;
Watch& Watch::operator=(Watch&&) noexcept = default;
Watch::~Watch() = default;
Task<Result<void>> Watch::changed() {
  Future& future = *future_;  // named: g++ 12 would copy what it is awaited through
  if (const fdb_error_t code = co_await future) co_return failed_with(*api_, "watching a key", code);
  co_return Result<void>{};
}

StampPromise::StampPromise(std::unique_ptr<Future> future, const platform::FdbApi& api)
    : future_(std::move(future)), api_(&api) {}
StampPromise::StampPromise(StampPromise&&) noexcept = default;
bool StampPromise::is_ready() const {
  return api_->future_is_ready(future_->get()) != 0;
}
bool Watch::is_ready() const {
  return api_->future_is_ready(future_->get()) != 0;
}
StampPromise::~StampPromise() = default;
Task<Result<TransactionStamp>> StampPromise::stamp() {
  Future& future = *future_;
  fdb_error_t code = co_await future;
  const std::uint8_t* bytes = nullptr;
  int length = 0;
  if (code == 0) code = api_->future_get_key(future.get(), &bytes, &length);
  if (code != 0) co_return failed_with(*api_, "asking for a versionstamp", code);
  TransactionStamp stamp;
  EF_ASSERT(length == static_cast<int>(stamp.bytes.size()));
  std::copy_n(bytes, stamp.bytes.size(), stamp.bytes.begin());
  co_return stamp;
}

Task<Result<std::string>> Transaction::get_key(KeySelector selector, bool snapshot) {
  return Steps::get_key(state_, std::move(selector), snapshot);
}
Task<Result<KeyValues>> Transaction::get_range(KeySelector begin, KeySelector end, RangeOptions options,
                                               StreamingMode mode) {
  return Steps::get_range(state_, std::move(begin), std::move(end), options, mode);
}
Task<Result<std::int64_t>> Transaction::approximate_bytes() {
  return Steps::number(state_, state_->api.transaction_get_approximate_size(state_->handle),
                       "asking for a transaction's size");
}
Task<Result<std::int64_t>> Transaction::estimated_bytes(KeyRange range) {
  return Steps::number(state_,
                       state_->api.transaction_get_estimated_range_size_bytes(
                           state_->handle, start_of(range.begin), length_of(range.begin), start_of(range.end),
                           length_of(range.end)),
                       "asking for a range's size");
}
Task<Result<std::vector<std::string>>> Transaction::split_points(KeyRange range, std::int64_t chunk_bytes) {
  return Steps::split_points(state_, std::move(range), chunk_bytes);
}

Result<void> Transaction::set_option(int code, std::optional<std::string_view> value) {
  const fdb_error_t refused = state_->api.transaction_set_option(
      state_->handle, code, value ? start_of(*value) : nullptr, value ? length_of(*value) : 0);
  if (refused != 0) return state_->failed("setting an option", refused);
  return {};
}
Result<void> Transaction::add_conflict_range(const KeyRange& range, Conflict kind) {
  const fdb_error_t refused = state_->api.transaction_add_conflict_range(
      state_->handle, start_of(range.begin), length_of(range.begin), start_of(range.end),
      length_of(range.end), static_cast<int>(kind));
  if (refused != 0) return state_->failed("adding a conflict range", refused);
  return {};
}
void Transaction::set_read_version(std::int64_t version) {
  state_->api.transaction_set_read_version(state_->handle, version);
}
void Transaction::reset() {
  state_->forget_try();
  state_->api.transaction_reset(state_->handle);
}
void Transaction::cancel() {
  state_->api.transaction_cancel(state_->handle);
}

std::int64_t Transaction::committed_version() const {
  std::int64_t version = -1;
  if (state_->api.transaction_get_committed_version(state_->handle, &version) != 0) return -1;
  return version;
}

struct Database::Connection {
  Connection(const platform::FdbApi& table, FDBDatabase* database) : api(table), handle(database) {}
  ~Connection() { api.database_destroy(handle); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const platform::FdbApi& api;
  FDBDatabase* const handle;
  const std::shared_ptr<RecentVersion> recent = std::make_shared<RecentVersion>();
};

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const platform::FdbApi& api, const std::string& target,
                                                 Function<std::string()> why) {
  if (auto started = start_network(api); !started) return tl::unexpected(started.error());
  FDBDatabase* handle = nullptr;
  if (const fdb_error_t code = api.create_database(target.c_str(), &handle)) {
    const std::string reason = why ? why() : std::string();
    return fail_with(code, "the store {} cannot be opened: {}", target,
                     reason.empty() ? std::string(api.get_error(code)) : reason);
  }
  return std::unique_ptr<Database>(new Database(std::make_unique<Connection>(api, handle)));
}

Result<void> Database::set_option(int code, std::optional<std::string_view> value) {
  const fdb_error_t refused = connection_->api.database_set_option(
      connection_->handle, code, value ? start_of(*value) : nullptr, value ? length_of(*value) : 0);
  if (refused == 0) return {};
  return fail_with(refused, "the store: setting an option: {} (FoundationDB's error {})",
                   connection_->api.get_error(refused), refused);
}

Transaction Database::begin(platform::Executor& executor) {
  FDBTransaction* handle = nullptr;
  const fdb_error_t refused = connection_->api.database_create_transaction(connection_->handle, &handle);
  EF_ASSERT(refused == 0);  // FoundationDB refuses only a handle that is none
  return Transaction(
      std::make_shared<Transaction::State>(connection_->api, handle, executor, connection_->recent));
}

}  // namespace everframe::store
