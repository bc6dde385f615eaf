#include "embedded/storage.h"

#include <algorithm>
#include <mutex>

#include "base/assert.h"
#include "embedded/atomic_ops.h"
#include "embedded/errors.h"
#include "embedded/run_cursor.h"
#include "embedded/store_format.h"

namespace everframe::embedded {

namespace {

constexpr std::size_t STEP_BYTES = 2 << 20;  // of changes moved to the base at once
constexpr std::size_t TRIM_STEPS = 512;      // changes forgotten under one hold of the lock: about 0.1 ms
constexpr std::size_t APPLY_STEPS = 64;      // mutations put into the window under one hold of the lock
constexpr std::size_t SLICE_KEYS = 512;      // window keys looked at under one hold of the lock
constexpr std::size_t FORMAT_BYTES_MAX = 64;

tl::unexpected<Error> too_old() {
  return fail_with(error::TRANSACTION_TOO_OLD, "{}", error::text(error::TRANSACTION_TOO_OLD));
}

// The disk's errors carry errno; above this room they are FoundationDB's.
template <class T>
tl::unexpected<Error> io(const T& failed) {
  const fdb_error_t code = failed.error().code;
  const bool ours = code == error::FILE_CORRUPT || code == error::UNSUPPORTED_FORMAT_VERSION ||
                    code == error::LOCK_FILE_FAILURE || code == error::COMMIT_UNKNOWN_RESULT;
  return fail_with(ours ? code : error::IO_ERROR, "{}", failed.error().text);
}

}  // namespace

Result<std::unique_ptr<Storage>> Storage::open(Options options) {
  std::unique_ptr<Storage> storage(new Storage(std::move(options)));
  if (storage->options_.disk != nullptr) {
    if (auto opened = storage->open_directory(); !opened) return io(opened);
  }
  auto base = storage->options_.open_base(storage->options_.directory + "/base");
  if (!base) return io(base);
  storage->base_ = std::move(*base);
  storage->recovered_ = storage->base_->mark().version;
  if (storage->log_ != nullptr) {
    if (auto replayed = storage->replay(); !replayed) return io(replayed);
  }
  storage->settled_ = storage->recovered_;
  return storage;
}

Result<void> Storage::open_directory() {
  platform::Disk& disk = *options_.disk;
  const std::string& directory = options_.directory;
  if (auto made = disk.make_directory(directory); !made) return made;
  auto lock = disk.lock(directory);
  if (!lock) return fail_with(error::LOCK_FILE_FAILURE, "{}", lock.error().text);
  directory_lock_ = std::move(*lock);
  if (auto made = disk.make_directory(directory + "/log"); !made) return made;
  if (auto made = disk.make_directory(directory + "/base"); !made) return made;
  if (auto checked = check_format(); !checked) return checked;
  if (auto synced = sync_names(disk, directory); !synced) return synced;
  CommitLog::Options log;
  log.disk = options_.disk;
  log.directory = directory + "/log";
  log.segment_bytes = options_.segment_bytes;
  log.faults = options_.faults.log;
  log_ = std::make_unique<CommitLog>(log);
  return {};
}

// A directory is ours if FORMAT says so; it is made ours only if nothing of a store is in it.
Result<void> Storage::check_format() {
  platform::Disk& disk = *options_.disk;
  const std::string path = options_.directory + "/FORMAT";
  const auto names = disk.list(options_.directory);
  if (!names) return tl::unexpected(names.error());
  if (std::find(names->begin(), names->end(), "FORMAT") != names->end()) {
    auto file = disk.open(path, platform::Disk::Open::EXISTING);
    if (!file) return tl::unexpected(file.error());
    const auto bytes = (*file)->read(0, FORMAT_BYTES_MAX);
    if (!bytes) return tl::unexpected(bytes.error());
    if (chars_of(*bytes) == FORMAT) return {};
    return fail_with(
        error::UNSUPPORTED_FORMAT_VERSION,
        "{} names a format that this program does not know (it knows \"everframe-store 1\"): open the "
        "directory with the program that wrote it, or choose another one",
        path);
  }
  for (const char* part : {"/log", "/base"}) {
    const auto inside = disk.list(options_.directory + part);
    if (!inside) return tl::unexpected(inside.error());
    if (!inside->empty()) {
      return fail_with(error::FILE_CORRUPT,
                       "{} is missing, yet {}{} is not empty: restore it, or choose another directory", path,
                       options_.directory, part);
    }
  }
  return write_format(disk, options_.directory);
}

Result<void> Storage::replay() {
  auto step = base_->step();
  Mark mark = base_->mark();
  std::size_t bytes = 0;
  const auto flush = [&]() -> Result<void> {
    auto applied = base_->apply(std::move(step), mark);
    step = base_->step();
    bytes = 0;
    return applied;
  };
  const auto visit = [&](std::uint64_t serial, ByteView record) -> Result<void> {
    RecordReader reader(record);
    Change change{};
    while (reader.next(change)) {
      // A clear is worked out against the base, so what came before it must be there. A crash in between is
      // harmless: the mark is still the record's before, and the whole record is replayed again.
      if (change.kind == ChangeKind::CLEAR_RANGE) {
        if (auto flushed = flush(); !flushed) return flushed;
        if (auto cleared = step->clear(change.key, change.value); !cleared) return cleared;
      } else if (change.kind == ChangeKind::SET) {
        step->put(change.key, change.value);
      } else {
        step->erase(change.key);
      }
      bytes += change.key.size() + change.value.size();
    }
    if (!reader.ok() || reader.version() <= mark.version) {
      return fail_with(error::FILE_CORRUPT,
                       "record {} of {}/log does not parse, though its checksums are right", serial,
                       options_.directory);
    }
    mark = {reader.version(), serial};
    return bytes > STEP_BYTES ? flush() : Result<void>();
  };
  const auto last = log_->replay(mark.serial, CommitLog::Visit(std::ref(visit)));
  if (!last) return tl::unexpected(last.error());
  if (auto flushed = flush(); !flushed) return flushed;
  if (const auto durable = base_->make_durable(); !durable) return tl::unexpected(durable.error());
  recovered_ = mark.version;
  return log_->begin(*last);
}

Result<std::optional<std::string>> Storage::get(std::string_view key, Version at) const {
  const std::uint64_t epoch = rows_.epoch();  // before the window is asked: see RowCache
  {
    const std::shared_lock lock(mutex_);
    if (at < settled_) return too_old();
    Window::Found found = window_.find(key, at);
    if (found.known) return std::move(found.value);
  }
  std::optional<std::string> cached;
  if (rows_.find(key, cached)) {
    if (at < settled_) return too_old();
    return cached;
  }
  auto value = base_->get(key);
  // What was settled meanwhile is visible at `at` only if it is not newer.
  if (at < settled_) return too_old();
  if (value) rows_.fill(key, *value, epoch);
  return value;
}

Result<bool> Storage::range(std::string_view begin, std::string_view end, Version at, bool reverse,
                            ReadLimits& limits, Rows& rows) const {
  std::string low(begin);
  std::string high(end);
  std::unique_ptr<Base::Cursor> cursor;
  std::uint64_t cursor_trims = 0;
  if (auto waiting = take_waiting(begin, end, reverse, at)) {
    cursor = std::move(waiting->cursor);
    cursor_trims = waiting->trims;
    if (options_.faults.reuse_stale_cursors) {
      const std::shared_lock lock(mutex_);
      cursor_trims = trims_;
    }
  }
  while (low < high) {
    if (limits.reached()) return true;
    Window::Slice slice;
    std::uint64_t trims = 0;
    {
      const std::shared_lock lock(mutex_);
      if (at < settled_) return too_old();
      slice = window_.slice(low, high, at, reverse, SLICE_KEYS);
      trims = trims_;
    }
    // A cursor older than a trim may lack what the window no longer tells.
    if (cursor == nullptr || cursor_trims != trims) {
      cursor = this->cursor(low, high, reverse);
      cursor_trims = trims;
    }
    const auto stopped = merge(slice, *cursor, reverse, limits, rows);
    if (!stopped) return stopped;
    if (*stopped) {
      if (at < settled_) return too_old();
      if (limits.bytes <= 0 && !rows.empty()) {
        const std::string_view last = rows.key(rows.size() - 1);
        keep_waiting({reverse ? low : key_after(last), reverse ? std::string(last) : high, reverse, at,
                      cursor_trims, std::move(cursor)});
      }
      return true;
    }
    (reverse ? high : low) = reverse ? slice.covered.begin : slice.covered.end;
  }
  if (at < settled_) return too_old();
  return false;
}

std::unique_ptr<Base::Cursor> Storage::cursor(std::string_view begin, std::string_view end,
                                              bool reverse) const {
  if (reverse) return base_->cursor(begin, end, true);
  return std::make_unique<RunCursor>(*base_, runs_, begin, end);
}

std::optional<Storage::Waiting> Storage::take_waiting(std::string_view low, std::string_view high,
                                                      bool reverse, Version at) const {
  const std::lock_guard lock(waiting_mutex_);
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
    return waiting.at == at && waiting.reverse == reverse && waiting.low == low && waiting.high == high;
  });
  if (found == waiting_.end()) return std::nullopt;
  Waiting out = std::move(*found);
  waiting_.erase(found);
  return out;
}

