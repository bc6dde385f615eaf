// Harvest, pick up, drop, craft, interact, transfer. Building has a file of its own.
#include "world/actions.h"

#include <algorithm>
#include <array>

#include "base/codec.h"
#include "base/hash.h"
#include "base/planted.h"
#include "base/random.h"
#include "world/stacks.h"

namespace everframe::world {

namespace {

// The dice of one action: nobody can know them before the frame's seed is drawn, and no other action of the
// frame shares them.
Prng dice_of(const Turn& turn, EntityId target) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u64(raw(target));
  out.u64(raw(turn.player));
  out.u64(raw(turn.seq));
  return Prng(hash64(bytes, turn.frame.seed));
}

void roll(const std::vector<Yield>& yields, Prng& dice, Stacks& out) {
  for (const Yield& yield : yields) {
    const std::uint64_t count = yield.count_min + dice.below(yield.count_max - yield.count_min + 1);
    if (count > 0) out.push_back({yield.item, count});
  }
}

// What one hit takes, with the best tool of the class that is carried; 0: the tool is missing.
std::int32_t hit_power(const Turn& turn, const Harvesting& rule) {
  std::int32_t best = rule.tool_required ? 0 : rule.hand_power;
  if (rule.tool.empty()) return best;
  for (const ItemCount& stack : turn.body.stacks) {
    const ItemDef* item = turn.draft.content().item(stack.item);
    if (item != nullptr && item->tool == rule.tool) best = std::max(best, item->tool_power);
  }
  return best;
}

WallMs later(WallMs now, std::int64_t span_ms) {
  const std::int64_t room = INT64_MAX - span_ms;
  return WallMs{std::min(raw(now), room) + span_ms};
}

void change_stacks(const Turn& turn, const Entity& entity, Stacks stacks) {
  Entity after = entity;
  after.stacks = std::move(stacks);
  turn.draft.put(after);
}

void enter_gains(const Turn& turn, const Stacks& gained, LedgerCause cause) {
  for (const ItemCount& each : gained) {
    turn.draft.ledger(each.item, static_cast<std::int64_t>(each.count), cause, turn.player);
  }
}

// Where the n-th thing that lies about comes to lie: around the body, so that it can be seen.
Vec3 beside(const Turn& turn, EntityId id) {
  static constexpr std::array<std::array<std::int32_t, 2>, 8> RING_MM = {
      {{700, 0}, {500, 500}, {0, 700}, {-500, 500}, {-700, 0}, {-500, -500}, {0, -700}, {500, -500}}};
  const auto& [dx, dz] = RING_MM[raw(id) % RING_MM.size()];
  const Vec3& centre = turn.body.position;
  const Vec3 place{
      static_cast<std::int32_t>(std::clamp<std::int64_t>(std::int64_t{centre.x} + dx, INT32_MIN, INT32_MAX)),
      centre.y,
      static_cast<std::int32_t>(std::clamp<std::int64_t>(std::int64_t{centre.z} + dz, INT32_MIN, INT32_MAX))};
  return in_world(turn.draft.content(), place) ? place : centre;
}

bool station_in_reach(const Turn& turn, EntityType station) {
  const EntityDef& def = *turn.draft.content().entity(station);
  const std::int32_t reach = turn.draft.content().rules.reach_mm + def.radius_mm;
  for (const Entity* entity : turn.draft.state().near(turn.body.position, reach)) {
    if (entity->type != station || !in_reach(turn, entity->position, def.radius_mm)) continue;
    if (def.kind == EntityKind::FIRE && def.toggles && (entity->state & STATE_LIT) == 0) continue;
    return true;
  }
  return false;
}

// A closed container is its owner's alone; an open one is everybody's.
bool is_locked_to(const Entity& entity, EntityKind kind, PlayerId player) {
  return kind == EntityKind::CONTAINER && entity.owner != PlayerId{} && entity.owner != player &&
         (entity.state & STATE_OPEN) == 0;
}

}  // namespace

const Entity* find_target(const Turn& turn, EntityId id) {
  const Entity* entity = turn.draft.state().entity(id);
  if (entity == nullptr) return nullptr;
  const ChunkPos here = chunk_pos_of(turn.body.position);
  const ChunkPos there = chunk_pos_of(entity->position);
  return std::abs(here.x - there.x) <= 1 && std::abs(here.z - there.z) <= 1 ? entity : nullptr;
}

bool in_reach(const Turn& turn, const Vec3& position, std::int32_t radius_mm) {
  const std::int64_t reach = std::int64_t{turn.draft.content().rules.reach_mm} + radius_mm;
  const auto far = [reach](std::int32_t a, std::int32_t b) { return std::abs(std::int64_t{a} - b) > reach; };
  const Vec3& from = turn.body.position;
  // Axis by axis first, so that the squares cannot overflow.
  if (far(from.x, position.x) || far(from.y, position.y) || far(from.z, position.z)) return false;
  return distance_squared(from, position) <= reach * reach;
}

