// FdbLibrary: FoundationDB's client library, libfdb_c.so, loaded while the program runs: no FoundationDB is
// needed to build. Its functions fill the same table that the embedded engine fills (platform/fdb_api.h).
//
// Ownership: a library stays loaded until the process ends, as its network thread asks (network.h).
// Threads: any.
#pragma once
#include <memory>
#include <string>

#include "base/time.h"
#include "store/database.h"

namespace everframe::store {

inline constexpr const char* FDB_LIBRARY = "libfdb_c.so";  // found as the dynamic linker finds libraries

// The functions of the library at `path`. An Error names what to install, or the function that is missing.
Result<const platform::FdbApi*> load_fdb_library(const std::string& path = FDB_LIBRARY);

struct Cluster {
  std::string file;  // the cluster file
  std::string library = FDB_LIBRARY;
  Duration patience = 10s;  // until a cluster that does not answer is an Error
};
// A database of a real cluster. Waits for the cluster's first answer, so call it at the program's start.
Result<std::unique_ptr<Database>> open_cluster(const Cluster& cluster);

}  // namespace everframe::store
