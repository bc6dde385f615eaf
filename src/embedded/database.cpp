#include "embedded/database.h"

#include <pthread.h>

#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "base/random.h"
#include "embedded/atomic_ops.h"
#include "embedded/errors.h"

namespace everframe::embedded {

namespace {

// What lies between the last version before a restart and the first one after: FoundationDB's
// MAX_VERSIONS_IN_FLIGHT, so that versions of before are recognisably old.
constexpr Version RESTART_GAP = 100'000'000;
// Requests whose keys are brought near together: about as many as fit the first cache.
constexpr std::size_t EXPECTED_REQUESTS = 8;
// Settling waits this much past the time when the oldest version may go, so that it moves many at once.
constexpr Duration SETTLE_DELAY = 250ms;

}  // namespace

Result<std::shared_ptr<Database>> Database::open(Options options) {
  EF_ASSERT(options.clock != nullptr);
  auto storage = Storage::open(std::move(options.storage));
  if (!storage) return tl::unexpected(storage.error());
  // The last owner may be a callback on the commit thread, which cannot wait for itself.
  const auto close = [](Database* database) {
    if (Future::is_engine_thread()) {
      std::thread([database] { delete database; }).detach();
    } else {
      delete database;
    }
  };
  std::shared_ptr<Database> database(new Database(std::move(options), std::move(*storage)), close);
  database->start();
  return database;
}

Database::Database(Options options, std::unique_ptr<Storage> storage)
    : options_(std::move(options)),
      storage_(std::move(storage)),
      opened_at_(options_.clock->now()),
      first_version_(storage_->recovered() + RESTART_GAP),
      resolver_(first_version_, options_.faults.resolver),
      published_(first_version_),
      jitter_state_(options_.seed) {}

void Database::start() {
  if (!options_.executors) {
    committer_ = std::thread([this] { commit_loop(); });
    settler_ = std::thread([this] { settle_loop(); });
    return;
  }
  const std::lock_guard lock(settle_mutex_);
  post_settle_turn();
}

Database::~Database() {
  if (options_.executors) {
    // What is queued has its answer still coming; nobody else can add to it any more.
    std::vector<CommitRequest> queued = std::exchange(queue_, {});
    if (!queued.empty()) publish(make_durable(std::move(queued)));
    watches_.fail_all(error::OPERATION_CANCELLED);
    return;
  }
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
    queue_changed_.notify_all();
  }
  {
    const std::lock_guard lock(settle_mutex_);
    settle_stopping_ = true;
    settle_changed_.notify_all();
  }
  committer_.join();
  settler_.join();
  watches_.fail_all(error::OPERATION_CANCELLED);
}

Version Database::clock_version() const {
  return first_version_ + (options_.clock->now() - opened_at_).count();
}

Version Database::read_version() {
  const std::lock_guard lock(version_mutex_);
  if (!batch_open_) published_ = std::max(published_, clock_version());
  return published_;
}

Version Database::oldest_readable() const {
  if (failed_) {
    const std::lock_guard lock(version_mutex_);
    return failed_at_ - WINDOW_VERSIONS;
  }
  return clock_version() - WINDOW_VERSIONS;
}

bool Database::is_published(Version version) const {
  const std::lock_guard lock(version_mutex_);
  return version <= published_ || (!batch_open_ && version <= clock_version());
}

void Database::commit(CommitRequest request) {
  fdb_error_t refusal = 0;
  if (failed_) refusal = error::IO_ERROR;
  if (refusal == 0 && storage_->window_bytes() > WINDOW_BYTES_MAX) refusal = error::PROXY_MEMORY_LIMIT;
  if (refusal == 0) {
    const std::lock_guard lock(queue_mutex_);
    if (queue_.size() < COMMITS_QUEUED_MAX) {
      queue_.push_back(std::move(request));
      if (queue_.size() == 1) wake_committer();
      return;
    }
    refusal = error::PROXY_MEMORY_LIMIT;
  }
  std::vector<CommitRequest> batch;
  batch.push_back(std::move(request));
  answer(batch, {refusal}, NO_VERSION);
}

void Database::commit_read_only(CommitOutcome& outcome) {
  for (Watch& watch : outcome.watches) set_watch(std::move(watch));
  for (const FutureRef& stamp : outcome.stamps) stamp->send(error::NO_COMMIT_VERSION);
}

void Database::at(Time at, Function<void()> callback) {
  const std::lock_guard lock(queue_mutex_);
  timers_.emplace(at, std::move(callback));
  wake_committer();
}

std::uint64_t Database::jitter(std::uint64_t bound) {
  const std::lock_guard lock(queue_mutex_);
  Prng dice(jitter_state_);
  jitter_state_ = dice.next();
  return dice.below(bound);
}

