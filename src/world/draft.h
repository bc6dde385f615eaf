// Draft: a frame under way: changes the state and keeps what undo and the store need to know of it: each row
// as it was before its first change. Private to the room. Borrows the state and the effects.
#pragma once
#include <unordered_map>

#include "world/frame.h"

namespace everframe::world {

class Draft {
 public:
  Draft(State& state, Effects& effects);

  const State& state() const { return state_; }
  const Content& content() const { return state_.content(); }
  EntityId take_entity_id() { return state_.take_entity_id(); }

  void put(const Entity& entity);
  void remove(EntityId id);
  void put(const Player& player);
  void outcome(PlayerId player, const Outcome& outcome);
  void ledger(ItemType item, std::int64_t delta, LedgerCause cause, PlayerId player);

  // Fills in how the changed rows are now, and leaves out what is as it was.
  void finish();

 private:
  void note(EntityId id);

  State& state_;
  Effects& effects_;
  std::unordered_map<EntityId, std::size_t> entity_places_;  // in effects_.entities; only looked up
  std::unordered_map<PlayerId, std::size_t> player_places_;
  std::vector<EntityId> entity_ids_;  // of effects_.entities, whose rows may both be none
  std::vector<PlayerId> player_ids_;
};

}  // namespace everframe::world
