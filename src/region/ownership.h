// Ownership: is a region still owned by whoever took it with this epoch (P5)? Asked within the transaction
// whose reads or writes depend on it.
#pragma once
#include "region/records.h"
#include "store/database.h"
#include "store/world_keys.h"

namespace everframe::region {

// At the transaction's read version; with `snapshot` no conflict is noted, for transactions that only read.
// `keys` outlives it.
Task<Result<bool>> owns(store::Transaction& transaction, const store::WorldKeys& keys, RegionId region,
                        std::uint64_t epoch, bool snapshot);

}  // namespace everframe::region
