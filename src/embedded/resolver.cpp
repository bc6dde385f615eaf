#include "embedded/resolver.h"

#include <algorithm>

#include "base/assert.h"

namespace everframe::embedded {

bool Resolver::meets(const Writes& writes, const KeyRange& range) {
  // The first written range that ends behind the range's begin.
  const auto first = std::upper_bound(writes.begin(), writes.end(), range.begin,
                                      [](const std::string& key, const KeyRange& w) { return key < w.end; });
  return first != writes.end() && first->begin < range.end;
}

bool Resolver::meets_open_batch(const KeyRange& range) const {
  auto after = open_.lower_bound(range.end);  // the first that begins at or behind the range's end
  return after != open_.begin() && std::prev(after)->second > range.begin;
}

bool Resolver::meets_batches(Version read_version, const KeyRange& range) {
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

Resolver::Verdict Resolver::resolve(Version read_version, const std::vector<KeyRange>& reads,
                                    std::vector<KeyRange> writes, std::vector<KeyRange>* conflicting) {
  Verdict verdict = Verdict::COMMIT;
  if (!reads.empty()) {
    if (read_version < oldest_ && !faults_.ignore_age) return Verdict::TOO_OLD;
    for (const KeyRange& whole : reads) {
      const KeyRange range = faults_.ignore_ranges ? KeyRange{whole.begin, key_after(whole.begin)} : whole;
      const bool met = (!faults_.ignore_read_sets && meets_batches(read_version, range)) ||
                       (!faults_.ignore_own_batch && meets_open_batch(range));
      if (!met) continue;
      verdict = Verdict::CONFLICT;
      if (conflicting == nullptr) break;
      conflicting->push_back(whole);
    }
  }
  if (verdict == Verdict::COMMIT && !faults_.ignore_write_sets) {
    for (KeyRange& range : writes) add(std::move(range));
  }
  return verdict;
}

// Adds a range to the open batch, joined with those it touches or overlaps.
void Resolver::add(KeyRange range) {
  if (range.begin >= range.end) return;
  auto at = open_.upper_bound(range.begin);
  if (at != open_.begin() && std::prev(at)->second >= range.begin) {
    --at;
    if (at->second >= range.end) return;
  } else {
    auto next = at;
    if (next == open_.end() || next->first > range.end) {  // it touches none: the common case
      open_.emplace_hint(next, std::move(range.begin), std::move(range.end));
      return;
    }
    at = open_.emplace_hint(at, std::move(range.begin), range.end);
  }
  std::string end = std::move(range.end);
  auto next = std::next(at);
  while (next != open_.end() && next->first <= end) {
    if (next->second > end) end = next->second;
    next = open_.erase(next);
  }
  at->second = std::move(end);
}

void Resolver::close_batch(Version version) {
  EF_ASSERT(batches_.empty() || batches_.back().version < version);
  if (!open_.empty()) {
    Batch batch;
    batch.version = version;
    batch.writes.reserve(open_.size());
    for (auto node = open_.begin(); node != open_.end();) {
      auto held = open_.extract(node++);
      batch.writes.push_back({std::move(held.key()), std::move(held.mapped())});
    }
    batch.closes_group = ++since_group_ == SUMMARY;
    if (batch.closes_group) since_group_ = 0;
    batches_.push_back(std::move(batch));
  }
}

void Resolver::forget(Version oldest) {
  if (oldest > oldest_) oldest_ = oldest;
  while (!batches_.empty() && batches_.front().version <= oldest_) batches_.pop_front();
}

// The writes of the group that the batch at `last` closes, made at the first asking.
const Resolver::Writes& Resolver::summary_of(std::size_t last) {
  Writes& summary = batches_[last].summary;
  if (!summary.empty()) return summary;
  Writes all;
  for (std::size_t i = last + 1 - SUMMARY; i <= last; ++i) {
    all.insert(all.end(), batches_[i].writes.begin(), batches_[i].writes.end());
  }
  std::sort(all.begin(), all.end(), [](const KeyRange& a, const KeyRange& b) { return a.begin < b.begin; });
  for (KeyRange& range : all) {
    if (!summary.empty() && range.begin <= summary.back().end) {
      if (range.end > summary.back().end) summary.back().end = std::move(range.end);
    } else {
      summary.push_back(std::move(range));
    }
  }
  return summary;
}

}  // namespace everframe::embedded