std::vector<CommitRequest> Database::take_batch() {
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (count < queue_.size() && count < BATCH_COMMITS_MAX && bytes < BATCH_BYTES_MAX) {
    bytes += queue_[count++].bytes;
  }
  std::vector<CommitRequest> batch;
  if (count == queue_.size()) {
    batch.swap(queue_);
  } else {
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
    batch.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
  }
  return batch;
}

std::vector<Function<void()>> Database::take_due_timers() {
  std::vector<Function<void()>> due;
  const Time now = options_.clock->now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    due.push_back(std::move(timers_.begin()->second));
    timers_.erase(timers_.begin());
  }
  return due;
}

bool Database::run_due_timers(std::unique_lock<std::mutex>& lock) {
  const auto due = take_due_timers();
  if (due.empty()) return false;
  lock.unlock();
  for (const auto& callback : due) callback();
  lock.lock();
  return true;
}

void Database::commit_loop() {
  Future::mark_engine_thread();
  if (options_.prepare_commit_thread != nullptr) options_.prepare_commit_thread();
  pthread_setname_np(pthread_self(), "store-commit");
  std::unique_lock lock(queue_mutex_);
  for (;;) {
    run_due_timers(lock);
    if (!queue_.empty()) {
      auto requests = take_batch();
      lock.unlock();
      const Time begun = options_.clock->now();
      publish(make_durable(std::move(requests)));
      busyness_.note(begun, options_.clock->now());
      lock.lock();
    } else if (stopping_) {
      return;
    } else if (timers_.empty()) {
      queue_changed_.wait(lock);
    } else {
      const Duration wait = timers_.begin()->first - options_.clock->now();
      if (wait > Duration::zero()) queue_changed_.wait_for(lock, wait);
    }
  }
}

void Database::wake_committer() {
  if (!options_.executors) return queue_changed_.notify_one();
  if (std::exchange(turn_posted_, true)) return;
  options_.executors->commit->post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->commit_turn();
  });
}

void Database::commit_turn() {
  std::unique_lock lock(queue_mutex_);
  turn_posted_ = false;
  run_due_timers(lock);
  platform::Executor& executor = *options_.executors->commit;
  if (!queue_.empty() && !batch_waits_) {
    auto requests = take_batch();
    batch_waits_ = true;
    lock.unlock();
    Batch batch = make_durable(std::move(requests));
    executor.post([self = shared_from_this(), durable = std::move(batch)]() mutable {
      self->publish(std::move(durable));
      const std::lock_guard again(self->queue_mutex_);
      self->batch_waits_ = false;
      if (!self->queue_.empty()) self->wake_committer();
    });
    lock.lock();
  }
  if (timers_.empty()) return;
  const Time first = timers_.begin()->first;
  if (turn_armed_ && *turn_armed_ <= first) return;
  turn_armed_ = first;
  const Time now = executor.now();
  executor.after(first > now ? first - now : Duration::zero(), [weak = weak_from_this(), first] {
    const auto self = weak.lock();
    if (!self) return;
    const std::lock_guard again(self->queue_mutex_);
    if (self->turn_armed_ == first) self->turn_armed_.reset();
    self->wake_committer();
  });
}

Database::Batch Database::make_durable(std::vector<CommitRequest> requests) {
  Batch batch;
  batch.requests = std::move(requests);
  Version oldest = NO_VERSION;
  {
    const std::lock_guard lock(version_mutex_);
    batch_open_ = true;
    const Version now = clock_version();
    batch.version = std::max(published_ + 1, now);
    oldest = std::max(first_version_, now - WINDOW_VERSIONS);
  }
  resolver_.forget(oldest);
  batch.watched = !watches_.empty();
  batch.verdicts = resolve_and_apply(batch.requests, batch.version, batch.changed);
  const auto refuse_all = [&batch](fdb_error_t code) {
    for (fdb_error_t& verdict : batch.verdicts) verdict = verdict == 0 ? code : verdict;
    batch.version = NO_VERSION;
  };
  if (failed_) {
    refuse_all(error::IO_ERROR);
  } else if (auto finished = storage_->finish(); !finished) {
    stop_for_good(finished.error());
    const bool unknown = finished.error().code == error::COMMIT_UNKNOWN_RESULT;
    refuse_all(unknown ? error::COMMIT_UNKNOWN_RESULT : error::IO_ERROR);
  }
  return batch;
}

void Database::publish(Batch batch) {
  const Version version = batch.version;
  // On failure the batch stays open: no version is published any more.
  if (version == NO_VERSION) return answer(batch.requests, batch.verdicts, NO_VERSION);
  resolver_.close_batch(version);
  {
    const std::lock_guard lock(version_mutex_);
    published_ = version;
    batch_open_ = failed_;
    if (failed_) failed_at_ = version;
  }
  answer(batch.requests, batch.verdicts, version);
  // A watch set while the batch was open saw the version before it; its key was not noted.
  if (!batch.watched && !watches_.empty()) batch.changed.push_back({"", "\xff\xff"});
  if (!batch.changed.empty()) fire_watches(batch.changed, version);
  wake_settler();
}

