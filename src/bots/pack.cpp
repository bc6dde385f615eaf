#include "bots/pack.h"

#include <boost/json.hpp>

namespace everframe::bots {

namespace {

namespace json = boost::json;

std::vector<wire::Stack> stacks_of(const json::value& list) {
  std::vector<wire::Stack> out;
  for (const json::value& each : list.as_array()) {
    out.push_back(
        {ItemType{each.at("item").to_number<std::uint16_t>()}, each.at("count").to_number<std::uint64_t>()});
  }
  return out;
}

bool flag(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

Pack::Thing thing_of(const json::object& entity) {
  Pack::Thing thing;
  thing.kind = std::string(entity.at("kind").as_string());
  thing.radius_mm = entity.at("radius_mm").to_number<std::int32_t>();
  thing.height_mm = entity.at("height_mm").to_number<std::int32_t>();
  thing.harvestable = flag(entity, "harvestable");
  thing.tool_required = flag(entity, "tool_required");
  thing.collectable = flag(entity, "collectable");
  thing.toggles = flag(entity, "toggles");
  return thing;
}

Pack pack_of(const json::value& content) {
  Pack pack;
  for (const json::value& entity : content.at("entities").as_array())
    pack.things.push_back(thing_of(entity.as_object()));
  for (const json::value& recipe : content.at("recipes").as_array()) {
    Pack::Recipe out{stacks_of(recipe.at("inputs")), std::nullopt};
    const json::value& station = recipe.at("station");
    if (!station.is_null()) out.station = EntityType{station.to_number<std::uint16_t>()};
    pack.recipes.push_back(std::move(out));
  }
  for (const json::value& build : content.at("builds").as_array()) {
    pack.buildables.push_back(
        {EntityType{build.at("entity").to_number<std::uint16_t>()}, stacks_of(build.at("cost"))});
  }
  const json::value& rules = content.at("rules");
  pack.reach_mm = rules.at("reach_mm").to_number<std::int32_t>();
  pack.speed_mm_s = rules.at("speed_mm_s").to_number<std::int32_t>();
  pack.world_size_mm = rules.at("world_size_mm").to_number<std::int32_t>();
  return pack;
}

}  // namespace

Result<Pack> read_pack(std::string_view text) {
  boost::system::error_code error;
  const json::value content = json::parse(text, error);
  if (error) return fail("GET /v1/content is not JSON: {}", error.message());
  try {  // Boost.JSON's way to say that a member is absent or of another kind
    return pack_of(content);
  } catch (const std::exception& what) {
    return fail("GET /v1/content is not a content pack: {}", what.what());
  }
}

}  // namespace everframe::bots