bool in_world(const Content& content, const Vec3& position) {
  const std::int32_t half = content.rules.world_size_mm / 2;
  const auto inside = [half](std::int32_t v) { return v >= -half && v < half; };
  return inside(position.x) && inside(position.z) && position.y >= 0 && position.y < WORLD_HEIGHT_MM;
}

std::size_t slots_of(const Content& content, const Entity& entity) {
  const EntityDef* def = content.entity(entity.type);
  return def == nullptr ? 0 : def->slots;
}

bool has_room(const State& state, ChunkCode code) {
  const ChunkState* chunk = state.chunk(code);
  if (chunk == nullptr) return false;
  if (chunk->entities.size() < CHUNK_ENTITIES_MAX) return true;
  const EntityType body = state.content().body;
  const auto counts = [body](const auto& row) { return row.second.type != body; };
  const auto others = std::count_if(chunk->entities.begin(), chunk->entities.end(), counts);
  return static_cast<std::size_t>(others) < CHUNK_ENTITIES_MAX;
}

Refusal act(const Turn& turn, const Harvest& action) {
  const Entity* target = find_target(turn, action.target);
  if (target == nullptr) return Refusal::NO_SUCH_TARGET;
  const Content& content = turn.draft.content();
  const EntityDef* def = content.entity(target->type);
  if (def == nullptr || !def->harvesting) return Refusal::WRONG_TARGET;
  if (!in_reach(turn, target->position, def->radius_mm)) return Refusal::OUT_OF_RANGE;
  if (target->owner != PlayerId{} && target->owner != turn.player) return Refusal::NOT_YOURS;
  if ((target->state & STATE_DEPLETED) != 0) return Refusal::DEPLETED;
  const std::int32_t power = hit_power(turn, *def->harvesting);
  if (power <= 0) return Refusal::MISSING_TOOL;

  Entity after = *target;
  after.hp = std::max(0, after.hp - std::min(after.hp, power));
  Prng dice = dice_of(turn, target->id);
  Stacks gained;
  roll(def->harvesting->per_hit, dice, gained);
  if (after.hp == 0) roll(def->harvesting->at_end, dice, gained);
  Stacks carried = turn.body.stacks;
  if (!add_all(carried, gained, slots_of(content, turn.body), content)) return Refusal::INVENTORY_FULL;

  enter_gains(turn, gained, LedgerCause::HARVEST);
  if (!gained.empty()) change_stacks(turn, turn.body, std::move(carried));
  if (after.hp == 0 && def->harvesting->regrow_ms == 0) {
    turn.draft.remove(after.id);
    return Refusal::NONE;
  }
  if (after.hp == 0) {
    after.state |= STATE_DEPLETED;
    after.due = later(turn.frame.now, def->harvesting->regrow_ms);
  }
  turn.draft.put(after);
  return Refusal::NONE;
}

Refusal act(const Turn& turn, const PickUp& action) {
  const Entity* target = find_target(turn, action.target);
  if (target == nullptr) return Refusal::NO_SUCH_TARGET;
  const Content& content = turn.draft.content();
  const EntityDef* def = content.entity(target->type);
  if (def == nullptr || (!def->collectable && def->kind != EntityKind::ITEM_PILE))
    return Refusal::WRONG_TARGET;
  if (!in_reach(turn, target->position, def->radius_mm)) return Refusal::OUT_OF_RANGE;
  if (target->owner != PlayerId{} && target->owner != turn.player) return Refusal::NOT_YOURS;
  if ((target->state & STATE_DEPLETED) != 0) return Refusal::DEPLETED;
  Stacks carried = turn.body.stacks;
  const std::size_t slots = slots_of(content, turn.body);
  if (!add_all(carried, target->stacks, slots, content) ||
      !add_all(carried, def->collected, slots, content)) {
    return Refusal::INVENTORY_FULL;
  }

  enter_gains(turn, def->collected, LedgerCause::COLLECT);
  if (!is_planted(Planted::DUPE) || def->kind != EntityKind::ITEM_PILE) turn.draft.remove(target->id);
  if (carried != turn.body.stacks) change_stacks(turn, turn.body, std::move(carried));
  return Refusal::NONE;
}