void Storage::keep_waiting(Waiting waiting) const {
  std::optional<Waiting> oldest;  // goes after the lock
  const std::lock_guard lock(waiting_mutex_);
  if (waiting_.size() == WAITING_MAX) {
    oldest = std::move(waiting_.front());
    waiting_.pop_front();
  }
  waiting_.push_back(std::move(waiting));
}

Result<std::int64_t> Storage::bytes_estimate(std::string_view begin, std::string_view end, Version at) const {
  Rows rows;
  ReadLimits limits{COUNTED_ROWS_MAX, COUNTED_BYTES_MAX};
  const auto more = range(begin, end, at, false, limits, rows);
  if (!more) return tl::unexpected(more.error());
  if (!*more) return static_cast<std::int64_t>(rows.bytes());
  auto bytes = base_->bytes_estimate(begin, end);
  if (!bytes) return tl::unexpected(bytes.error());
  const std::shared_lock lock(mutex_);
  return static_cast<std::int64_t>(
      std::max<std::uint64_t>(rows.bytes(), *bytes + window_.bytes_estimate(begin, end)));
}

// Rows of the slice's part of the range: the window's, and the base's where the window is silent. The base's
// are taken in runs, each up to the next key or cleared range that the window knows.
Result<bool> Storage::merge(const Window::Slice& slice, Base::Cursor& cursor, bool reverse,
                            ReadLimits& limits, Rows& rows) const {
  std::size_t entry = 0;
  std::size_t clear = 0;
  const auto entry_at = [&](std::size_t i) -> const Window::Slice::Entry& {
    return slice.entries[reverse ? slice.entries.size() - 1 - i : i];
  };
  const auto cleared_at = [&](std::size_t i) -> const KeyRange& {
    return slice.cleared[reverse ? slice.cleared.size() - 1 - i : i];
  };
  for (;;) {
    const bool own = entry < slice.entries.size();
    const bool cleared = clear < slice.cleared.size();
    // The next thing of the window, in reading order; a cleared range counts by the end that is reached
    // first. A bound downwards is inclusive: so a key is passed by asking for what lies behind it.
    std::string_view bound = reverse ? slice.covered.begin : slice.covered.end;
    std::string after;
    if (own) {
      after = reverse ? key_after(entry_at(entry).key) : std::string();
      bound = reverse ? std::string_view(after) : std::string_view(entry_at(entry).key);
    }
    bool at_clear = false;
    if (cleared) {
      const KeyRange& range = cleared_at(clear);
      at_clear = reverse ? !own || range.end >= bound : !own || range.begin <= bound;
      if (at_clear) bound = reverse ? range.end : range.begin;
    }
    if (cursor.take(bound, limits, rows)) return true;
    if (!cursor.valid()) {  // at its end, or broken: then nothing behind it may be told
      if (auto status = cursor.status(); !status) return tl::unexpected(status.error());
    }
    if (at_clear) {
      const KeyRange& range = cleared_at(clear++);
      const bool hidden =
          cursor.valid() && (reverse ? cursor.key() >= range.begin : cursor.key() < range.end);
      if (hidden) cursor.seek(reverse ? range.begin : range.end);
      continue;
    }
    if (!own) break;
    const auto& [key, value] = entry_at(entry++);
    if (value) {
      if (limits.reached()) return true;
      limits.count(key.size(), value->size());
      rows.add(key, *value);
    }
    if (cursor.valid() && cursor.key() == key) cursor.advance();
  }
  return false;
}

