// Backup and restore of a whole store, whatever its engine: rows from a source to an archive and back.
// Both can be stopped: `stopped` is asked at every block, and what was begun is taken away.
#pragma once
#include <string>

#include "base/function.h"
#include "inspect/progress.h"
#include "platform/backup.h"
#include "platform/disk.h"

namespace everframe::inspect {

struct BackupJob {
  platform::Disk& disk;
  const platform::Clock& clock;
  std::string path;  // of the archive
  std::ostream& progress;
  bool terminal = false;     // is `progress` one?
  Function<bool()> stopped;  // may be empty
};

struct BackupSum {
  std::int64_t version = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  // of the archive
};

// Writes PATH.part, and renames it once it is whole and synced. PATH must not exist.
Result<BackupSum> backup(const BackupJob& job, platform::BackupSource& source);

// Reads the whole archive once before it touches the target, so that a damaged one is refused with the place
// of the damage and nothing is made.
using OpenRestore = Function<Result<std::unique_ptr<platform::RestoreTarget>>()>;
Result<BackupSum> restore(const BackupJob& job, const OpenRestore& open);

}  // namespace everframe::inspect