Refusal act(const Turn& turn, const Drop& action) {
  const Content& content = turn.draft.content();
  if (content.item(action.stack.item) == nullptr) return Refusal::NO_SUCH_ITEM;
  if (action.stack.count == 0) return Refusal::BAD_COUNT;
  Stacks carried = turn.body.stacks;
  if (!take(carried, action.stack)) return Refusal::MISSING_ITEM;
  Entity pile;
  if (!add(pile.stacks, action.stack, content.entity(content.item_pile)->slots, content)) {
    return Refusal::BAD_COUNT;
  }
  pile.position = beside(turn, turn.draft.state().next_entity());
  if (!has_room(turn.draft.state(), chunk_of(pile.position))) return Refusal::OCCUPIED;

  pile.id = turn.draft.take_entity_id();
  pile.type = content.item_pile;
  pile.hp = content.entity(content.item_pile)->hp;
  pile.yaw = turn.body.yaw;
  change_stacks(turn, turn.body, std::move(carried));
  turn.draft.put(pile);
  return Refusal::NONE;
}

Refusal act(const Turn& turn, const Craft& action) {
  const Content& content = turn.draft.content();
  const RecipeDef* recipe = content.recipe(action.recipe);
  if (recipe == nullptr) return Refusal::NO_SUCH_RECIPE;
  if (action.times == 0 || action.times > recipe->times_max) return Refusal::BAD_COUNT;
  if (recipe->station && !station_in_reach(turn, *recipe->station)) return Refusal::NEEDS_STATION;
  Stacks carried = turn.body.stacks;
  for (const ItemCount& input : recipe->inputs) {
    if (!take(carried, {input.item, input.count * action.times})) return Refusal::MISSING_ITEM;
  }
  const std::size_t slots = slots_of(content, turn.body);
  for (const ItemCount& output : recipe->outputs) {
    if (!add(carried, {output.item, output.count * action.times}, slots, content))
      return Refusal::INVENTORY_FULL;
  }

  const auto times = static_cast<std::int64_t>(action.times);
  for (const ItemCount& input : recipe->inputs) {
    const std::int64_t used = static_cast<std::int64_t>(input.count) * times;
    turn.draft.ledger(input.item, -used, LedgerCause::CRAFT, turn.player);
  }
  for (const ItemCount& output : recipe->outputs) {
    const std::int64_t made = static_cast<std::int64_t>(output.count) * times;
    turn.draft.ledger(output.item, made, LedgerCause::CRAFT, turn.player);
  }
  change_stacks(turn, turn.body, std::move(carried));
  return Refusal::NONE;
}

Refusal act(const Turn& turn, const Interact& action) {
  const Entity* target = find_target(turn, action.target);
  if (target == nullptr) return Refusal::NO_SUCH_TARGET;
  const EntityDef* def = turn.draft.content().entity(target->type);
  if (def == nullptr || !def->toggles) return Refusal::WRONG_TARGET;
  if (!in_reach(turn, target->position, def->radius_mm)) return Refusal::OUT_OF_RANGE;
  const bool is_others = target->owner != PlayerId{} && target->owner != turn.player;
  if (def->kind == EntityKind::CONTAINER && is_others) return Refusal::NOT_YOURS;
  Entity after = *target;
  after.state ^= def->kind == EntityKind::FIRE ? STATE_LIT : STATE_OPEN;
  turn.draft.put(after);
  return Refusal::NONE;
}

Refusal act(const Turn& turn, const Transfer& action) {
  const Entity* target = find_target(turn, action.target);
  if (target == nullptr) return Refusal::NO_SUCH_TARGET;
  const Content& content = turn.draft.content();
  const EntityDef* def = content.entity(target->type);
  if (def == nullptr || def->kind != EntityKind::CONTAINER) return Refusal::WRONG_TARGET;
  if (!in_reach(turn, target->position, def->radius_mm)) return Refusal::OUT_OF_RANGE;
  if (is_locked_to(*target, def->kind, turn.player)) return Refusal::NOT_YOURS;
  if (content.item(action.stack.item) == nullptr) return Refusal::NO_SUCH_ITEM;
  if (action.stack.count == 0) return Refusal::BAD_COUNT;
  Stacks carried = turn.body.stacks;
  Stacks stored = target->stacks;
  if (!take(action.out ? stored : carried, action.stack)) return Refusal::MISSING_ITEM;
  if (action.out) {
    if (!add(carried, action.stack, slots_of(content, turn.body), content)) return Refusal::INVENTORY_FULL;
  } else if (!add(stored, action.stack, def->slots, content)) {
    return Refusal::CONTAINER_FULL;
  }
  const Entity container = *target;  // the first change may move what `target` points to
  change_stacks(turn, turn.body, std::move(carried));
  change_stacks(turn, container, std::move(stored));
  return Refusal::NONE;
}

Refusal act(const Turn&, const Idle&) {
  return Refusal::NONE;
}

}  // namespace everframe::world
