#include "embedded/faults.h"

namespace everframe::embedded {

Duration FaultDice::latency(const Latency& latency) {
  if (latency.high <= Duration::zero()) return Duration::zero();
  const std::lock_guard lock(mutex_);
  const auto width = static_cast<std::uint64_t>((latency.high - latency.low).count()) + 1;
  return latency.low + Duration(static_cast<std::int64_t>(dice_.below(width)));
}

bool FaultDice::falls(unsigned permille) {
  if (permille == 0) return false;
  const std::lock_guard lock(mutex_);
  return dice_.below(1'000) < permille;
}

FaultDice::Commit FaultDice::commit() {
  if (falls(faults_.conflict_permille)) return Commit::CONFLICT;
  if (falls(faults_.unknown_applied_permille)) return Commit::UNKNOWN_APPLIED;
  if (falls(faults_.unknown_lost_permille)) return Commit::UNKNOWN_LOST;
  return Commit::NORMAL;
}

}  // namespace everframe::embedded
