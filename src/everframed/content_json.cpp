#include "everframed/content_json.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "world/refusal.h"

namespace everframe::everframed {

namespace json = boost::json;

namespace {

json::array counts(const std::vector<world::ItemCount>& stacks) {
  json::array out;
  for (const world::ItemCount& stack : stacks) {
    out.push_back(json::object{{"item", raw(stack.item)}, {"count", stack.count}});
  }
  return out;
}

json::object entity_json(const world::EntityDef& entity) {
  json::object out{{"key", entity.key},
                   {"name", entity.name},
                   {"kind", world::kind_name(entity.kind)},
                   {"hp", entity.hp},
                   {"radius_mm", entity.radius_mm},
                   {"height_mm", entity.height_mm},
                   {"slots", entity.slots},
                   {"toggles", entity.toggles},
                   {"collectable", entity.collectable},
                   {"tool", nullptr},
                   {"harvestable", entity.harvesting.has_value()}};
  if (entity.harvesting && !entity.harvesting->tool.empty()) out["tool"] = entity.harvesting->tool;
  if (entity.harvesting) out["tool_required"] = entity.harvesting->tool_required;
  return out;
}

}  // namespace

std::string content_hash_text(const world::Content& content) {
  return fmt::format("{:016x}", content.hash);
}

std::string content_json(const world::Content& content) {
  json::array items;
  for (const world::ItemDef& item : content.items) {
    json::object out{{"key", item.key}, {"name", item.name}, {"stack", item.stack_max}, {"tool", nullptr}};
    if (!item.tool.empty()) out["tool"] = item.tool;
    items.push_back(std::move(out));
  }
  json::array entities;
  json::array builds;
  for (std::size_t i = 0; i < content.entities.size(); ++i) {
    const world::EntityDef& entity = content.entities[i];
    entities.push_back(entity_json(entity));
    if (entity.build_cost)
      builds.push_back(json::object{{"entity", i}, {"cost", counts(*entity.build_cost)}});
  }
  json::array recipes;
  for (const world::RecipeDef& recipe : content.recipes) {
    json::object out{{"key", recipe.key},
                     {"name", recipe.name},
                     {"times_max", recipe.times_max},
                     {"inputs", counts(recipe.inputs)},
                     {"outputs", counts(recipe.outputs)},
                     {"station", nullptr}};
    if (recipe.station) out["station"] = raw(*recipe.station);
    recipes.push_back(std::move(out));
  }
  json::array refusals;
  for (std::uint8_t code = 1; code <= world::REFUSAL_LAST; ++code) {
    const auto refusal = static_cast<world::Refusal>(code);
    refusals.push_back(json::object{
        {"code", code}, {"name", world::refusal_name(refusal)}, {"text", world::refusal_text(refusal)}});
  }
  const json::object rules{{"reach_mm", content.rules.reach_mm},
                           {"speed_mm_s", content.rules.speed_mm_s},
                           {"world_size_mm", content.rules.world_size_mm}};
  return json::serialize(json::object{{"hash", content_hash_text(content)},
                                      {"name", content.name},
                                      {"items", std::move(items)},
                                      {"entities", std::move(entities)},
                                      {"recipes", std::move(recipes)},
                                      {"builds", std::move(builds)},
                                      {"refusals", std::move(refusals)},
                                      {"rules", rules}});
}

}  // namespace everframe::everframed
