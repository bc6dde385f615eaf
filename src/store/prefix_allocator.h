// PrefixAllocator: FoundationDB's high-contention allocator (bindings/python/fdb/directory_impl.py): numbers
// that are given once, to whomever asks, kept small, with few conflicts among those who ask at the same time.
// It counts what a window has given out and takes a random candidate of it; a window that is half full is
// left for the next one.
#pragma once
#include "base/random.h"
#include "store/database.h"
#include "store/subspace.h"

namespace everframe::store {

// Test switches: each takes away one guarantee, and a test must notice. All false in a running server.
struct AllocatorFaults {
  bool ignore_taken = false;      // a candidate is given whether or not it was before
  bool ignore_conflicts = false;  // transactions that take one candidate at once do not conflict
};

class PrefixAllocator {
 public:
  PrefixAllocator(const Subspace& home, Prng& prng, AllocatorFaults faults = {});

  // The next number, as a packed tuple. Several calls may run at once, on one transaction or on many.
  Task<Result<std::string>> allocate(Transaction& transaction) const;

  static std::int64_t window_size(std::int64_t start);

 private:
  Task<Result<std::int64_t>> newest_window(Transaction& transaction) const;
  Task<Result<std::int64_t>> window_with_room(Transaction& transaction) const;

  const Subspace counters_;
  const Subspace recent_;
  Prng& prng_;
  const AllocatorFaults faults_;
};

}  // namespace everframe::store
