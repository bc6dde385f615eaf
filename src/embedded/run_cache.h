// RunCache: runs of neighbouring rows of the base that are read again and again: a range of keys, and every
// row in it. Copying a run costs a row a tenth of what RocksDB's iterator takes for it.
//
// A range is kept when it is read for the second time, so that reading much once pushes nothing out. It never
// tells of rows that the base no longer holds, in the way of RowCache: whoever steps the base calls
// new_epoch() after the step and then forget() of each key it changed; a reader takes epoch() before it opens
// the base's cursor, and what it read is kept only if no step ended since.
//
// Shape: two maps of runs that do not overlap; a run found in the old one moves to the young one, and when
// the young one is full the old one goes.
//
// Threads: any. Limit: about `bytes_max`; ranges of fewer than `run_bytes_min`, or more than an eighth of
// all, are not kept.
#pragma once
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "embedded/types.h"

namespace everframe::embedded {

class RunCache {
 public:
  // All rows of the base in [low, high).
  struct Run {
    std::string low;
    std::string high;
    Rows rows;
  };
  using RunRef = std::shared_ptr<const Run>;
  static constexpr std::size_t RUN_BYTES_MIN = 512;  // of less, there are too many

  explicit RunCache(std::size_t bytes_max, std::size_t run_bytes_min = RUN_BYTES_MIN)
      : half_bytes_max_(bytes_max / 2), run_bytes_min_(run_bytes_min) {}

  struct Found {
    RunRef run;                       // that `key` lies in; null: none
    std::optional<std::string> next;  // where the first run behind `key` begins, if it lies in none
  };
  Found find(std::string_view key);

  std::uint64_t epoch() const { return epoch_; }
  // What the base has in [low, high): the rows from `first` on.
  void offer(std::string_view low, std::string_view high, const Rows& rows, std::size_t first,
             std::uint64_t epoch);

  void new_epoch() { ++epoch_; }
  void forget(std::string_view key);
  void forget_all();

 private:
  using Runs = std::map<std::string, RunRef, std::less<>>;  // by where they begin
  static constexpr std::size_t RUN_PART_MAX = 4;            // of a half: its largest run is one of so many
  static constexpr std::size_t RUN_OVERHEAD = 256;          // of a map's node and the run itself
  static constexpr std::size_t SEEN_MAX = 1'024;            // ranges that were read once; five regions' pages

  static Runs::iterator covering(Runs& runs, std::string_view key);
  bool is_seen(std::string_view low, std::string_view high);
  void add(RunRef run);
  static std::size_t cost(const Run& run) { return run.rows.memory() + RUN_OVERHEAD; }

  const std::size_t half_bytes_max_;
  const std::size_t run_bytes_min_;
  std::atomic<std::uint64_t> epoch_{0};

  std::mutex mutex_;  // guards what follows
  Runs young_;
  Runs old_;
  std::size_t young_bytes_ = 0;
  std::array<std::uint64_t, SEEN_MAX> seen_{};  // hashes, each at its own place
};

}  // namespace everframe::embedded
