// Replay: makes a world again from its seed and its frame log, through the same rules, and compares what
// comes out with what was stored (P8): after each frame the world's hash, the digest of its effects and its
// ledger entries; at the end every entity's and player's row, byte for byte. Memory: the whole world. Limit:
// worlds of one region, whose frames have one order.
#pragma once
#include <optional>
#include <string>

#include "base/function.h"
#include "inspect/rows.h"
#include "world/state.h"

namespace everframe::inspect {

struct Replayed {
  std::uint64_t frames = 0;
  std::uint64_t inputs = 0;
  std::uint64_t rows = 0;                 // compared at the end
  std::optional<std::string> difference;  // the first one: where, and what was expected
};

// Called after each frame that came out as stored.
using WatchFrame = Function<void(const world::State&, const world::FrameRecord&, const world::Effects&)>;

// An Error where it cannot be tried: no world, another content pack, a damaged row.
Task<Result<Replayed>> replay(store::Database& database, platform::Executor& executor, std::string world,
                              const world::Content& content, WatchFrame watch);

}  // namespace everframe::inspect