std::vector<fdb_error_t> Database::resolve_and_apply(std::vector<CommitRequest>& batch, Version version,
                                                     std::vector<KeyRange>& changed) {
  std::vector<fdb_error_t> verdicts;
  verdicts.reserve(batch.size());
  Arena stamped;
  storage_->begin(version);
  std::uint16_t order = 0;
  for (CommitRequest& request : batch) {
    fdb_error_t verdict = 0;
    if (order % EXPECTED_REQUESTS == 0) expect(std::span(batch).subspan(order));
    if (failed_) {
      verdict = error::IO_ERROR;
    } else {
      fill_stamps(request, version, order, stamped);
      const auto resolved = resolver_.resolve(request.read_version, request.reads, request.writes,
                                              request.outcome->conflicting.get());
      if (resolved == Resolver::Verdict::CONFLICT) verdict = error::NOT_COMMITTED;
      if (resolved == Resolver::Verdict::TOO_OLD) verdict = error::TRANSACTION_TOO_OLD;
    }
    if (verdict == 0) {
      if (auto applied = apply(request, changed); !applied) {
        stop_for_good(applied.error());  // half applied, but nothing of this version will reach the log
        verdict = error::IO_ERROR;
      }
    }
    ++order;
    verdicts.push_back(verdict);
  }
  return verdicts;
}

// Of the first few of `requests`, the keys that will be changed.
void Database::expect(std::span<const CommitRequest> requests) const {
  std::array<std::string_view, Window::EXPECTED_MAX> keys;
  std::size_t count = 0;
  for (const CommitRequest& request : requests.first(std::min(requests.size(), EXPECTED_REQUESTS))) {
    for (const MutationView& mutation : request.mutations) {
      if (count == keys.size()) break;
      keys[count++] = mutation.key;
    }
  }
  storage_->expect(std::span(keys).first(count));
}

std::string Database::stamp(Version version, std::uint16_t order) const {
  if (options_.faults.share_stamps) order = 0;
  if (options_.faults.reverse_stamps) order = static_cast<std::uint16_t>(BATCH_COMMITS_MAX - order);
  return versionstamp(version, order);
}

// Stamped keys and values get their bytes; a stamped key, known only now, its conflict range.
void Database::fill_stamps(CommitRequest& request, Version version, std::uint16_t order, Arena& arena) const {
  for (MutationView& mutation : request.mutations) {
    if (mutation.type == MutationType::SET_VERSIONSTAMPED_KEY) {
      mutation.key = arena.copy_key(with_stamp(mutation.key, stamp(version, order)));
      mutation.type = MutationType::SET;
      if (mutation.conflict) request.writes.push_back({mutation.key, Arena::successor(mutation.key)});
    } else if (mutation.type == MutationType::SET_VERSIONSTAMPED_VALUE) {
      mutation.value = arena.copy(with_stamp(mutation.value, stamp(version, order)));
      mutation.type = MutationType::SET;
    }
  }
}

Result<void> Database::apply(CommitRequest& request, std::vector<KeyRange>& changed) {
  const bool watched = !watches_.empty() && !options_.faults.miss_changes;
  if (watched) {
    for (const MutationView& mutation : request.mutations) {
      const bool range = mutation.type == MutationType::CLEAR_RANGE;
      changed.push_back(
          {std::string(mutation.key), range ? std::string(mutation.value) : key_after(mutation.key)});
    }
  }
  return storage_->apply(request.mutations);
}

void Database::answer(std::vector<CommitRequest>& batch, const std::vector<fdb_error_t>& verdicts,
                      Version version) {
  std::uint16_t order = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    CommitOutcome& outcome = *batch[i].outcome;
    const fdb_error_t verdict = verdicts[i];
    if (verdict == 0) outcome.version = version;
    for (Watch& watch : outcome.watches) {
      verdict == 0 ? set_watch(std::move(watch)) : watch.future->send(verdict);
    }
    for (const FutureRef& asked : outcome.stamps) {
      verdict == 0 ? asked->send(0, Future::Key{stamp(version, order)})
                   : asked->send(error::TRANSACTION_INVALID_VERSION);
    }
    outcome.future->send(verdict);
    ++order;
  }
}

void Database::set_watch(Watch watch) {
  watches_.add(std::move(watch), [&](const Watch& asked) {
    if (options_.faults.miss_earlier_changes) return false;
    const auto value = storage_->get(asked.key, read_version());
    return !value || *value != asked.expected;  // an unreadable key fires: a watch may fire without cause
  });
}

