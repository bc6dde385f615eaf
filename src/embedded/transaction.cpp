#include "embedded/transaction.h"

#include <algorithm>
#include <climits>

#include "embedded/atomic_ops.h"
#include "embedded/errors.h"

namespace everframe::embedded {

namespace {

constexpr Duration BACKOFF_START = 10ms;         // FoundationDB's DEFAULT_BACKOFF
constexpr Duration VERSION_RETRY_DELAY = 10ms;   // FUTURE_VERSION_RETRY_DELAY
constexpr Duration CONSTRAINED_DELAY_MAX = 30s;  // RESOURCE_CONSTRAINED_MAX_BACKOFF
constexpr std::int64_t SIZE_LIMIT_MIN = 32;
constexpr std::size_t STAMPED_VALUE_PLACE = 14;  // 10 bytes of stamp, 4 of offset

// fdb.options, TransactionOption: those that mean something here, and those that are known and do nothing,
// because one process has no proxies, locks, tags or traces to steer.
constexpr int OPTION_NEXT_WRITE_NO_CONFLICT = 30;
constexpr int OPTION_READ_YOUR_WRITES_DISABLE = 51;
constexpr int OPTION_ACCESS_SYSTEM_KEYS = 301;
constexpr int OPTION_READ_SYSTEM_KEYS = 302;
constexpr int OPTION_TIMEOUT = 500;
constexpr int OPTION_RETRY_LIMIT = 501;
constexpr int OPTION_MAX_RETRY_DELAY = 502;
constexpr int OPTION_SIZE_LIMIT = 503;
constexpr int OPTION_SNAPSHOT_RYW_ENABLE = 600;
constexpr int OPTION_SNAPSHOT_RYW_DISABLE = 601;
constexpr int OPTION_USED_DURING_COMMIT_PROTECTION_DISABLE = 701;
constexpr int OPTION_BYPASS_UNREADABLE = 1100;
constexpr int OPTIONS_WITHOUT_EFFECT[] = {10,  20,  21,  22,  23,  40,  50,   52,   110,  120, 130, 200,
                                          201, 300, 303, 304, 400, 401, 402,  403,  404,  405, 504, 505,
                                          506, 507, 508, 509, 510, 511, 700,  702,  710,  711, 712, 713,
                                          714, 715, 800, 801, 802, 900, 1000, 1101, 2000, 2001};

bool has_effect(int option) {
  switch (option) {
    case OPTION_NEXT_WRITE_NO_CONFLICT:
    case OPTION_READ_YOUR_WRITES_DISABLE:
    case OPTION_ACCESS_SYSTEM_KEYS:
    case OPTION_READ_SYSTEM_KEYS:
    case OPTION_TIMEOUT:
    case OPTION_RETRY_LIMIT:
    case OPTION_MAX_RETRY_DELAY:
    case OPTION_SIZE_LIMIT:
    case OPTION_SNAPSHOT_RYW_ENABLE:
    case OPTION_SNAPSHOT_RYW_DISABLE:
    case OPTION_USED_DURING_COMMIT_PROTECTION_DISABLE:
    case OPTION_BYPASS_UNREADABLE:
      return true;
    default:
      return false;
  }
}

// An integer option: 8 bytes, little-endian, within [low, high].
std::optional<std::int64_t> integer(std::string_view value, std::int64_t low, std::int64_t high) {
  if (value.size() != 8) return std::nullopt;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits |= std::uint64_t{static_cast<std::uint8_t>(value[i])} << (8 * i);
  const auto number = static_cast<std::int64_t>(bits);
  if (number < low || number > high) return std::nullopt;
  return number;
}

std::size_t key_bytes_max(std::string_view key) {
  return key.starts_with('\xff') ? SYSTEM_KEY_BYTES_MAX : KEY_BYTES_MAX;
}

// No key is longer than the limit, so a longer bound means the same as its cut form.
std::string_view cut(std::string_view bound) {
  return bound.substr(0, key_bytes_max(bound) + 1);
}

}  // namespace

Transaction::Transaction(std::shared_ptr<Database> database)
    : database_(std::move(database)), created_at_(database_->clock().now()), backoff_(BACKOFF_START) {
  begin_attempt();
}

Transaction::~Transaction() {
  generation_->fail(error::TRANSACTION_CANCELLED);
  for (const Watch& watch : watches_) watch.future->send(error::TRANSACTION_CANCELLED);
}

void Transaction::begin_attempt() {
  const auto old = std::move(generation_);
  std::vector<Watch> watches = std::move(watches_);
  options_ = {};
  generation_ = std::make_shared<Generation>();
  outcome_.reset();
  deferred_ = 0;
  read_version_ = NO_VERSION;
  writes_ = WriteMap();
  plain_mutations_.clear();
  read_conflicts_.clear();
  write_conflicts_.clear();
  watches_.clear();
  stamps_.clear();
  approximate_size_ = 0;
  commit_started_ = false;
  if (persistent_.timeout > Duration::zero()) arm_timeout();
  // Callbacks last: they may use the transaction.
  if (old != nullptr) old->fail(error::TRANSACTION_CANCELLED);
  for (const Watch& watch : watches) watch.future->send(error::TRANSACTION_CANCELLED);
}

void Transaction::cancel() {
  generation_->fail(error::TRANSACTION_CANCELLED);
}

void Transaction::reset() {
  persistent_ = {};
  retries_ = 0;
  backoff_ = BACKOFF_START;
  created_at_ = database_->clock().now();
  begin_attempt();
}

void Transaction::arm_timeout() {
  const Time due = created_at_ + persistent_.timeout;
  if (due <= database_->clock().now()) {
    generation_->fail(error::TRANSACTION_TIMED_OUT);
    return;
  }
  database_->at(due, [generation = std::weak_ptr<Generation>(generation_)] {
    if (const auto alive = generation.lock()) alive->fail(error::TRANSACTION_TIMED_OUT);
  });
}

// Before every use: an earlier error, or a commit that was started, forbids it.
fdb_error_t Transaction::check() {
  if (commit_started_) {
    const fdb_error_t before = generation_->error();
    if (!options_.used_during_commit_protection_disabled) generation_->fail(error::USED_DURING_COMMIT);
    return before != 0 ? before : error::USED_DURING_COMMIT;
  }
  if (const fdb_error_t code = generation_->error()) return code;
  return deferred_;
}

void Transaction::defer(fdb_error_t code) {
  if (deferred_ == 0) deferred_ = code;
}

fdb_error_t Transaction::set_option(int option, const std::uint8_t* value, int length) {
  if (!has_effect(option)) {
    const bool known = std::find(std::begin(OPTIONS_WITHOUT_EFFECT), std::end(OPTIONS_WITHOUT_EFFECT),
                                 option) != std::end(OPTIONS_WITHOUT_EFFECT);
    return known ? error::SUCCESS : error::INVALID_OPTION;
  }
  const std::string_view text =
      value == nullptr || length <= 0
          ? std::string_view()
          : std::string_view(reinterpret_cast<const char*>(value), static_cast<std::size_t>(length));
  // FoundationDB tells of a bad value with the next future.
  if (const fdb_error_t code = set_known_option(option, text)) defer(code);
  return error::SUCCESS;
}

fdb_error_t Transaction::set_known_option(int option, std::string_view value) {
  const auto number = [&](std::int64_t low, std::int64_t high) { return integer(value, low, high); };
  switch (option) {
    case OPTION_TIMEOUT:
      if (const auto ms = number(0, INT_MAX)) {
        persistent_.timeout = std::chrono::milliseconds(*ms);
        if (*ms > 0) arm_timeout();
        return error::SUCCESS;
      }
      return error::INVALID_OPTION_VALUE;
    case OPTION_RETRY_LIMIT:
      if (const auto limit = number(-1, INT_MAX)) {
        persistent_.retry_limit = static_cast<int>(*limit);
        return error::SUCCESS;
      }
      return error::INVALID_OPTION_VALUE;
    case OPTION_MAX_RETRY_DELAY:
      if (const auto ms = number(0, INT_MAX)) {
        persistent_.retry_delay_max = std::chrono::milliseconds(*ms);
        return error::SUCCESS;
      }
      return error::INVALID_OPTION_VALUE;
    case OPTION_SIZE_LIMIT:
      if (const auto bytes = number(SIZE_LIMIT_MIN, TRANSACTION_BYTES_MAX)) {
        persistent_.size_limit = *bytes;
        return error::SUCCESS;
      }
      return error::INVALID_OPTION_VALUE;
    default:
      break;
  }
  if (!value.empty()) return error::INVALID_OPTION_VALUE;
  switch (option) {
    case OPTION_NEXT_WRITE_NO_CONFLICT:
      options_.next_write_no_conflict = true;
      break;
    case OPTION_READ_YOUR_WRITES_DISABLE:
      if (read_version_ != NO_VERSION || !writes_.empty()) return error::CLIENT_INVALID_OPERATION;
      options_.read_your_writes_disabled = true;
      break;
    case OPTION_ACCESS_SYSTEM_KEYS:
      options_.read_system_keys = options_.write_system_keys = true;
      break;
    case OPTION_READ_SYSTEM_KEYS:
      options_.read_system_keys = true;
      break;
    case OPTION_SNAPSHOT_RYW_ENABLE:
      ++options_.snapshot_sees_writes;
      break;
    case OPTION_SNAPSHOT_RYW_DISABLE:
      --options_.snapshot_sees_writes;
      break;
    case OPTION_USED_DURING_COMMIT_PROTECTION_DISABLE:
      options_.used_during_commit_protection_disabled = true;
      break;
    case OPTION_BYPASS_UNREADABLE:
      options_.bypass_unreadable = true;
      break;
    default:
      return error::INVALID_OPTION;
  }
  return error::SUCCESS;
}

std::string_view Transaction::max_read_key() const {
  return options_.read_system_keys ? std::string_view("\xff\xff") : std::string_view("\xff");
}
std::string_view Transaction::max_write_key() const {
  return options_.write_system_keys ? std::string_view("\xff\xff") : std::string_view("\xff");
}

FutureRef Transaction::read_version() {
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  if (read_version_ == NO_VERSION) read_version_ = database_->read_version();
  return Future::make_ready(0, read_version_);
}

void Transaction::set_read_version(Version version) {
  if (version <= 0) return defer(error::VERSION_INVALID);
  if (read_version_ != NO_VERSION) return defer(error::READ_VERSION_ALREADY_SET);
  read_version_ = version;
}

bool Transaction::take_write_conflict() {
  const bool conflict = !options_.next_write_no_conflict;
  options_.next_write_no_conflict = false;
  return conflict;
}

void Transaction::add_write_conflict(std::string_view begin, std::string_view end) {
  approximate_size_ += static_cast<std::int64_t>(begin.size() + end.size()) + RANGE_OVERHEAD;
  write_conflicts_.add(begin, end);
}

// Of a key about to be written; 0 if it may be.
fdb_error_t Transaction::check_written_key(std::string_view key) const {
  if (key.starts_with("\xff\xff") || key >= max_write_key()) return error::KEY_OUTSIDE_LEGAL_RANGE;
  if (key.size() > key_bytes_max(key)) return error::KEY_TOO_LARGE;
  return error::SUCCESS;
}

void Transaction::set(std::string_view key, std::string_view value) {
  const bool conflict = take_write_conflict();
  if (const fdb_error_t code = check()) return defer(code);
  if (key == METADATA_VERSION_KEY) return defer(error::CLIENT_INVALID_OPERATION);
  if (const fdb_error_t code = check_written_key(key)) return defer(code);
  if (value.size() > VALUE_BYTES_MAX) return defer(error::VALUE_TOO_LARGE);
  approximate_size_ += static_cast<std::int64_t>(key.size() + value.size()) + MUTATION_OVERHEAD;
  if (conflict) add_write_conflict(key, key_after(key));
  if (options_.read_your_writes_disabled) {
    plain_mutations_.push_back({MutationType::SET, std::string(key), std::string(value)});
    return;
  }
  writes_.set(key, value);
  if (watches_.empty()) return;
  const std::optional<std::string> now{std::string(value)};
  trigger_watches(key, key_after(key), &now);
}

void Transaction::clear(std::string_view key) {
  if (key.size() > key_bytes_max(key)) {  // there is no such key
    take_write_conflict();
    return;
  }
  if (key >= max_write_key()) {
    take_write_conflict();
    return defer(error::KEY_OUTSIDE_LEGAL_RANGE);
  }
  clear_range(key, key_after(key));
}

void Transaction::clear_range(std::string_view begin, std::string_view end) {
  const bool conflict = take_write_conflict();
  if (const fdb_error_t code = check()) return defer(code);
  if (begin > end) return defer(error::INVERTED_RANGE);
  if (begin > max_write_key() || end > max_write_key()) return defer(error::KEY_OUTSIDE_LEGAL_RANGE);
  begin = cut(begin);
  end = cut(end);
  if (begin >= end) return;
  approximate_size_ += static_cast<std::int64_t>(begin.size() + end.size()) + MUTATION_OVERHEAD;
  if (conflict) add_write_conflict(begin, end);
  if (options_.read_your_writes_disabled) {
    plain_mutations_.push_back({MutationType::CLEAR_RANGE, std::string(begin), std::string(end)});
    return;
  }
  writes_.clear(begin, end);
  const std::optional<std::string> absent;
  trigger_watches(begin, end, &absent);
}

void Transaction::atomic(int type, std::string_view key, std::string_view operand) {
  const bool conflict = take_write_conflict();
  if (const fdb_error_t code = check()) return defer(code);
  const auto operation = static_cast<MutationType>(type);
  const bool stamped_key = operation == MutationType::SET_VERSIONSTAMPED_KEY;
  const bool stamped_value = operation == MutationType::SET_VERSIONSTAMPED_VALUE;
  if (key == METADATA_VERSION_KEY) {
    if (!stamped_value || operand != std::string(STAMPED_VALUE_PLACE, '\0')) {
      return defer(error::CLIENT_INVALID_OPERATION);
    }
  } else if (const fdb_error_t code = check_written_key(key)) {
    return defer(code);
  }
  if (!is_atomic_operation(type)) return defer(error::INVALID_MUTATION_TYPE);
  if (operand.size() > VALUE_BYTES_MAX) return defer(error::VALUE_TOO_LARGE);
  if ((stamped_key && !stamp_offset(key)) || (stamped_value && !stamp_offset(operand))) {
    return defer(error::CLIENT_INVALID_OPERATION);
  }
  approximate_size_ += static_cast<std::int64_t>(key.size() + operand.size()) + MUTATION_OVERHEAD;
  if (conflict && !stamped_key) add_write_conflict(key, key_after(key));
  if (options_.read_your_writes_disabled) {
    plain_mutations_.push_back({operation, std::string(key), std::string(operand), conflict});
    return;
  }
  if (stamped_key) {
    const Version least = std::max<Version>(read_version_, 0);
    std::string end = with_stamp(key, std::string(STAMP_BYTES, '\xff'));
    writes_.stamped_key(key, operand, {with_stamp(key, embedded::versionstamp(least, 0)), key_after(end)},
                        conflict);
    return;
  }
  writes_.atomic(operation, key, operand);
  trigger_watches(key, key_after(key), nullptr);
}

fdb_error_t Transaction::add_conflict_range(std::string_view begin, std::string_view end, int type) {
  constexpr int READ = 0;
  constexpr int WRITE = 1;
  if (type != READ && type != WRITE) return error::CLIENT_INVALID_OPERATION;
  if (begin > end) return error::INVERTED_RANGE;
  const fdb_error_t unusable = check();
  const std::string_view top = type == READ ? max_read_key() : max_write_key();
  if (unusable != 0) {
    defer(unusable);
  } else if (begin > top || end > top) {
    defer(error::KEY_OUTSIDE_LEGAL_RANGE);
  } else if (begin < end) {
    type == READ ? add_read_conflict(cut(begin), cut(end)) : add_write_conflict(cut(begin), cut(end));
  }
  return error::SUCCESS;
}

// A write of this transaction to a key it watches: the watch comes true unless the value stays as expected.
void Transaction::trigger_watches(std::string_view begin, std::string_view end,
                                  const std::optional<std::string>* value) {
  std::vector<FutureRef> fired;
  std::erase_if(watches_, [&](const Watch& watch) {
    if (watch.key < begin || watch.key >= end) return false;
    if (value != nullptr && *value == watch.expected) return false;
    fired.push_back(watch.future);
    return true;
  });
  for (const FutureRef& future : fired) future->send(0);
}

FutureRef Transaction::watch(std::string_view key) {
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  if (options_.read_your_writes_disabled) return Future::make_ready(error::WATCHES_DISABLED);
  if (key >= max_read_key()) return Future::make_ready(error::KEY_OUTSIDE_LEGAL_RANGE);
  if (key.size() > key_bytes_max(key)) return Future::make_ready(error::KEY_TOO_LARGE);
  auto value = read_key(key, sees_writes(false));
  if (!value) return Future::make_ready(value.error().code);
  add_read_conflict(key, key_after(key));
  auto future = Future::make();
  if (!database_->watches().reserve(future)) return Future::make_ready(error::TOO_MANY_WATCHES);
  watches_.push_back({std::string(key), std::move(*value), future});
  return future;
}

std::int64_t Transaction::size_of(const CommitRequest& request) const {
  std::size_t bytes = request.mutations.size() * MUTATION_OVERHEAD +
                      (request.reads.size() + request.writes.size()) * RANGE_OVERHEAD;
  for (const Mutation& mutation : request.mutations) bytes += mutation.key.size() + mutation.value.size();
  for (const auto* ranges : {&request.reads, &request.writes}) {
    for (const KeyRange& range : *ranges) bytes += range.begin.size() + range.end.size();
  }
  return static_cast<std::int64_t>(bytes);
}

CommitRequest Transaction::make_request() {
  CommitRequest request;
  request.mutations = options_.read_your_writes_disabled ? std::move(plain_mutations_) : writes_.mutations();
  request.reads = read_conflicts_.all();
  request.writes = write_conflicts_.all();
  request.bytes = static_cast<std::size_t>(size_of(request));
  if (!request.reads.empty() && read_version_ == NO_VERSION) read_version_ = database_->read_version();
  request.read_version = read_version_;
  request.outcome = outcome_;
  return request;
}

FutureRef Transaction::commit() {
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  commit_started_ = true;
  outcome_ = std::make_shared<CommitOutcome>();
  const FutureRef future = outcome_->future;
  outcome_->stamps = stamps_;
  CommitRequest request = make_request();
  if (static_cast<std::int64_t>(request.bytes) > persistent_.size_limit) {
    for (const FutureRef& stamp : stamps_) stamp->send(error::TRANSACTION_TOO_LARGE);
    future->send(error::TRANSACTION_TOO_LARGE);
    return future;
  }
  outcome_->watches = std::move(watches_);
  watches_.clear();
  if (request.mutations.empty() && request.writes.empty()) {
    // Nothing written: its reads are of one version, which is all it asks.
    database_->commit_read_only(*outcome_);
    future->send(0);
    return future;
  }
  generation_->add(future);
  database_->commit(std::move(request));
  return future;
}

Version Transaction::committed_version() const {
  return outcome_ == nullptr ? NO_VERSION : outcome_->version.load();
}

FutureRef Transaction::versionstamp() {
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  auto future = Future::make();
  generation_->add(future);
  stamps_.push_back(future);
  return future;
}

FutureRef Transaction::approximate_size() {
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  return Future::make_ready(0, approximate_size_);
}

FutureRef Transaction::on_error(fdb_error_t code) {
  if (const fdb_error_t earlier = generation_->error()) return Future::make_ready(earlier);
  const bool exhausted = persistent_.retry_limit != -1 && retries_ >= persistent_.retry_limit;
  if (retries_ < INT_MAX) ++retries_;
  if (exhausted || !error::is_retryable(code)) {
    generation_->fail(error::TRANSACTION_CANCELLED);
    return Future::make_ready(code);
  }
  Duration delay = VERSION_RETRY_DELAY;
  if (code != error::TRANSACTION_TOO_OLD && code != error::FUTURE_VERSION) {
    const bool constrained = code == error::PROXY_MEMORY_LIMIT || code == 1078;
    const Duration longest = constrained
                                 ? std::max<Duration>(CONSTRAINED_DELAY_MAX, persistent_.retry_delay_max)
                                 : persistent_.retry_delay_max;
    backoff_ = std::min(backoff_, longest);
    delay = Duration(database_->jitter(static_cast<std::uint64_t>(backoff_.count()) + 1));
    backoff_ = std::min(backoff_ * 2, longest);
  }
  delay = std::min(delay, persistent_.retry_delay_max);
  begin_attempt();
  auto future = Future::make();
  generation_->add(future);
  database_->at(database_->clock().now() + delay, [weak = std::weak_ptr<Future>(future)] {
    if (const auto alive = weak.lock()) alive->send(0);
  });
  return future;
}

}  // namespace everframe::embedded
