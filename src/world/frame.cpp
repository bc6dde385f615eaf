#include "world/frame.h"

#include <algorithm>

#include "base/assert.h"
#include "base/planted.h"
#include "world/actions.h"
#include "world/draft.h"
#include "world/generate.h"
#include "world/stacks.h"

namespace everframe::world {

namespace {

Vec3 clamped_to_world(const Content& content, const Vec3& position) {
  const std::int32_t half = content.rules.world_size_mm / 2;
  return {std::clamp(position.x, -half, half - 1), std::clamp(position.y, 0, WORLD_HEIGHT_MM - 1),
          std::clamp(position.z, -half, half - 1)};
}

// `to`, or the nearest place to it in the chunk of `from` and the eight around it.
Vec3 clamped_to_neighbours(const Vec3& from, const Vec3& to) {
  const ChunkPos here = chunk_pos_of(from);
  const auto clamped = [](std::int32_t v, std::int32_t chunk) {
    const std::int64_t low = (std::int64_t{chunk} - 1) * CHUNK_SIZE_MM;
    const std::int64_t high = (std::int64_t{chunk} + 2) * CHUNK_SIZE_MM - 1;
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(v, low, high));
  };
  return {clamped(to.x, here.x), to.y, clamped(to.z, here.z)};
}

void join(Draft& draft, PlayerId id, const Join& input) {
  const Content& content = draft.content();
  const Vec3 place = clamped_to_world(content, spawn_position(raw(id)));
  const ChunkCode code = chunk_of(place);
  if (draft.state().player(id) != nullptr || !draft.state().has_chunk(code)) return;
  Entity body;
  body.id = draft.take_entity_id();
  body.type = content.body;
  body.position = place;
  body.hp = content.entity(content.body)->hp;
  body.owner = id;
  // parse_content made sure of it.
  EF_ASSERT(add_all(body.stacks, content.rules.starting_items, content.entity(content.body)->slots, content));
  for (const ItemCount& each : content.rules.starting_items) {
    draft.ledger(each.item, static_cast<std::int64_t>(each.count), LedgerCause::JOIN, id);
  }
  draft.put(body);
  Player player;
  player.id = id;
  player.name = input.name;
  player.body = body.id;
  player.chunk = code;
  draft.put(player);
}

void move(Draft& draft, PlayerId id, const Move& input) {
  const Player* player = draft.state().player(id);
  const Entity* body = player == nullptr ? nullptr : draft.state().entity(player->body);
  if (body == nullptr) return;
  Entity moved = *body;
  moved.position = clamped_to_neighbours(body->position, clamped_to_world(draft.content(), input.position));
  moved.yaw = input.yaw;
  const ChunkCode code = chunk_of(moved.position);
  if (!draft.state().has_chunk(code)) return;
  draft.put(moved);
  if (code == player->chunk) return;
  Player after = *player;
  after.chunk = code;
  draft.put(after);
}

void become_due(Draft& draft, WallMs now, EntityId id) {
  const Entity* entity = draft.state().entity(id);
  if (entity == nullptr || raw(entity->due) == 0 || entity->due > now) return;
  Entity after = *entity;
  after.due = WallMs{};
  if ((after.state & STATE_DEPLETED) != 0) {
    const EntityDef* def = draft.content().entity(after.type);
    after.state &= ~STATE_DEPLETED;
    if (def != nullptr) after.hp = def->hp;
  }
  draft.put(after);
}

template <class Action>
void answer(Draft& draft, const Frame& frame, const Input& input, const Action& action) {
  const Player* player = draft.state().player(input.player);
  const bool again = is_planted(Planted::SECOND_EFFECT) && player != nullptr && input.seq <= player->last_seq;
  if (player == nullptr || raw(input.seq) == 0) return;
  if (raw(input.seq) - 1 != raw(player->last_seq) && !again) return;
  const Entity* found = draft.state().entity(player->body);
  if (found == nullptr) return;
  const Entity body = *found;
  const Turn turn{draft, frame, input.player, input.seq, body};
  const Outcome outcome{input.seq, frame.no, act(turn, action)};
  Player after = *draft.state().player(input.player);
  after.last_seq = std::max(after.last_seq, input.seq);
  after.outcomes.push_back(outcome);
  if (after.outcomes.size() > OUTCOMES_KEPT) after.outcomes.pop_front();
  draft.put(after);
  draft.outcome(input.player, outcome);
}

struct Dispatch {
  Draft& draft;
  const Frame& frame;
  const Input& input;

  void operator()(const Join& body) const { join(draft, input.player, body); }
  void operator()(const Move& body) const { move(draft, input.player, body); }
  void operator()(const Due& body) const { become_due(draft, frame.now, body.target); }
  void operator()(const auto& action) const { answer(draft, frame, input, action); }
};

}  // namespace

Effects apply(State& state, const Frame& frame) {
  Effects effects;
  effects.frame = frame.no;
  Draft draft(state, effects);
  for (const Input& input : frame.inputs) std::visit(Dispatch{draft, frame, input}, input.body);
  draft.finish();
  return effects;
}

void undo(State& state, const Effects& effects) {
  EF_ASSERT(state.hash() == effects.hash_after && state.next_entity() == effects.next_entity_after);
  const auto take_back = [&state](const auto& change) {
    change.before ? state.put(*change.before) : state.remove(change.after->id);
  };
  std::for_each(effects.entities.rbegin(), effects.entities.rend(), take_back);
  std::for_each(effects.players.rbegin(), effects.players.rend(), take_back);
  state.set_next_entity(effects.next_entity_before);
  EF_ASSERT(state.hash() == effects.hash_before);
}

}  // namespace everframe::world
