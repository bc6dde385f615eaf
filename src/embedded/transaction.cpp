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
constexpr std::size_t STAMPED_VALUE_PLACE = 14;  // 10 bytes of stamp, 4 of offset

std::size_t key_bytes_max(std::string_view key) {
  return key.starts_with('\xff') ? SYSTEM_KEY_BYTES_MAX : KEY_BYTES_MAX;
}

// What FoundationDB's throttling counts for an operation: whole pages, a write for four reads
// (TAG_THROTTLING_PAGE_SIZE, GLOBAL_TAG_THROTTLING_RW_FUNGIBILITY_RATIO).
std::int64_t write_cost(std::size_t bytes) {
  constexpr std::int64_t PAGE = 4096;
  const auto pages = bytes == 0 ? 1 : (static_cast<std::int64_t>(bytes) - 1) / PAGE + 1;
  return 4 * PAGE * pages;
}

// No key is longer than the limit, so a longer bound means the same as its cut form.
std::string_view cut(std::string_view bound) {
  return bound.substr(0, key_bytes_max(bound) + 1);
}

}  // namespace

Transaction::Transaction(std::shared_ptr<Handle> handle)
    : handle_(std::move(handle)),
      database_(handle_->database()),
      created_at_(database_.clock().now()),
      backoff_(BACKOFF_START) {
  begin_attempt();
  apply_defaults(true);
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
  deferred_ = failed_read_ = 0;
  read_version_ = NO_VERSION;
  has_read_ = false;
  conflicting_.reset();
  written_ = std::make_shared<Written>();
  watches_.clear();
  stamps_.clear();
  approximate_size_ = 0;
  commit_started_ = false;
  arm_timeout();
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
  total_cost_ = 0;
  created_at_ = database_.clock().now();
  begin_attempt();
  apply_defaults(true);
}

// Measured from the transaction's creation or its last reset, whenever it is set; 0 takes it away.
void Transaction::arm_timeout() {
  if (persistent_.timeout <= Duration::zero()) return generation_->set_deadline(std::nullopt);
  const Time due = created_at_ + persistent_.timeout;
  generation_->set_deadline(due);
  if (due <= database_.clock().now()) return generation_->expire(due);
  database_.at(due, [due, generation = std::weak_ptr<Generation>(generation_)] {
    if (const auto alive = generation.lock()) alive->expire(due);
  });
}

// Once the commit was started, any use spoils it, unless an option says that the caller knows.
bool Transaction::is_used_during_commit() {
  if (!commit_started_) return false;
  if (!options_.used_during_commit_protection_disabled) generation_->fail(error::USED_DURING_COMMIT);
  return true;
}

// Before everything that gives a future, in FoundationDB's order.
fdb_error_t Transaction::check() {
  if (deferred_ != 0) return deferred_;
  if (is_used_during_commit()) return error::USED_DURING_COMMIT;
  return generation_->error();
}

// Before everything that gives none.
bool Transaction::refuses_write() {
  if (deferred_ != 0) return true;
  if (!is_used_during_commit()) return false;
  defer(error::USED_DURING_COMMIT);
  return true;
}

void Transaction::defer(fdb_error_t code) {
  if (deferred_ == 0) deferred_ = code;
}

std::string_view Transaction::max_read_key() const {
  return options_.read_system_keys ? std::string_view("\xff\xff") : std::string_view("\xff");
}
std::string_view Transaction::max_write_key() const {
  return options_.write_system_keys ? std::string_view("\xff\xff") : std::string_view("\xff");
}

// Also after the commit, as in FoundationDB: it tells the version that was read at.
FutureRef Transaction::read_version() {
  if (deferred_ != 0) return Future::make_ready(deferred_);
  if (const fdb_error_t code = generation_->error()) return Future::make_ready(code);
  const bool known = read_version_ != NO_VERSION;
  if (!known) read_version_ = database_.read_version();
  FaultDice& dice = handle_->dice();
  return delayed(Future::make_ready(0, read_version_),
                 known ? Duration::zero() : dice.latency(dice.faults().read_version));
}

