// Faults: what a cluster does to its clients and this engine, in the caller's process, does not: latencies,
// and the errors 1007, 1020 and 1021. For tests of what is built on the store; off in a running server.
//
// 1021 comes in both its forms: the commit was applied and its answer lost, or it never arrived. Either way,
// as in FoundationDB, it is no longer in flight when the error comes.
#pragma once
#include <mutex>

#include "base/random.h"
#include "base/time.h"
#include "platform/fdb_api.h"

namespace everframe::embedded {

// Uniform in [low, high]; 0 and 0: none.
struct Latency {
  Duration low{0};
  Duration high{0};
};

struct Faults {
  std::uint64_t seed = 1;
  Latency read_version;  // of a transaction's first read, or get_read_version
  Latency read;
  Latency commit;
  // Of 1,000 answers, how many are this error instead.
  unsigned too_old_permille = 0;          // reads: 1007
  unsigned conflict_permille = 0;         // commits: 1020, not applied
  unsigned unknown_applied_permille = 0;  // commits: 1021, applied
  unsigned unknown_lost_permille = 0;     // commits: 1021, not applied
};

// Draws what happens next. The draws' order is the calls' order, so one thread's run repeats by its seed.
// Any thread.
class FaultDice {
 public:
  explicit FaultDice(const Faults& faults) : faults_(faults), dice_(faults.seed) {}

  Duration latency(const Latency& latency);
  bool is_too_old() { return falls(faults_.too_old_permille); }
  enum class Commit { NORMAL, CONFLICT, UNKNOWN_APPLIED, UNKNOWN_LOST };
  Commit commit();
  const Faults& faults() const { return faults_; }

 private:
  bool falls(unsigned permille);

  const Faults faults_;
  std::mutex mutex_;
  Prng dice_;
};

}  // namespace everframe::embedded
