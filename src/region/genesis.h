// Genesis: fills an empty store with a new world (world/generate.h), or checks that the one it holds can be
// run. Interrupted, it starts over at the next call: a world counts as made when its format is written, last
// of all.
#pragma once
#include "region/records.h"
#include "store/database.h"
#include "store/world_keys.h"
#include "world/content.h"

namespace everframe::region {

struct Genesis {
  bool made = false;  // by this call
  std::uint64_t seed = 0;
  std::uint64_t entities = 0;      // made by this call
  std::uint64_t content_hash = 0;  // of the pack that the world was made from
};

// `progress` is called with the chunks done and all chunks, a few times.
Task<Result<Genesis>> ensure_world(store::Database& database, platform::Executor& executor,
                                   const store::WorldKeys& keys, const world::Content& content,
                                   std::uint64_t seed, Function<void(std::size_t, std::size_t)> progress);

}  // namespace everframe::region