void Transaction::set_read_version(Version version) {
  if (deferred_ != 0) return;
  if (read_version_ != NO_VERSION) return defer(error::READ_VERSION_ALREADY_SET);
  if (version <= 0) return defer(error::VERSION_INVALID);
  read_version_ = version;
}

bool Transaction::take_write_conflict() {
  const bool conflict = !options_.next_write_no_conflict;
  options_.next_write_no_conflict = false;
  return conflict;
}

void Transaction::add_write_conflict(std::string_view key) {
  approximate_size_ += static_cast<std::int64_t>(2 * key.size() + 1) + RANGE_OVERHEAD;
  written_->write_conflicts.add_key(key);
}

void Transaction::add_write_conflict(std::string_view begin, std::string_view end) {
  approximate_size_ += static_cast<std::int64_t>(begin.size() + end.size()) + RANGE_OVERHEAD;
  written_->write_conflicts.add(begin, end);
}

// Of a key about to be written; 0 if it may be.
fdb_error_t Transaction::check_written_key(std::string_view key) const {
  if (key >= max_write_key()) return error::KEY_OUTSIDE_LEGAL_RANGE;
  if (key.size() > key_bytes_max(key)) return error::KEY_TOO_LARGE;
  return error::SUCCESS;
}

// The special keys' space (FF FF) holds nothing here that may be written. Tools clear the map of tenants
// before they start: there are none, so that is allowed, and does nothing.
fdb_error_t Transaction::check_special_clear(std::string_view key) const {
  if (!options_.special_keys_writable) return error::SPECIAL_KEYS_WRITE_DISABLED;
  return key.starts_with("\xff\xff/management/tenant/map/") ? error::SUCCESS
                                                            : error::SPECIAL_KEYS_NO_WRITE_MODULE;
}

void Transaction::set(std::string_view key, std::string_view value) {
  if (deferred_ != 0) return;
  if (key == METADATA_VERSION_KEY) return defer(error::CLIENT_INVALID_OPERATION);
  if (key.starts_with("\xff\xff")) {
    return defer(options_.special_keys_writable ? error::SPECIAL_KEYS_NO_WRITE_MODULE
                                                : error::SPECIAL_KEYS_WRITE_DISABLED);
  }
  const bool conflict = take_write_conflict();
  if (refuses_write()) return;
  if (const fdb_error_t code = check_written_key(key)) return defer(code);
  if (value.size() > VALUE_BYTES_MAX) return defer(error::VALUE_TOO_LARGE);
  approximate_size_ += static_cast<std::int64_t>(key.size() + value.size()) + MUTATION_OVERHEAD;
  total_cost_ += write_cost(key.size() + value.size());
  if (conflict) add_write_conflict(key);
  if (options_.read_your_writes_disabled) {
    written_->add_plain(MutationType::SET, key, value);
    return;
  }
  written_->writes.set(key, value);
  if (watches_.empty()) return;
  const std::optional<std::string> now{std::string(value)};
  trigger_watches(key, key_after(key), &now);
}

void Transaction::clear(std::string_view key) {
  if (deferred_ != 0) return;
  if (key.starts_with("\xff\xff")) {
    if (const fdb_error_t code = check_special_clear(key)) defer(code);
  } else if (key >= max_write_key()) {
    take_write_conflict();
    if (!refuses_write()) defer(error::KEY_OUTSIDE_LEGAL_RANGE);
  } else if (key.size() > key_bytes_max(key)) {  // there is no such key
    take_write_conflict();
    refuses_write();
  } else {
    clear_range(key, key_after(key));
  }
}

