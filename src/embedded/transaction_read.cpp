// Transaction's reads: the database at the read version, with the transaction's own writes laid over it.
#include <algorithm>

#include "embedded/errors.h"
#include "embedded/transaction.h"

namespace everframe::embedded {

namespace {

constexpr Duration FUTURE_VERSION_DELAY = 1s;  // FoundationDB's server knob of that name

// fdb_c.h, FDBStreamingMode.
constexpr int WANT_ALL = -2;
constexpr int ITERATOR = -1;
constexpr int EXACT = 0;
constexpr int SERIAL = 4;
constexpr std::int64_t MODE_BYTES[] = {ReadLimits::UNLIMITED, 256, 1000, 4096, 80000};
constexpr std::int64_t ITERATION_BYTES[] = {4096,  6144,  9216,  13824, 20736,
                                            31104, 46656, 69984, 80000, 120000};

// FoundationDB keeps its coordinators here, and clients look; there is one place, this process.
constexpr std::string_view COORDINATORS_KEY = "\xff/coordinators";
constexpr std::string_view ADDRESS = "127.0.0.1:4500";

tl::unexpected<Error> refuse(fdb_error_t code) {
  return fail_with(code, "{}", error::text(code));
}

// The limits of fdb_transaction_get_range, from its four arguments about size.
Result<ReadLimits> limits_of(const Transaction::RangeRequest& request) {
  ReadLimits limits{request.limit == 0 ? ReadLimits::UNLIMITED : request.limit,
                    request.target_bytes == 0 ? ReadLimits::UNLIMITED : request.target_bytes};
  const int mode = request.mode == WANT_ALL ? SERIAL : request.mode;
  if (mode == EXACT && limits.rows == ReadLimits::UNLIMITED && limits.bytes == ReadLimits::UNLIMITED) {
    return refuse(error::EXACT_MODE_WITHOUT_LIMITS);
  }
  if (mode == ITERATOR) {
    if (request.iteration <= 0) return refuse(error::CLIENT_INVALID_OPERATION);
    const auto step =
        std::min<std::size_t>(static_cast<std::size_t>(request.iteration), std::size(ITERATION_BYTES));
    limits.bytes = std::min(limits.bytes, ITERATION_BYTES[step - 1]);
  } else if (mode >= EXACT && mode <= SERIAL) {
    limits.bytes = std::min(limits.bytes, MODE_BYTES[mode]);
  } else {
    return refuse(error::CLIENT_INVALID_OPERATION);
  }
  return limits;
}

std::size_t key_bytes_max(std::string_view key) {
  return key.starts_with('\xff') ? SYSTEM_KEY_BYTES_MAX : KEY_BYTES_MAX;
}

// Without or_equal, the same place: "after key" is "from key's successor on". No key is longer than the
// limit, so a longer one is cut.
std::string base_of(const KeySelector& selector) {
  const std::string_view key = selector.key.substr(0, key_bytes_max(selector.key) + 1);
  return selector.or_equal ? key_after(key) : std::string(key);
}

std::int64_t read_cost(std::size_t bytes) {
  constexpr std::int64_t PAGE = 4096;  // FoundationDB's TAG_THROTTLING_PAGE_SIZE
  return bytes == 0 ? PAGE : ((static_cast<std::int64_t>(bytes) - 1) / PAGE + 1) * PAGE;
}

}  // namespace

bool Transaction::sees_writes(bool snapshot) const {
  if (options_.read_your_writes_disabled || written_->writes.empty()) return false;
  if (database_.faults().hide_own_writes) return false;
  return !snapshot || options_.snapshot_sees_writes > 0;
}

// A read that failed fails the commit, too. For a version that lies ahead FoundationDB's storage waits a
// while before it gives up; clients count on being slowed down.
FutureRef Transaction::failed(const Error& error) {
  const fdb_error_t code = error.code == 0 ? error::UNKNOWN_ERROR : error.code;
  const Duration delay = code == error::FUTURE_VERSION ? FUTURE_VERSION_DELAY : Duration::zero();
  if (failed_read_ == 0) {
    failed_read_ = code;
    failed_read_at_ = database_.clock().now() + delay;
  }
  return delayed(Future::make_ready(code), delay);
}

// With injected faults, perhaps late, perhaps too old.
FutureRef Transaction::answer_read(FutureRef ready, bool is_first) {
  FaultDice& dice = handle_->dice();
  if (dice.is_too_old()) {
    if (failed_read_ == 0) {
      failed_read_ = error::TRANSACTION_TOO_OLD;
      failed_read_at_ = database_.clock().now();
    }
    ready = Future::make_ready(error::TRANSACTION_TOO_OLD);
  }
  const Duration delay = dice.latency(dice.faults().read) +
                         (is_first ? dice.latency(dice.faults().read_version) : Duration::zero());
  return delayed(std::move(ready), delay);
}

Result<Version> Transaction::version_for_reading() {
  has_read_ = true;
  if (read_version_ == NO_VERSION) {
    read_version_ = database_.read_version();
    return read_version_;
  }
  if (read_version_ < database_.oldest_readable()) return refuse(error::TRANSACTION_TOO_OLD);
  if (!database_.is_published(read_version_)) return refuse(error::FUTURE_VERSION);
  return read_version_;
}

// Does reading [begin, end) depend on anything but this transaction's writes?
bool Transaction::needs_database(std::string_view begin, std::string_view end, bool sees) const {
  if (!sees) return true;
  bool needed = false;
  written_->writes.each_dependent(begin, end, [&](std::string_view, std::string_view) { needed = true; });
  return needed;
}

Result<std::optional<std::string>> Transaction::read_key(std::string_view key, bool sees) {
  const WriteMap::Point* point = nullptr;
  if (sees) {
    if (!options_.bypass_unreadable && written_->writes.unreadable().contains(key))
      return refuse(error::ACCESSED_UNREADABLE);
    if (const auto found = written_->writes.points().find(key); found != written_->writes.points().end())
      point = &found->second;
    if (point != nullptr && point->unreadable && !options_.bypass_unreadable)
      return refuse(error::ACCESSED_UNREADABLE);
    if (point != nullptr && point->independent()) return point->value(std::nullopt);
    if (point == nullptr && written_->writes.cleared().contains(key)) return std::nullopt;
  }
  const auto version = version_for_reading();
  if (!version) return tl::unexpected(version.error());
  auto stored = database_.storage().get(key, *version);
  if (!stored) return stored;
  total_cost_ += read_cost(key.size() + (*stored ? (*stored)->size() : 0));
  return point == nullptr ? std::move(stored) : point->value(std::move(*stored));
}

FutureRef Transaction::get(std::string_view key, bool snapshot) {
  if (deferred_ != 0) return Future::make_ready(deferred_);
  if (key.starts_with("\xff\xff")) return get_special(key);
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  if (key >= max_read_key() && key != METADATA_VERSION_KEY) {
    return Future::make_ready(error::KEY_OUTSIDE_LEGAL_RANGE);
  }
  if (key.size() > key_bytes_max(key)) return Future::make_ready(0, std::optional<std::string>());
  const bool is_first = read_version_ == NO_VERSION;
  auto value = read_key(key, sees_writes(snapshot));
  if (!value) return failed(value.error());
  if (!snapshot) add_read_conflict(key, key_after(key));
  if (key == COORDINATORS_KEY && !*value) *value = "everframe:embedded@" + std::string(ADDRESS);
  return answer_read(Future::make_ready(0, std::move(*value)), is_first);
}

Result<bool> Transaction::read_range(std::string_view begin, std::string_view end, bool reverse, bool sees,
                                     ReadLimits& limits, Rows& rows) {
  if (begin >= end) return false;
  if (!sees || !written_->writes.touches(begin, end)) {
    const auto version = version_for_reading();
    if (!version) return tl::unexpected(version.error());
    return database_.storage().range(begin, end, *version, reverse, limits, rows);
  }
  if (options_.bypass_unreadable) return read_through_writes(begin, end, reverse, limits, rows);
  // Reading stops before the first unreadable range: reaching it is the error.
  const auto unreadable = reverse ? written_->writes.unreadable().last_in(begin, end)
                                  : written_->writes.unreadable().first_in(begin, end);
  if (!unreadable) return read_through_writes(begin, end, reverse, limits, rows);
  const std::string low(reverse ? std::max<std::string_view>(begin, unreadable->end) : begin);
  const std::string high(reverse ? end : std::min<std::string_view>(end, unreadable->begin));
  const auto more = read_through_writes(low, high, reverse, limits, rows);
  if (!more) return more;
  if (!*more && !limits.reached()) return refuse(error::ACCESSED_UNREADABLE);
  return true;
}

// Reads the database in pieces, and lays the writes over each.
Result<bool> Transaction::read_through_writes(std::string_view begin, std::string_view end, bool reverse,
                                              ReadLimits& limits, Rows& rows) {
  std::string low(begin);
  std::string high(end);
  Rows stored;
  if (!needs_database(begin, end, true)) return overlay(stored, begin, end, reverse, limits, rows);
  const auto version = version_for_reading();
  if (!version) return tl::unexpected(version.error());
  while (low < high) {
    if (limits.reached()) return true;
    stored.clear();
    ReadLimits piece = limits;
    const auto more = database_.storage().range(low, high, *version, reverse, piece, stored);
    if (!more) return more;
    std::string from = low;
    std::string to = high;
    if (*more && !stored.empty()) {
      const std::string_view last = stored.key(stored.size() - 1);
      if (reverse) {
        from = last;
      } else {
        to = key_after(last);
      }
    }
    const auto stopped = overlay(stored, from, to, reverse, limits, rows);
    if (!stopped) return stopped;
    if (*stopped) return true;
    (reverse ? high : low) = reverse ? from : to;
  }
  return false;
}

// The rows of [begin, end), of which `stored` is what the database holds, in reading order.
Result<bool> Transaction::overlay(const Rows& stored, std::string_view begin, std::string_view end,
                                  bool reverse, ReadLimits& limits, Rows& rows) {
  const auto& points = written_->writes.points();
  auto low = points.lower_bound(begin);
  auto high = points.lower_bound(end);
  std::size_t row = 0;
  const auto emit = [&](std::string_view key, std::string_view value) {
    limits.count(key.size(), value.size());
    rows.add(key, value);
  };
  while (row < stored.size() || low != high) {
    const bool has_point = low != high;
    const auto point = has_point ? (reverse ? std::prev(high) : low) : points.end();
    const bool has_row = row < stored.size();
    const int order = !has_point ? -1
                      : !has_row ? 1
                                 : stored.key(row).compare(point->first) * (reverse ? -1 : 1);
    if (order < 0) {  // a row of the database alone
      if (!written_->writes.cleared().contains(stored.key(row))) {
        if (limits.reached()) return true;
        emit(stored.key(row), stored.value(row));
      }
      ++row;
      continue;
    }
    if (limits.reached()) return true;
    if (point->second.unreadable && !options_.bypass_unreadable) return refuse(error::ACCESSED_UNREADABLE);
    const bool under = order == 0 && !written_->writes.cleared().contains(point->first);
    const auto value = point->second.value(under ? std::optional<std::string>(stored.value(row))
                                                 : std::optional<std::string>());
    if (value) emit(point->first, *value);
    if (order == 0) ++row;
    reverse ? --high : ++low;
  }
  return false;
}

Result<std::string> Transaction::resolve(const KeySelector& selector, bool snapshot) {
  const std::string base = base_of(selector);
  const std::string_view top = max_read_key();
  ReadLimits limits{0, ReadLimits::UNLIMITED};
  Rows rows;
  const bool forward = selector.offset > 0;
  const std::int64_t wanted = forward ? selector.offset : 1 - std::int64_t{selector.offset};
  limits.rows = wanted;
  const auto read = forward ? read_range(base, top, false, sees_writes(snapshot), limits, rows)
                            : read_range("", base, true, sees_writes(snapshot), limits, rows);
  if (!read) return tl::unexpected(read.error());
  std::string found(forward ? top : "");
  if (rows.size() >= static_cast<std::size_t>(wanted)) found = rows.key(static_cast<std::size_t>(wanted) - 1);
  if (!snapshot) {
    if (forward) {
      add_read_conflict(base, found == top ? found : key_after(found));
    } else {
      add_read_conflict(found, base);
    }
  }
  return found;
}

FutureRef Transaction::get_key(const KeySelector& selector, bool snapshot) {
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  if (selector.key > max_read_key()) return Future::make_ready(error::KEY_OUTSIDE_LEGAL_RANGE);
  const bool is_first = read_version_ == NO_VERSION;
  auto key = resolve(selector, snapshot);
  if (!key) return failed(key.error());
  total_cost_ += read_cost(key->size());
  return answer_read(Future::make_ready(0, Future::Key{std::move(*key)}), is_first);
}

FutureRef Transaction::get_range(const RangeRequest& request) {
  const auto limits = limits_of(request);
  if (!limits) return Future::make_ready(limits.error().code);
  if (deferred_ != 0) return Future::make_ready(deferred_);
  if (request.begin.key.starts_with("\xff\xff") && request.end.key <= "\xff\xff\xff" &&
      request.end.key >= "\xff\xff") {
    return get_special_range(request, *limits);
  }
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  const std::string_view top = max_read_key();
  if (request.begin.key > top || request.end.key > top) {
    return Future::make_ready(error::KEY_OUTSIDE_LEGAL_RANGE);
  }
  if (request.limit < 0 || request.target_bytes < 0) return Future::make_ready(error::RANGE_LIMITS_INVALID);
  const bool is_first = read_version_ == NO_VERSION;
  auto range = read_range_request(request);
  if (!range) return failed(range.error());
  total_cost_ += read_cost(range->rows.bytes());
  return answer_read(Future::make_ready(0, std::move(*range)), is_first);
}

// A range whose request is in order: its rows, and its conflict range.
Result<Future::Range> Transaction::read_range_request(const RangeRequest& request) {
  auto limits = limits_of(request);
  if (!limits) return tl::unexpected<Error>(limits.error());
  const std::string_view top = max_read_key();
  Future::Range out;
  std::string begin = base_of(request.begin);
  std::string end = base_of(request.end);
  if (request.begin.offset >= request.end.offset && begin >= end) return out;
  for (const auto& [selector, key] : {std::pair(&request.begin, &begin), std::pair(&request.end, &end)}) {
    if (selector->offset == 1) continue;  // first at or behind its key: no reading needed
    auto resolved = resolve(*selector, request.snapshot);
    if (!resolved) return tl::unexpected<Error>(resolved.error());
    *key = std::move(*resolved);
  }
  if (end > top) end = top;
  if (begin >= end) return out;

  const auto more = read_range(begin, end, request.reverse, sees_writes(request.snapshot), *limits, out.rows);
  if (!more) return tl::unexpected<Error>(more.error());
  out.more = *more || limits->reached();
  if (request.snapshot) return out;
  // A read that stopped at a limit depends only on what it passed.
  if (out.more && !out.rows.empty()) {
    const std::string_view last = out.rows.key(out.rows.size() - 1);
    if (request.reverse) {
      begin = last;
    } else {
      end = key_after(last);
    }
  }
  add_read_conflict(begin, end);
  return out;
}

void Transaction::add_read_conflict(std::string_view begin, std::string_view end) {
  const auto add = [this](std::string_view from, std::string_view to) {
    approximate_size_ += static_cast<std::int64_t>(from.size() + to.size()) + RANGE_OVERHEAD;
    written_->read_conflicts.add(from, to);
  };
  if (options_.read_your_writes_disabled || written_->writes.empty()) {
    add(begin, end);
  } else {
    written_->writes.each_dependent(begin, end, add);
  }
}

}  // namespace everframe::embedded
