// Backup and restore of an embedded database, past the C API, which knows no read longer than 5 s.
//
// A backup reads a snapshot of the base. The base's steps are whole versions, so a snapshot is the database's
// content at its mark's version, for as long as it is held; commits go on meanwhile, and cost it nothing but
// the old rows that RocksDB keeps. What was committed when begin_backup() was called is in it: it waits until
// that has left the 5 s window, at most about 5.5 s, not at all where nothing was written lately.
//
// A restore writes sorted files beside a new base and has RocksDB take them in. FORMAT, without which no
// program opens the directory, comes last.
//
// Threads: both block; from any thread but an engine's callback. The database may be open elsewhere in the
// process, and stays open while the source lives.
#pragma once
#include <memory>
#include <string>

#include "platform/backup.h"
#include "platform/disk.h"

namespace everframe::embedded {

// Test switches: each takes away one guarantee, and a test must notice. All false in a running server.
struct BackupFaults {
  bool renew_snapshot = false;  // each page is of the database as it is by then
};

// `target` as create_database takes it.
Result<std::unique_ptr<platform::BackupSource>> begin_backup(const std::string& target,
                                                             BackupFaults faults = {});

// `directory` must be new or empty.
Result<std::unique_ptr<platform::RestoreTarget>> begin_restore(platform::Disk& disk,
                                                               const std::string& directory);

}  // namespace everframe::embedded