void Transaction::clear_range(std::string_view begin, std::string_view end) {
  if (deferred_ != 0) return;
  if (begin > end) return defer(error::INVERTED_RANGE);
  const bool conflict = take_write_conflict();
  if (refuses_write()) return;
  if (begin.starts_with("\xff\xff") && end <= "\xff\xff\xff") {
    if (const fdb_error_t code = check_special_clear(begin)) defer(code);
    return;
  }
  if (begin > max_write_key() || end > max_write_key()) return defer(error::KEY_OUTSIDE_LEGAL_RANGE);
  begin = cut(begin);
  end = cut(end);
  if (begin >= end) return;
  approximate_size_ += static_cast<std::int64_t>(begin.size() + end.size()) + MUTATION_OVERHEAD;
  total_cost_ += write_cost(0);
  if (conflict) add_write_conflict(begin, end);
  if (options_.read_your_writes_disabled) {
    written_->add_plain(MutationType::CLEAR_RANGE, begin, end);
    return;
  }
  written_->writes.clear(begin, end);
  const std::optional<std::string> absent;
  trigger_watches(begin, end, &absent);
}

void Transaction::atomic(int type, std::string_view key, std::string_view operand) {
  if (deferred_ != 0) return;
  const bool conflict = take_write_conflict();
  if (refuses_write()) return;
  const auto operation = static_cast<MutationType>(type);
  const bool stamped_key = operation == MutationType::SET_VERSIONSTAMPED_KEY;
  const bool stamped_value = operation == MutationType::SET_VERSIONSTAMPED_VALUE;
  if (key == METADATA_VERSION_KEY) {
    if (!stamped_value || operand != std::string(STAMPED_VALUE_PLACE, '\0')) {
      return defer(error::CLIENT_INVALID_OPERATION);
    }
  } else if (key >= max_write_key()) {
    return defer(error::KEY_OUTSIDE_LEGAL_RANGE);
  }
  if (!is_atomic_operation(type)) return defer(error::INVALID_MUTATION_TYPE);
  if (key.size() > key_bytes_max(key)) return defer(error::KEY_TOO_LARGE);
  if (operand.size() > VALUE_BYTES_MAX) return defer(error::VALUE_TOO_LARGE);
  if ((stamped_key && !stamp_offset(key)) || (stamped_value && !stamp_offset(operand))) {
    return defer(error::CLIENT_INVALID_OPERATION);
  }
  approximate_size_ += static_cast<std::int64_t>(key.size() + operand.size()) + MUTATION_OVERHEAD;
  total_cost_ += write_cost(key.size() + operand.size());
  if (conflict && !stamped_key) add_write_conflict(key);
  if (options_.read_your_writes_disabled) {
    written_->add_plain(operation, key, operand);
    return;
  }
  if (stamped_key) {
    // The key may become any from the read version's stamp on. That it conflicts cannot be switched off.
    const std::string least = embedded::versionstamp(std::max<Version>(read_version_, 0), 0);
    std::string end = key_after(with_stamp(key, std::string(STAMP_BYTES, '\xff')));
    std::string begin = with_stamp(key, least);
    written_->writes.stamped_key(key, operand,
                                 {std::move(begin), std::min(end, std::string(max_read_key()))});
    return;
  }
  written_->writes.atomic(operation, key, operand);
  if (!watches_.empty()) trigger_watches(key, key_after(key), nullptr);
}

