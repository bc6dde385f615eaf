// Opens a store for a tool: one that is there, never a new one.
#pragma once
#include <memory>
#include <string>

#include "store/database.h"

namespace everframe {

// embedded:DIR, or DIR alone.
Result<std::unique_ptr<store::Database>> open_store(const std::string& target);

}  // namespace everframe
