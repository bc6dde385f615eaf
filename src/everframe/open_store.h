// Opens a store for a tool: one that is there, never a new one.
#pragma once
#include <memory>
#include <string>

#include "store/database.h"

namespace everframe {

// embedded:DIR, DIR alone, or fdb:CLUSTER_FILE by way of `fdb_library`.
Result<std::unique_ptr<store::Database>> open_store(const std::string& target,
                                                    const std::string& fdb_library);

}  // namespace everframe
