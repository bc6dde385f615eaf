// Actions: what each thing that a player can ask for does. Private to the room. Each is complete or nothing:
// it looks first, at copies, and changes the draft only when nothing can refuse any more.
#pragma once
#include "world/draft.h"

namespace everframe::world {

// Who asks, in which frame. `body` is the player's, as it was before the action.
struct Turn {
  Draft& draft;
  const Frame& frame;
  PlayerId player{};
  ActionSeq seq{};
  const Entity& body;
};

Refusal act(const Turn& turn, const Harvest& action);
Refusal act(const Turn& turn, const Build& action);
Refusal act(const Turn& turn, const PickUp& action);
Refusal act(const Turn& turn, const Drop& action);
Refusal act(const Turn& turn, const Craft& action);
Refusal act(const Turn& turn, const Interact& action);
Refusal act(const Turn& turn, const Transfer& action);
Refusal act(const Turn& turn, const Idle& action);

// ---- shared by the actions' files ----

// The entity, if the player can know of it: it lies in the chunks around the body.
const Entity* find_target(const Turn& turn, EntityId id);
// Whether the body reaches a thing of this radius: its centre may be that much farther away.
bool in_reach(const Turn& turn, const Vec3& position, std::int32_t radius_mm);
bool in_world(const Content& content, const Vec3& position);
// The slots of an entity's type; 0 when the pack does not know it.
std::size_t slots_of(const Content& content, const Entity& entity);
// Whether one more entity may come into being in the chunk: it is loaded and not full.
bool has_room(const State& state, ChunkCode code);

}  // namespace everframe::world
