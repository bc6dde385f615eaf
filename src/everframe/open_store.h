// Opens a store for a tool: one that is there, never a new one. A store that a server has open is reached
// through the server's socket (remote/server.h), for reading and backups.
#pragma once
#include <memory>
#include <string>

#include "platform/backup.h"
#include "store/database.h"

namespace everframe {

// embedded:DIR, DIR alone, or fdb:CLUSTER_FILE by way of `fdb_library`.
Result<std::unique_ptr<store::Database>> open_store(const std::string& target,
                                                    const std::string& fdb_library);
// Each takes embedded:DIR, or DIR alone.
Result<std::unique_ptr<platform::BackupSource>> begin_backup(const std::string& target);
Result<std::unique_ptr<platform::RestoreTarget>> begin_restore(const std::string& target);

}  // namespace everframe
