#include "store/prefix_allocator.h"

#include "base/started.h"
#include "store/world_keys.h"

namespace everframe::store {

namespace {

// The start of the newest window among what was read of the counters; 0: there is none yet.
Result<std::int64_t> start_in(const Subspace& counters, const KeyValues& rows) {
  if (rows.empty()) return 0;
  const auto tuple = counters.unpack(rows[0].key);
  if (!tuple) return tl::unexpected(tuple.error());
  const auto* start = tuple->size() == 1 ? std::get_if<Integer>(&tuple->front()) : nullptr;
  if (start == nullptr || start->negative || start->magnitude > INT64_MAX) {
    return fail("the directory's allocator is damaged: {} is no window", to_text(*tuple));
  }
  return static_cast<std::int64_t>(start->magnitude);
}

}  // namespace

PrefixAllocator::PrefixAllocator(const Subspace& home, Prng& prng, AllocatorFaults faults)
    : counters_(home[Integer(0)]), recent_(home[Integer(1)]), prng_(prng), faults_(faults) {}

// Large windows meet less contention, small ones keep keys short; about half of a window's numbers are
// remembered.
std::int64_t PrefixAllocator::window_size(std::int64_t start) {
  if (start < 255) return 64;
  if (start < 65'535) return 1'024;
  return 8'192;
}

Task<Result<std::int64_t>> PrefixAllocator::newest_window(Transaction& transaction) const {
  const RangeOptions last{1, true, true};
  const auto rows = co_await transaction.get_range(counters_.range(), last);
  if (!rows) co_return tl::unexpected<Error>(rows.error());
  co_return start_in(counters_, *rows);
}

Task<Result<std::int64_t>> PrefixAllocator::window_with_room(Transaction& transaction) const {
  const auto newest = co_await newest_window(transaction);
  if (!newest) co_return newest;
  std::int64_t start = *newest;
  for (bool advanced = false;; advanced = true) {
    const std::string counter = counters_[Integer(start)].key();
    if (advanced) {
      transaction.clear(KeyRange{counters_.key(), counter});
      transaction.next_write_without_conflict();
      transaction.clear(KeyRange{recent_.key(), recent_[Integer(start)].key()});
    }
    transaction.add(counter, 1);
    const auto value = co_await transaction.get(counter, true);
    if (!value) co_return tl::unexpected<Error>(value.error());
    const auto count = static_cast<std::int64_t>(read_u64_value(value->value_or("")).value_or(0));
    if (count * 2 < window_size(start)) co_return start;
    start += window_size(start);
  }
}

// Ends with probability 1: a window is less than half full when it is chosen, so that two tries are expected.
Task<Result<std::string>> PrefixAllocator::allocate(Transaction& transaction) const {
  for (;;) {
    const auto start = co_await window_with_room(transaction);
    if (!start) co_return tl::unexpected<Error>(start.error());
    for (;;) {
      const auto window = static_cast<std::uint64_t>(window_size(*start));
      const std::int64_t candidate = *start + static_cast<std::int64_t>(prng_.below(window));
      const std::string key = recent_[Integer(candidate)].key();
      // Both reads are asked for before the write, so that they see what was there before it; nothing of
      // another allocation on this transaction comes between.
      Started<Result<std::int64_t>> newest(newest_window(transaction));
      Started<Result<std::optional<std::string>>> taken(transaction.get(key));
      transaction.next_write_without_conflict();
      transaction.set(key, "");
      const auto newest_now = co_await std::move(newest);
      const auto taken_now = co_await std::move(taken);
      if (!newest_now) co_return tl::unexpected<Error>(newest_now.error());
      if (!taken_now) co_return tl::unexpected<Error>(taken_now.error());
      if (*newest_now > *start) break;  // another allocation has advanced the window
      if (taken_now->has_value() && !faults_.ignore_taken) continue;
      const KeyRange only{key, key + '\0'};
      if (!faults_.ignore_conflicts) transaction.add_write_conflict(only);
      co_return std::move(TuplePacker().integer(candidate)).key();
    }
  }
}

}  // namespace everframe::store
