// RowCache: rows of the base that were read lately, by key, absent ones too. A hit costs a tenth of what
// RocksDB's lookup of a cached block costs.
//
// It never tells of a row that the base no longer holds: whoever steps the base calls new_epoch() after the
// step and then forget() of each key it changed; a reader takes epoch() before it looks anywhere, and what it
// read is kept only if no step ended since.
//
// Shape: shards, each with a lock and two maps; a row found in the old one moves to the young one, and when
// the young one is full the old one goes: about least recently used, without a list.
//
// Threads: any. Limit: about `bytes_max`; rows over ROW_BYTES_MAX are not kept.
#pragma once
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "base/hash.h"

namespace everframe::embedded {

class RowCache {
 public:
  static constexpr std::size_t ROW_BYTES_MAX = 4'096;  // larger ones: the copy costs more than the lookup

  explicit RowCache(std::size_t bytes_max) : shard_bytes_max_(bytes_max / SHARDS / 2) {}

  using Value = std::optional<std::string>;
  // False: not known.
  bool find(std::string_view key, Value& value) const;

  std::uint64_t epoch() const { return epoch_; }
  void fill(std::string_view key, const Value& value, std::uint64_t epoch);

  void new_epoch() { ++epoch_; }
  void forget(std::string_view key);
  void forget_all();

 private:
  static constexpr std::size_t SHARDS = 16;         // of the order of the threads that read
  static constexpr std::size_t ROW_OVERHEAD = 112;  // of a map's node and two strings

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return hash64(bytes_of(key), 0); }
  };
  using Map = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
  struct Shard {
    mutable std::mutex mutex;
    mutable Map young;
    mutable Map old;
    mutable std::size_t young_bytes = 0;
  };

  static std::size_t cost(std::string_view key, const Value& value) {
    return key.size() + (value ? value->size() : 0) + ROW_OVERHEAD;
  }
  Shard& shard_of(std::string_view key) const { return shards_[Hash{}(key) >> 60]; }
  Map age(Shard& shard) const;

  const std::size_t shard_bytes_max_;
  std::atomic<std::uint64_t> epoch_{0};
  mutable std::array<Shard, SHARDS> shards_;
};

}  // namespace everframe::embedded
