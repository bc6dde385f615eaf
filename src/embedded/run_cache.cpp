#include "embedded/run_cache.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace everframe::embedded {

RunCache::Runs::iterator RunCache::covering(Runs& runs, std::string_view key) {
  auto run = runs.upper_bound(key);
  if (run == runs.begin()) return runs.end();
  --run;
  return key < run->second->high ? run : runs.end();
}

// If the young map is full, it becomes the old one.
void RunCache::add(RunRef run) {
  young_bytes_ += cost(*run);
  std::string low = run->low;
  young_.emplace(std::move(low), std::move(run));
  if (young_bytes_ <= half_bytes_max_) return;
  old_ = std::move(young_);
  young_.clear();
  young_bytes_ = 0;
}

RunCache::Found RunCache::find(std::string_view key) {
  const std::lock_guard lock(mutex_);
  if (const auto run = covering(young_, key); run != young_.end()) return {run->second, {}};
  if (const auto run = covering(old_, key); run != old_.end()) {
    RunRef found = std::move(run->second);
    old_.erase(run);
    add(found);
    return {std::move(found), {}};
  }
  std::optional<std::string> next;
  for (const Runs* runs : {&young_, &old_}) {
    const auto behind = runs->upper_bound(key);
    if (behind != runs->end() && (!next || behind->first < *next)) next = behind->first;
  }
  return {nullptr, std::move(next)};
}

bool RunCache::is_seen(std::string_view low, std::string_view high) {
  const std::uint64_t hash = hash64(bytes_of(high), hash64(bytes_of(low), 0));
  return std::exchange(seen_[hash % SEEN_MAX], hash) == hash;
}

void RunCache::offer(std::string_view low, std::string_view high, const Rows& rows, std::size_t first,
                     std::uint64_t epoch) {
  const std::size_t bytes = rows.bytes_from(first);
  if (bytes < run_bytes_min_ || bytes > half_bytes_max_ / RUN_PART_MAX) return;
  {
    const std::lock_guard lock(mutex_);
    if (!is_seen(low, high)) return;
  }
  auto run = std::make_shared<Run>(Run{std::string(low), std::string(high), {}});
  run->rows.add(rows, first, rows.size());
  const std::lock_guard lock(mutex_);
  if (epoch_ != epoch) return;
  // Another reader's may lie there by now.
  for (Runs* runs : {&young_, &old_}) {
    const auto next = runs->lower_bound(low);
    if (covering(*runs, low) != runs->end() || (next != runs->end() && next->first < high)) return;
  }
  add(std::move(run));
}

void RunCache::forget(std::string_view key) {
  const std::lock_guard lock(mutex_);
  if (const auto run = covering(young_, key); run != young_.end()) {
    young_bytes_ -= cost(*run->second);
    young_.erase(run);
  } else if (const auto older = covering(old_, key); older != old_.end()) {
    old_.erase(older);
  }
}

void RunCache::forget_all() {
  const std::lock_guard lock(mutex_);
  young_.clear();
  old_.clear();
  young_bytes_ = 0;
}

}  // namespace everframe::embedded
