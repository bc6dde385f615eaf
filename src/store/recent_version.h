// RecentVersion: the newest read version that a database is known to have had, and when that was asked for:
// weak reads use it again (FoundationDB's GRV cache: fdbclient/NativeAPI.actor.cpp,
// updateCachedReadVersion). Threads: any.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/time.h"

namespace everframe::store {

class RecentVersion {
 public:
  // `version` was the newest at `asked` or later: a read version that was asked for then, or the version of a
  // commit that was sent then.
  void learn(std::int64_t version, Time asked) {
    const std::lock_guard lock(mutex_);
    if (version < version_) return;
    version_ = version;
    if (asked > asked_) asked_ = asked;
  }
  // Nothing: none that young is known.
  std::optional<std::int64_t> not_older_than(Duration age_max, Time now) const {
    const std::lock_guard lock(mutex_);
    if (version_ < 0 || now - asked_ > age_max) return std::nullopt;
    return version_;
  }
  bool is_known() const {
    const std::lock_guard lock(mutex_);
    return version_ >= 0;
  }

 private:
  mutable std::mutex mutex_;
  std::int64_t version_ = -1;
  Time asked_{};
};

}  // namespace everframe::store