void Database::fire_watches(const std::vector<KeyRange>& changed, Version version) {
  std::vector<FutureRef> fired;
  const auto value_of = [&](const std::string& key) -> std::optional<std::string> {
    auto value = storage_->get(key, version);
    return value ? std::move(*value) : std::nullopt;
  };
  for (const KeyRange& range : changed) watches_.collect(range.begin, range.end, value_of, fired);
  for (const FutureRef& future : fired) future->send(0);
}

void Database::stop_for_good(const Error& cause) {
  log::error("the store stops: {}. What was acknowledged is safe; restart once the disk is well", cause.text);
  const std::lock_guard lock(version_mutex_);
  if (failed_) return;
  batch_open_ = true;
  failed_at_ = published_;
  failed_ = true;
}

void Database::wake_settler() {
  const bool tidy = storage_->wants_tidy();
  if (!tidy && storage_->oldest_unsettled() == NO_VERSION) return;
  const std::lock_guard lock(settle_mutex_);
  if (settle_wanted_ && (tidy_wanted_ || !tidy)) return;
  settle_wanted_ = true;
  tidy_wanted_ = tidy;
  if (!options_.executors) return settle_changed_.notify_one();
  post_settle_turn();
}

// Moves what is old enough into the base, and keeps log segments ready.
std::optional<Duration> Database::settle_round() {
  Version upto = NO_VERSION;
  {
    const std::lock_guard version_lock(version_mutex_);
    upto = std::min(published_, clock_version() - WINDOW_VERSIONS);
  }
  Result<bool> settled = true;
  while (!failed_ && settled && *settled) settled = storage_->settle(upto);
  if (!settled) stop_for_good(settled.error());
  if (!failed_) {
    if (auto tidied = storage_->tidy(); !tidied) stop_for_good(tidied.error());
  }
  const Version oldest = failed_ ? NO_VERSION : storage_->oldest_unsettled();
  if (oldest == NO_VERSION) return std::nullopt;
  const Duration due(oldest + WINDOW_VERSIONS - clock_version());
  return std::max(due, Duration::zero()) + SETTLE_DELAY;
}

void Database::settle_loop() {
  pthread_setname_np(pthread_self(), "store-settle");
  Future::mark_engine_thread();  // sliced work's callbacks come here
  std::unique_lock lock(settle_mutex_);
  while (!settle_stopping_) {
    lock.unlock();
    const std::optional<Duration> wait = settle_round();
    lock.lock();
    if (settle_stopping_) return;
    if (!sliced_.empty()) {
      run_slice(lock);
      continue;
    }
    if (!wait) {
      settle_changed_.wait(lock, [this] { return settle_wanted_ || settle_stopping_ || !sliced_.empty(); });
    } else {
      settle_wanted_ = true;  // it wakes by itself: commits need not notify
      settle_changed_.wait_for(lock, *wait,
                               [this] { return tidy_wanted_ || settle_stopping_ || !sliced_.empty(); });
    }
    settle_wanted_ = tidy_wanted_ = false;
  }
}

void Database::in_slices(Function<bool()> slice) {
  const std::lock_guard lock(settle_mutex_);
  sliced_.push_back(std::move(slice));
  options_.executors ? post_slice() : settle_changed_.notify_one();
}

// The first one's next slice; then it goes behind the others.
void Database::run_slice(std::unique_lock<std::mutex>& lock) {
  if (sliced_.empty()) return;
  Function<bool()> slice = std::move(sliced_.front());
  sliced_.pop_front();
  lock.unlock();
  const bool more = slice();
  lock.lock();
  if (more) sliced_.push_back(std::move(slice));
}

void Database::post_slice() {
  options_.executors->settle->post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    std::unique_lock lock(self->settle_mutex_);
    self->run_slice(lock);
    if (!self->sliced_.empty()) self->post_slice();
  });
}

void Database::post_settle_turn() {
  options_.executors->settle->post([weak = weak_from_this(), turn = ++settle_turn_] {
    const auto self = weak.lock();
    if (self && self->settle_turn_ == turn) self->settle_turn();
  });
}

void Database::settle_turn() {
  {
    const std::lock_guard lock(settle_mutex_);
    settle_wanted_ = tidy_wanted_ = false;
  }
  const std::optional<Duration> wait = settle_round();
  if (!wait) return;
  const std::lock_guard lock(settle_mutex_);
  settle_wanted_ = true;
  options_.executors->settle->after(*wait, [weak = weak_from_this(), turn = ++settle_turn_] {
    const auto self = weak.lock();
    if (self && self->settle_turn_ == turn) self->settle_turn();
  });
}

}  // namespace everframe::embedded
