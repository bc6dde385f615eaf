// The live store of another process, as an engine behind FoundationDB's table: transactions that only read,
// over the socket of remote/server.h. What writes is answered with client_invalid_operation (2000).
//
// create_database takes unix:PATH. Each read asks and waits for its answer, so futures are ready on return.
// Pure functions (error texts, the network's) are those of the table that it is made from.
//
// Threads: any, one request at a time per database.
#pragma once
#include <memory>
#include <string>

#include "platform/backup.h"
#include "platform/fdb_api.h"

namespace everframe::remote {

inline constexpr std::string_view SCHEME = "unix:";

// `pure` outlives the process's use of it.
const platform::FdbApi& api(const platform::FdbApi& pure);

// The text behind this thread's last failed create_database.
std::string why_not_opened();

// The rows of a backup that the server at `path` reads.
Result<std::unique_ptr<platform::BackupSource>> begin_backup(const std::string& path);

}  // namespace everframe::remote
