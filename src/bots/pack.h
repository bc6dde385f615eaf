// Pack: what a player needs to know of the world's content, as GET /v1/content tells it (spec/wire.md section
// 1). Indexes are the wire's numbers. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/messages.h"

namespace everframe::bots {

struct Pack {
  struct Thing {
    std::string kind;  // "tree", "rock", "structure" …
    std::int32_t radius_mm = 0;
    std::int32_t height_mm = 0;
    bool harvestable = false;
    bool tool_required = false;
    bool collectable = false;
    bool toggles = false;
  };
  struct Recipe {
    std::vector<wire::Stack> inputs;
    std::optional<EntityType> station;  // must be in reach
  };
  struct Buildable {
    EntityType type{};
    std::vector<wire::Stack> cost;
  };
  std::vector<Thing> things;
  std::vector<Recipe> recipes;
  std::vector<Buildable> buildables;
  std::int32_t reach_mm = 0;
  std::int32_t speed_mm_s = 0;
  std::int32_t world_size_mm = 0;

  const Thing* thing(EntityType type) const {
    return raw(type) < things.size() ? &things[raw(type)] : nullptr;
  }
};

Result<Pack> read_pack(std::string_view json);

}  // namespace everframe::bots
