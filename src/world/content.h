// Content: what a content pack says: items, entity types, recipes, what can be built, and the rules' figures.
// Immutable once parsed; shared by const reference; any thread. Indexes into its lists are the wire's numbers
// and are kept in entity records: a pack may append to its lists, never reorder or remove (content_hash tells
// packs apart).
// Files: a folder of TOML files (content/survival is the reference). An error names file, line and cause.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/geometry.h"
#include "base/ids.h"
#include "base/result.h"

namespace everframe::world {

inline constexpr std::size_t ITEM_TYPES_MAX = 4'096;
inline constexpr std::size_t ENTITY_TYPES_MAX = 4'096;
inline constexpr std::size_t RECIPES_MAX = 4'096;
// Ranges of a pack's figures. With them a chunk that is full of full containers still fits one wire message
// (CHUNK_ENTITIES_MAX in frame.h), all that an action looks at lies in the chunks around the body, and no
// product overflows.
inline constexpr std::int64_t STACK_COUNT_MAX = 1'000'000;
inline constexpr std::int64_t SLOTS_MAX = 40;
inline constexpr std::int64_t RADIUS_MM_MAX = 8'000;
inline constexpr std::int64_t HEIGHT_MM_MAX = 100'000;
inline constexpr std::int64_t REACH_MM_MAX = 16'000;
inline constexpr std::int64_t HP_MAX = 1'000'000;
inline constexpr std::int64_t CRAFT_TIMES_MAX = 10'000;
inline constexpr std::int64_t WORLD_SIZE_MM_MAX = 1'000'000'000;  // 1,000 km
inline constexpr std::int64_t REGROW_S_MAX = 366LL * 24 * 3'600;
inline constexpr std::int64_t DENSITY_MAX = 1'000;  // a hectare

struct ItemCount {
  ItemType item{};
  std::uint64_t count = 0;
  bool operator==(const ItemCount&) const = default;
};

struct ItemDef {
  std::string key;   // "wood": how content files name it
  std::string name;  // "Wood": for people
  std::uint64_t stack_max = 1;
  std::string tool;             // class of tool that it is ("axe"); empty: none
  std::int32_t tool_power = 0;  // hp that one hit with it takes
};

enum class EntityKind : std::uint8_t {
  TREE,
  ROCK,
  ORE,
  BUSH,
  STRUCTURE,
  CONTAINER,
  STATION,
  FIRE,
  ITEM_PILE,
  BODY,
};
std::string_view kind_name(EntityKind kind);  // "item_pile"

// Where a new world has more of something; the average over the world is its density all the same.
enum class Ground : std::uint8_t {
  ANYWHERE,
  FOREST,
  CLEARING,
  ROCKY,
};
std::string_view ground_name(Ground ground);  // "forest"

// What a hit yields: count_min to count_max, both included.
struct Yield {
  ItemType item{};
  std::uint64_t count_min = 0;
  std::uint64_t count_max = 0;
};

struct Harvesting {
  std::string tool;             // class of tool that is needed or helps; empty: hands
  bool tool_required = false;   // else hands work too
  std::int32_t hand_power = 0;  // hp that a hit without the tool takes
  std::vector<Yield> per_hit;
  std::vector<Yield> at_end;   // when hp reaches zero
  std::int64_t regrow_ms = 0;  // 0: it is gone for good
};

struct EntityDef {
  std::string key;
  std::string name;
  EntityKind kind = EntityKind::STRUCTURE;
  std::int32_t hp = 1;
  std::int32_t radius_mm = 0;  // of the upright cylinder that it occupies
  std::int32_t height_mm = 0;
  std::optional<Harvesting> harvesting;
  bool collectable = false;  // pick_up takes it whole and gives `collected`
  std::vector<ItemCount> collected;
  std::optional<std::vector<ItemCount>> build_cost;  // set: players can build it
  std::size_t slots = 0;                             // of a container, a body or a pile: stacks that it holds
  bool toggles = false;                              // interact opens and closes, or lights and puts out
  double density = 0;  // in a new world: how many a hectare, on average; thousandths count
  Ground grows_in = Ground::ANYWHERE;
};

struct RecipeDef {
  std::string key;
  std::string name;
  std::vector<ItemCount> inputs;
  std::vector<ItemCount> outputs;
  std::optional<EntityType> station;  // must be in reach
  std::uint64_t times_max = 100;      // in one action
};

struct Rules {
  std::int32_t reach_mm = 4'000;
  std::int32_t speed_mm_s = 8'000;         // what a pose may move, on average
  std::int32_t world_size_mm = 1'024'000;  // a square around the origin; bodies and buildings stay inside
  std::vector<ItemCount> starting_items;
};

struct Content {
  std::string name;
  std::vector<ItemDef> items;
  std::vector<EntityDef> entities;
  std::vector<RecipeDef> recipes;
  Rules rules;
  EntityType body{};       // the one of kind BODY
  EntityType item_pile{};  // the one of kind ITEM_PILE: what drop makes
  std::uint64_t hash = 0;  // of everything above, however the files were laid out

  const ItemDef* item(ItemType type) const;  // nullptr: no such type
  const EntityDef* entity(EntityType type) const;
  const RecipeDef* recipe(RecipeId id) const;
};

struct ContentFile {
  std::string name;  // for errors
  std::string text;
};

// All files of a pack, in any order.
Result<Content> parse_content(const std::vector<ContentFile>& files);

}  // namespace everframe::world
