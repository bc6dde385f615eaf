#include "world/content.h"

#include <array>

#include "base/assert.h"

namespace everframe::world {

namespace {

template <class Def, class Id>
const Def* at(const std::vector<Def>& defs, Id id) {
  return raw(id) < defs.size() ? &defs[raw(id)] : nullptr;
}

constexpr std::array<std::string_view, 10> KINDS = {"tree",      "rock",    "ore",  "bush",      "structure",
                                                    "container", "station", "fire", "item_pile", "body"};
constexpr std::array<std::string_view, 4> GROUNDS = {"anywhere", "forest", "clearing", "rocky"};

}  // namespace

std::string_view kind_name(EntityKind kind) {
  EF_ASSERT(static_cast<std::size_t>(kind) < KINDS.size());
  return KINDS[static_cast<std::size_t>(kind)];
}

std::string_view ground_name(Ground ground) {
  EF_ASSERT(static_cast<std::size_t>(ground) < GROUNDS.size());
  return GROUNDS[static_cast<std::size_t>(ground)];
}

const ItemDef* Content::item(ItemType type) const {
  return at(items, type);
}
const EntityDef* Content::entity(EntityType type) const {
  return at(entities, type);
}
const RecipeDef* Content::recipe(RecipeId id) const {
  return at(recipes, id);
}

}  // namespace everframe::world