fdb_error_t Transaction::add_conflict_range(std::string_view begin, std::string_view end, int type) {
  constexpr int READ = 0;
  constexpr int WRITE = 1;
  if (begin > end) return error::INVERTED_RANGE;
  if (type != READ && type != WRITE) return error::CLIENT_INVALID_OPERATION;
  if (refuses_write()) return error::SUCCESS;
  const std::string_view top = type == READ ? max_read_key() : max_write_key();
  const bool metadata = type == READ && begin == METADATA_VERSION_KEY && is_key_after(end, begin);
  if ((begin > top || end > top) && !metadata) {
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
  if (key >= max_read_key() && key != METADATA_VERSION_KEY) {
    return Future::make_ready(error::KEY_OUTSIDE_LEGAL_RANGE);
  }
  if (key.size() > key_bytes_max(key)) return Future::make_ready(error::KEY_TOO_LARGE);
  auto value = read_key(key, sees_writes(false));
  if (!value) return failed(value.error());
  add_read_conflict(key, key_after(key));
  auto future = Future::make();
  if (!handle_->reserve_watch(future)) return Future::make_ready(error::TOO_MANY_WATCHES);
  watches_.push_back({std::string(key), std::move(*value), future});
  return future;
}

std::int64_t Transaction::size_of(const CommitRequest& request) const {
  std::size_t bytes = request.mutations.size() * MUTATION_OVERHEAD +
                      (request.reads.size() + request.writes.size()) * RANGE_OVERHEAD;
  for (const MutationView& mutation : request.mutations) bytes += mutation.key.size() + mutation.value.size();
  for (const auto* ranges : {&request.reads, &request.writes}) {
    for (const RangeView& range : *ranges) bytes += range.begin.size() + range.end.size();
  }
  return static_cast<std::int64_t>(bytes);
}

CommitRequest Transaction::make_request() {
  CommitRequest request;
  request.mutations = options_.read_your_writes_disabled ? written_->plain : written_->writes.mutations();
  request.written = written_;
  request.reads = written_->read_conflicts.all();
  request.writes = written_->write_conflicts.all();
  request.bytes = static_cast<std::size_t>(size_of(request));
  if (!request.reads.empty() && read_version_ == NO_VERSION) read_version_ = database_.read_version();
  request.read_version = read_version_;
  request.outcome = outcome_;
  return request;
}

// A commit that ends here: its versionstamps stay unknown, its watches fail with it.
FutureRef Transaction::refuse_commit(fdb_error_t code) {
  for (const FutureRef& stamp : stamps_) stamp->send(error::TRANSACTION_INVALID_VERSION);
  std::vector<Watch> watches = std::move(watches_);
  watches_.clear();
  for (const Watch& watch : watches) watch.future->send(code);
  return Future::make_ready(code);
}

FutureRef Transaction::commit() {
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  commit_started_ = true;
  if (failed_read_ != 0) {
    return delayed(Future::make_ready(failed_read_), failed_read_at_ - database_.clock().now());
  }
  outcome_ = std::make_shared<CommitOutcome>();
  CommitRequest request = make_request();
  if (request.mutations.empty() && request.writes.empty()) {
    // Nothing written: its reads are of one version, which is all it asks.
    outcome_->stamps = stamps_;
    outcome_->watches = std::move(watches_);
    watches_.clear();
    database_.commit_read_only(*outcome_);
    outcome_->future->send(0);
    return outcome_->future;
  }
  if (options_.read_only) return refuse_commit(error::TRANSACTION_READ_ONLY);
  if (static_cast<std::int64_t>(request.bytes) > options_.size_limit) {
    return refuse_commit(error::TRANSACTION_TOO_LARGE);
  }
  // FoundationDB makes a blind write conflict with itself, so that its read version has an age, too.
  if (request.reads.empty() && read_version_ != NO_VERSION && !options_.causal_write_risky &&
      read_version_ < database_.oldest_readable()) {
    return refuse_commit(error::TRANSACTION_TOO_OLD);
  }
  if (options_.report_conflicting_keys) {
    conflicting_ = std::make_shared<std::vector<KeyRange>>();
    outcome_->conflicting = conflicting_;
  }
  return commit_with_faults(std::move(request));
}

// Hands the commit in; with injected faults perhaps late, perhaps not at all, perhaps with another answer.
FutureRef Transaction::commit_with_faults(CommitRequest request) {
  FaultDice& dice = handle_->dice();
  const FaultDice::Commit fate = dice.commit();
  const Duration delay = dice.latency(dice.faults().commit);
  FutureRef answer = outcome_->future;
  fdb_error_t instead = 0;
  if (fate == FaultDice::Commit::CONFLICT) instead = error::NOT_COMMITTED;
  if (fate == FaultDice::Commit::UNKNOWN_APPLIED || fate == FaultDice::Commit::UNKNOWN_LOST) {
    instead = error::COMMIT_UNKNOWN_RESULT;
  }
  if (instead == 0) {
    outcome_->stamps = stamps_;
    outcome_->watches = std::move(watches_);
    watches_.clear();
  } else {
    // The caller gets the error; what became of the commit, if it is made, it cannot know.
    answer = Future::make();
    auto outcome = std::exchange(outcome_, nullptr);
    refuse_commit(instead);
    if (fate == FaultDice::Commit::UNKNOWN_APPLIED) {
      struct Answer {
        FutureRef future;
        fdb_error_t code;
      };
      outcome->future->set_callback(
          [](FDBFuture* done, void* parameter) {
            const std::unique_ptr<Answer> held(static_cast<Answer*>(parameter));
            const fdb_error_t real = Future::of(done).error();
            held->future->send(real == 0 ? held->code : real);
          },
          new Answer{answer, instead});
    }
  }
  generation_->add(answer);
  const bool handed_in = instead == 0 || fate == FaultDice::Commit::UNKNOWN_APPLIED;
  const auto act = [database = &database_, answer, instead, handed_in](CommitRequest late) {
    handed_in ? database->commit(std::move(late)) : answer->send(instead);
  };
  if (delay == Duration::zero()) {
    act(std::move(request));
  } else {
    database_.at(
        database_.clock().now() + delay,
        [act, held = std::make_shared<CommitRequest>(std::move(request))] { act(std::move(*held)); });
  }
  return answer;
}

// What a cluster's distance would do to an answer that is known already.
FutureRef Transaction::delayed(FutureRef ready, Duration delay) {
  if (delay <= Duration::zero()) return ready;
  auto late = Future::make();
  generation_->add(late);
  database_.at(database_.clock().now() + delay, [late, ready = std::move(ready)] {
    auto [code, value] = ready->take();
    late->send(code, std::move(value));
  });
  return late;
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

// These answer whatever became of the transaction: only a deferred error stops them.
FutureRef Transaction::approximate_size() {
  return Future::make_ready(deferred_, approximate_size_);
}
FutureRef Transaction::total_cost() {
  return Future::make_ready(deferred_, total_cost_);
}
FutureRef Transaction::tag_throttled_duration() {
  return Future::make_ready(deferred_, 0.0);
}

FutureRef Transaction::on_error(fdb_error_t code) {
  if (const fdb_error_t earlier = generation_->error()) return Future::make_ready(earlier);
  const bool exhausted = persistent_.retry_limit != -1 && retries_ >= persistent_.retry_limit;
  if (retries_ < INT_MAX) ++retries_;
  if (exhausted || (!error::is_retryable(code) && code != error::BLOB_GRANULE_REQUEST_FAILED)) {
    generation_->fail(error::TRANSACTION_CANCELLED);
    return Future::make_ready(code == 0 ? error::CLIENT_INVALID_OPERATION : code);
  }
  Duration delay = VERSION_RETRY_DELAY;
  if (code != error::TRANSACTION_TOO_OLD && code != error::FUTURE_VERSION) {
    const bool constrained = code == error::PROXY_MEMORY_LIMIT || code == error::GRV_PROXY_MEMORY_LIMIT;
    const Duration longest = constrained
                                 ? std::max<Duration>(CONSTRAINED_DELAY_MAX, persistent_.retry_delay_max)
                                 : persistent_.retry_delay_max;
    backoff_ = std::min(backoff_, longest);
    delay = Duration(database_.jitter(static_cast<std::uint64_t>(backoff_.count()) + 1));
    backoff_ = std::min(backoff_ * 2, longest);
  }
  delay = std::min(delay, persistent_.retry_delay_max);
  begin_attempt();
  apply_defaults(false);
  auto future = Future::make();
  generation_->add(future);
  database_.at(database_.clock().now() + delay, [weak = std::weak_ptr<Future>(future)] {
    if (const auto alive = weak.lock()) alive->send(0);
  });
  return future;
}

}  // namespace everframe::embedded
