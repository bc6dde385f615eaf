// BackupSource, RestoreTarget: a whole store as rows in key order. An engine gives the one and takes the
// other; what lies between is an archive (inspect/archive.h).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace everframe::platform {

struct StoredRow {
  std::string key;
  std::string value;
  bool operator==(const StoredRow&) const = default;
};

// One state of the store, unchanged by what is committed while it is read. One thread.
class BackupSource {
 public:
  virtual ~BackupSource() = default;
  virtual std::int64_t version() const = 0;         // the state is this version's
  virtual std::uint64_t rows_estimate() const = 0;  // for a progress bar
  // The next rows, about a megabyte of them, in key order; none: the end.
  virtual Result<std::vector<StoredRow>> next() = 0;
};

// A new store being filled. Until finish() has returned it is no store; destroyed before that, it leaves
// nothing behind. One thread.
class RestoreTarget {
 public:
  virtual ~RestoreTarget() = default;
  virtual Result<void> add(std::string_view key, std::string_view value) = 0;  // in key order
  // All is there: durable once this has returned. Versions of the new store go on above `version`.
  virtual Result<void> finish(std::int64_t version) = 0;
};

}  // namespace everframe::platform