void Storage::expect(std::span<const std::string_view> keys) const {
  const std::shared_lock lock(mutex_);
  window_.expect(keys);
}

void Storage::begin(Version version) {
  EF_ASSERT(version > version_ && version > recovered_);
  version_ = version;
  record_.clear();
  ByteWriter(record_).u64(static_cast<std::uint64_t>(version));
}

void Storage::record(const Change& change) {
  last_change_ = record_.size();
  write_change(record_, change);
}

void Storage::set(std::string_view key, std::optional<std::string_view> value) {
  if (value) {
    record({ChangeKind::SET, key, *value});
  } else {
    record({ChangeKind::CLEAR_KEY, key, {}});
  }
  window_.set(key, value, version_);
}

Result<void> Storage::apply(std::span<const MutationView> mutations) {
  while (!mutations.empty()) {
    std::unique_lock lock(mutex_);
    const std::size_t some = std::min(mutations.size(), APPLY_STEPS);
    for (const MutationView& mutation : mutations.first(some)) {
      if (auto applied = apply_locked(mutation, lock); !applied) return applied;
    }
    mutations = mutations.subspan(some);
  }
  return {};
}

Result<void> Storage::apply_locked(const MutationView& mutation, std::unique_lock<std::shared_mutex>& lock) {
  const auto& [type, key, value, conflict] = mutation;
  if (type == MutationType::SET) {
    set(key, value);
    return {};
  }
  if (type == MutationType::CLEAR_RANGE) {
    if (key >= value) return {};
    if (is_key_after(value, key)) {
      set(key, std::nullopt);
      return {};
    }
    record({ChangeKind::CLEAR_RANGE, key, value});
    window_.clear_range(key, value, version_);
    return {};
  }
  Window::Found found = window_.find(key, version_);
  if (!found.known) {
    // Not in the window, and this thread alone adds to it: the base's value cannot change under us.
    lock.unlock();
    if (!rows_.find(key, found.value)) {
      auto read = base_->get(key);
      if (!read) return tl::unexpected(read.error());
      found.value = std::move(*read);
    }
    lock.lock();
  }
  const auto result = apply_atomic(type, found.value, value);
  if (!result && !found.value) return {};
  set(key, result ? std::optional<std::string_view>(*result) : std::nullopt);
  return {};
}

