// Records of a region and of a world's making. Persistent (spec/store_format.md).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "world/frame.h"

namespace everframe::region {

// (W, "region", id): who owns it. Changes only when the region changes hands, so that T1 can check it
// without conflicting with a T2 in flight.
struct Ownership {
  ChunkCode low{};  // the region is [low, high)
  ChunkCode high{};
  std::uint64_t epoch = 0;
  bool operator==(const Ownership&) const = default;
};
std::string write_ownership(const Ownership& ownership);
Result<Ownership> read_ownership(std::string_view bytes);

// (W, "region", id, "head"): what each T2 advances.
struct Head {
  FrameNo frame{};
  WallMs now{};  // of that frame: world time never goes back
  EntityId next_entity{};
  PlayerId next_player{};
  std::uint64_t hash = 0;     // of the world after that frame
  std::uint64_t counter = 0;  // committed transactions of this region
  bool operator==(const Head&) const = default;
};
std::string write_head(const Head& head);
Result<Head> read_head(std::string_view bytes);

// (W, "meta", name): 8-byte values.
inline constexpr char META_FORMAT[] = "format";  // STORE_FORMAT; written last: the world is whole
inline constexpr char META_SEED[] = "seed";
inline constexpr char META_CONTENT[] = "content";  // hash of the pack that the world was made from
inline constexpr std::uint64_t STORE_FORMAT = 1;

}  // namespace everframe::region
