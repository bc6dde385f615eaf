#include "embedded/row_cache.h"

namespace everframe::embedded {

// If the young map is full, it becomes the old one; the old one is given to the caller, to be destroyed
// outside of the lock.
RowCache::Map RowCache::age(Shard& shard) const {
  Map gone;
  if (shard.young_bytes <= shard_bytes_max_) return gone;
  gone.swap(shard.old);
  shard.old.swap(shard.young);
  shard.young_bytes = 0;
  return gone;
}

bool RowCache::find(std::string_view key, Value& value) const {
  Shard& shard = shard_of(key);
  Map gone;
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.young.find(key); found != shard.young.end()) {
    value = found->second;
    return true;
  }
  const auto found = shard.old.find(key);
  if (found == shard.old.end()) return false;
  value = found->second;
  shard.young_bytes += cost(key, value);
  shard.young.insert(shard.old.extract(found));
  gone = age(shard);
  return true;
}

void RowCache::fill(std::string_view key, const Value& value, std::uint64_t epoch) {
  if (value && value->size() > ROW_BYTES_MAX) return;
  Shard& shard = shard_of(key);
  Map gone;
  const std::lock_guard lock(shard.mutex);
  if (epoch_ != epoch) return;
  if (!shard.young.try_emplace(std::string(key), value).second) return;
  shard.young_bytes += cost(key, value);
  gone = age(shard);
}

void RowCache::forget(std::string_view key) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.young.find(key); found != shard.young.end()) {
    shard.young_bytes -= cost(key, found->second);
    shard.young.erase(found);
  }
  if (const auto found = shard.old.find(key); found != shard.old.end()) shard.old.erase(found);
}

void RowCache::forget_all() {
  for (Shard& shard : shards_) {
    Map young, old;
    const std::lock_guard lock(shard.mutex);
    young.swap(shard.young);
    old.swap(shard.old);
    shard.young_bytes = 0;
  }
}

}  // namespace everframe::embedded