Result<void> Storage::finish() {
  if (record_.size() == sizeof(Version)) return {};  // nothing changed
  if (options_.faults.drop_batch_tail) record_.resize(last_change_);
  std::uint64_t serial = 0;
  if (log_ != nullptr) {
    if (auto appended = log_->append(record_); !appended) return appended;
    serial = log_->last_serial();
  }
  if (record_.capacity() > (4U << 20)) Bytes().swap(record_);
  const std::unique_lock lock(mutex_);
  logged_.push_back({version_, serial});
  return {};
}

Result<bool> Storage::settle(Version upto) {
  Window::Round round;
  Mark mark;
  {
    const std::unique_lock lock(mutex_);
    round = window_.round(upto, STEP_BYTES);
    if (round.batches == 0) return false;
    while (!logged_.empty() && logged_.front().version <= round.version) {
      mark = {logged_.front().version, logged_.front().serial};
      logged_.pop_front();
    }
    EF_ASSERT(mark.version == round.version);
    settled_ = round.version;
  }
  auto step = base_->step();
  for (const KeyRange& range : round.clears) {
    if (auto cleared = step->clear(range.begin, range.end); !cleared) return tl::unexpected(cleared.error());
  }
  for (std::size_t i = round.batches; i-- > 0;) {
    const std::shared_lock lock(mutex_);
    window_.visit_changes(round, i, [&](std::string_view key, const std::optional<std::string_view>& value) {
      value ? step->put(key, *value) : step->erase(key);
    });
  }
  const std::vector<std::string> cleared = std::move(step->cleared);
  const bool cleared_more = step->cleared_more;
  if (auto applied = base_->apply(std::move(step), mark); !applied) return tl::unexpected(applied.error());
  if (!options_.faults.keep_stale_rows) forget_changed(rows_, round, cleared, cleared_more);
  if (!options_.faults.keep_stale_runs) forget_changed(runs_, round, cleared, cleared_more);
  for (bool done = false; !done;) {
    const std::unique_lock lock(mutex_);
    ++trims_;
    done = window_.trim(round, TRIM_STEPS);
  }
  if (options_.faults.reuse_stale_cursors) return true;
  std::deque<Waiting> outdated;
  const std::lock_guard lock(waiting_mutex_);
  waiting_.swap(outdated);
  return true;
}

// The base has changed: what a cache knows of the changed rows goes, before the window forgets them.
template <class Cache>
void Storage::forget_changed(Cache& cache, const Window::Round& round,
                             const std::vector<std::string>& cleared, bool cleared_more) {
  cache.new_epoch();
  if (cleared_more) return cache.forget_all();
  for (const std::string& key : cleared) cache.forget(key);
  for (std::size_t i = 0; i < round.batches; ++i) {
    const std::shared_lock lock(mutex_);
    window_.visit_keys(round, i, [&cache](std::string_view key) { cache.forget(key); });
  }
}

Result<void> Storage::tidy() {
  if (log_ == nullptr) return {};
  if (log_->full_segments(base_->mark().serial) >= options_.full_segments_max) {
    if (auto durable = make_base_durable(); !durable) return durable;
  }
  return log_->prepare();
}

Result<void> Storage::make_base_durable() {
  const auto mark = base_->make_durable();
  if (!mark) return tl::unexpected(mark.error());
  return log_ == nullptr ? Result<void>() : log_->release(mark->serial);
}

bool Storage::wants_tidy() const {
  if (log_ == nullptr) return false;
  return !log_->has_spare() || log_->full_segments(base_->mark().serial) >= options_.full_segments_max;
}

Version Storage::oldest_unsettled() const {
  const std::shared_lock lock(mutex_);
  return window_.oldest_pending();
}

std::size_t Storage::window_bytes() const {
  const std::shared_lock lock(mutex_);
  return window_.bytes();
}

}  // namespace everframe::embedded
