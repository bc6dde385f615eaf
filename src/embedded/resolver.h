// Resolver: may this transaction commit? It may unless a key it read was written by a commit after its read
// version. Kept: a ring of batches, newest last, each the sorted, disjoint ranges that its transactions
// wrote; a check walks back from the newest to the transaction's read version (FoundationDB's rule, its
// SkipList.cpp; a ring because transactions here are young: 4.5 us a check against 32 us with one interval
// map, see docs). Every 16 batches get a merged summary once an old transaction walks over them, so that such
// walks stay short; young ones never pay for it.
//
// Threads: none inside; the commit thread's own. Limits: versions older than the window are forgotten, and
// transactions that read before them are refused as too old.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "embedded/arena.h"
#include "embedded/types.h"

namespace everframe::embedded {

// Test switches: each takes away one guarantee, and a test must notice. All false in a running server.
struct ResolverFaults {
  bool ignore_read_sets = false;   // nothing ever conflicts with older batches
  bool ignore_write_sets = false;  // accepted writes are not noted
  bool ignore_own_batch = false;   // transactions of one batch do not conflict with each other
  bool ignore_ranges = false;      // of a range read only its first key counts: phantoms
  bool ignore_age = false;         // too old is not noticed
};

class Resolver {
 public:
  enum class Verdict { COMMIT, CONFLICT, TOO_OLD };

  // Transactions that read before `oldest` are too old.
  explicit Resolver(Version oldest, ResolverFaults faults = {}) : oldest_(oldest), faults_(faults) {}

  // One transaction of the open batch, after those already accepted into it. Accepting adds its writes.
  // `read_version` NO_VERSION: it read nothing. `conflicting`, if given, gets the ranges of `reads` that met.
  Verdict resolve(Version read_version, std::span<const RangeView> reads, std::span<const RangeView> writes,
                  std::vector<KeyRange>* conflicting = nullptr);

  // Closes the batch: its accepted writes happened at `version`.
  void close_batch(Version version);
  // Transactions that read before `oldest` are too old from now on.
  void forget(Version oldest);

  Version oldest() const { return oldest_; }

 private:
  using Writes = std::vector<RangeView>;  // sorted, disjoint
  struct Batch {
    Version version = NO_VERSION;
    std::unique_ptr<Arena> keys;
    Writes writes;              // of `keys`
    bool closes_group = false;  // of SUMMARY batches
    Writes summary;             // of its group, of the group's keys; empty until it is asked for
  };
  static constexpr std::size_t SUMMARY = 16;  // batches; of the order of the root of a window's batches

  bool meets_batches(Version read_version, const RangeView& range);
  bool meets_open_batch(const RangeView& range) const;
  static bool meets(const Writes& writes, const RangeView& range);
  void add(const RangeView& range);
  const Writes& summary_of(std::size_t last);

  std::unique_ptr<Arena> keys_ = std::make_unique<Arena>();          // of the open batch
  Arena nodes_;                                                      // of its map
  std::pmr::map<std::string_view, std::string_view> open_{&nodes_};  // begin to end, disjoint; of `keys_`
  std::deque<Batch> batches_;
  std::size_t since_group_ = 0;
  Version oldest_;
  const ResolverFaults faults_;
};

}  // namespace everframe::embedded
