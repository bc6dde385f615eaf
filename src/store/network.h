// Network: the thread on which an engine's client runs, one per engine and process, as FoundationDB asks:
// started with the first database, stopped at the process's end, never restarted.
// Threads: any.
#pragma once
#include "base/result.h"
#include "platform/fdb_api.h"

namespace everframe::store {

inline constexpr int API_VERSION_MIN = 710;
inline constexpr int API_VERSION_MAX = 730;

// Selects the newest API version that the engine and the store both speak, and starts the engine's network,
// once; what another part of the process has already selected or set up is left to it.
Result<void> start_network(const platform::FdbApi& api);

}  // namespace everframe::store
