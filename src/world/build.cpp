// Building: where things may stand. Everything is an upright cylinder; what a player may not build into is
// what is solid: all but bodies, piles and things without a radius.
//  - A structure (a wall, a fence, a door) is long and thin: against others half its radius counts, so that
//    walls meet at corners and stand on a floor's edge.
//  - A flat thing (height 0: a floor) only keeps away other flat things and what grew there before.
#include <algorithm>

#include "world/actions.h"
#include "world/stacks.h"

namespace everframe::world {

namespace {

bool is_solid(const EntityDef& def) {
  return def.radius_mm > 0 && def.kind != EntityKind::BODY && def.kind != EntityKind::ITEM_PILE;
}

bool is_flat(const EntityDef& def) {
  return def.height_mm == 0;
}

std::int64_t footprint_mm(const EntityDef& def) {
  return def.kind == EntityKind::STRUCTURE && !is_flat(def) ? def.radius_mm / 2 : def.radius_mm;
}

bool share_height(const EntityDef& a, std::int64_t a_bottom, const EntityDef& b, std::int64_t b_bottom) {
  const std::int64_t a_top = a_bottom + std::max(a.height_mm, 1);
  const std::int64_t b_top = b_bottom + std::max(b.height_mm, 1);
  return a_bottom < b_top && b_bottom < a_top;
}

bool overlap(const EntityDef& a, const Vec3& at_a, const EntityDef& b, const Vec3& at_b) {
  if (is_flat(a) != is_flat(b) && a.build_cost && b.build_cost) return false;
  if (!share_height(a, at_a.y, b, at_b.y)) return false;
  const std::int64_t apart = footprint_mm(a) + footprint_mm(b);
  const std::int64_t dx = std::int64_t{at_a.x} - at_b.x;
  const std::int64_t dz = std::int64_t{at_a.z} - at_b.z;
  return dx * dx + dz * dz < apart * apart;
}

bool is_occupied(const State& state, const EntityDef& what, const Vec3& place) {
  const std::int32_t farthest = what.radius_mm + static_cast<std::int32_t>(RADIUS_MM_MAX);
  for (const Entity* entity : state.near(place, farthest)) {
    const EntityDef* def = state.content().entity(entity->type);
    if (def != nullptr && is_solid(*def) && overlap(what, place, *def, entity->position)) return true;
  }
  return false;
}

}  // namespace

Refusal act(const Turn& turn, const Build& action) {
  const Content& content = turn.draft.content();
  const EntityDef* def = content.entity(action.what);
  if (def == nullptr || !def->build_cost) return Refusal::NOT_BUILDABLE;
  if (!in_world(content, action.position)) return Refusal::OUT_OF_WORLD;
  if (!in_reach(turn, action.position, def->radius_mm)) return Refusal::OUT_OF_RANGE;
  const ChunkCode code = chunk_of(action.position);
  if (!turn.draft.state().has_chunk(code)) return Refusal::NOT_BUILDABLE;
  if (!has_room(turn.draft.state(), code)) return Refusal::OCCUPIED;
  if (is_solid(*def) && is_occupied(turn.draft.state(), *def, action.position)) return Refusal::OCCUPIED;
  Entity payer = turn.body;
  for (const ItemCount& cost : *def->build_cost) {
    if (!take(payer.stacks, cost)) return Refusal::MISSING_ITEM;
  }

  for (const ItemCount& cost : *def->build_cost) {
    turn.draft.ledger(cost.item, -static_cast<std::int64_t>(cost.count), LedgerCause::BUILD, turn.player);
  }
  turn.draft.put(payer);
  Entity built;
  built.id = turn.draft.take_entity_id();
  built.type = action.what;
  built.position = action.position;
  built.yaw = action.yaw;
  built.hp = def->hp;
  built.owner = turn.player;
  if (def->kind == EntityKind::FIRE && def->toggles) built.state = STATE_LIT;
  turn.draft.put(built);
  return Refusal::NONE;
}

}  // namespace everframe::world
