#include "embedded/resolver.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace everframe::embedded {

bool Resolver::meets(const Writes& writes, const RangeView& range) {
  // The first written range that ends behind the range's begin.
  const auto first = std::upper_bound(writes.begin(), writes.end(), range.begin,
                                      [](std::string_view key, const RangeView& w) { return key < w.end; });
  return first != writes.end() && first->begin < range.end;
}

bool Resolver::meets_open_batch(const RangeView& range) const {
  auto after = open_.lower_bound(range.end);  // the first that begins at or behind the range's end
  return after != open_.begin() && std::prev(after)->second > range.begin;
}

bool Resolver::meets_batches(Version read_version, const RangeView& range) {
  for (std::size_t i = batches_.size(); i > 0;) {
    const Batch& batch = batches_[i - 1];
    if (batch.version <= read_version) return false;
    // A group that lies wholly behind the read version is asked as one.
    if (batch.closes_group && i >= SUMMARY && batches_[i - SUMMARY].version > read_version) {
      if (meets(summary_of(i - 1), range)) return true;
      i -= SUMMARY;
      continue;
    }
    if (meets(batch.writes, range)) return true;
    --i;
  }
  return false;
}

Resolver::Verdict Resolver::resolve(Version read_version, std::span<const RangeView> reads,
                                    std::span<const RangeView> writes, std::vector<KeyRange>* conflicting) {
  Verdict verdict = Verdict::COMMIT;
  if (!reads.empty()) {
    if (read_version < oldest_ && !faults_.ignore_age) return Verdict::TOO_OLD;
    for (const RangeView& whole : reads) {
      const std::string first = faults_.ignore_ranges ? key_after(whole.begin) : std::string();
      const RangeView range = faults_.ignore_ranges ? RangeView{whole.begin, first} : whole;
      const bool met = (!faults_.ignore_read_sets && meets_batches(read_version, range)) ||
                       (!faults_.ignore_own_batch && meets_open_batch(range));
      if (!met) continue;
      verdict = Verdict::CONFLICT;
      if (conflicting == nullptr) break;
      conflicting->push_back({std::string(whole.begin), std::string(whole.end)});
    }
  }
  if (verdict == Verdict::COMMIT && !faults_.ignore_write_sets) {
    for (const RangeView& range : writes) add(range);
  }
  return verdict;
}

// Adds a range to the open batch, joined with those it touches or overlaps.
void Resolver::add(const RangeView& range) {
  if (range.begin >= range.end) return;
  auto at = open_.upper_bound(range.begin);
  if (at != open_.begin() && std::prev(at)->second >= range.begin) {
    --at;
    if (at->second >= range.end) return;
  }
  // Of one key, which most are, both ends lie in one copy.
  const bool one_key = is_key_after(range.end, range.begin);
  const std::string_view end =
      one_key ? Arena::successor(keys_->copy_key(range.begin)) : keys_->copy(range.end);
  if (at == open_.end() || at->first > range.begin) {
    at = open_.emplace_hint(at, one_key ? end.substr(0, range.begin.size()) : keys_->copy(range.begin), end);
  }
  at->second = std::max(at->second, end);
  for (auto next = std::next(at); next != open_.end() && next->first <= at->second;
       next = open_.erase(next)) {
    at->second = std::max(at->second, next->second);
  }
}

void Resolver::close_batch(Version version) {
  EF_ASSERT(batches_.empty() || batches_.back().version < version);
  if (!open_.empty()) {
    Batch batch;
    batch.version = version;
    batch.writes.reserve(open_.size());
    for (const auto& [begin, end] : open_) batch.writes.push_back({begin, end});
    batch.keys = std::exchange(keys_, std::make_unique<Arena>());
    open_.clear();
    nodes_.release();
    batch.closes_group = ++since_group_ == SUMMARY;
    if (batch.closes_group) since_group_ = 0;
    batches_.push_back(std::move(batch));
  }
}

void Resolver::forget(Version oldest) {
  if (oldest > oldest_) oldest_ = oldest;
  while (!batches_.empty() && batches_.front().version <= oldest_) batches_.pop_front();
}

// The writes of the group that the batch at `last` closes, made at the first asking. Asked only while all of
// the group, whose keys these are, is here.
const Resolver::Writes& Resolver::summary_of(std::size_t last) {
  Writes& summary = batches_[last].summary;
  if (!summary.empty()) return summary;
  Writes all;
  for (std::size_t i = last + 1 - SUMMARY; i <= last; ++i) {
    all.insert(all.end(), batches_[i].writes.begin(), batches_[i].writes.end());
  }
  std::sort(all.begin(), all.end(), [](const RangeView& a, const RangeView& b) { return a.begin < b.begin; });
  for (const RangeView& range : all) {
    if (!summary.empty() && range.begin <= summary.back().end) {
      summary.back().end = std::max(summary.back().end, range.end);
    } else {
      summary.push_back(range);
    }
  }
  return summary;
}

}  // namespace everframe::embedded
