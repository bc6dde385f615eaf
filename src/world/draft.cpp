#include "world/draft.h"

#include "base/assert.h"

namespace everframe::world {

namespace {

template <class Row>
std::optional<Row> copy_of(const Row* row) {
  if (row == nullptr) return std::nullopt;
  return *row;
}

}  // namespace

Draft::Draft(State& state, Effects& effects) : state_(state), effects_(effects) {
  effects_.next_entity_before = state_.next_entity();
  effects_.hash_before = state_.hash();
}

void Draft::note(EntityId id) {
  if (!entity_places_.emplace(id, effects_.entities.size()).second) return;
  effects_.entities.push_back({copy_of(state_.entity(id)), std::nullopt});
  entity_ids_.push_back(id);
}

void Draft::put(const Entity& entity) {
  note(entity.id);
  state_.put(entity);
}

void Draft::remove(EntityId id) {
  note(id);
  state_.remove(id);
}

void Draft::put(const Player& player) {
  if (player_places_.emplace(player.id, effects_.players.size()).second) {
    effects_.players.push_back({copy_of(state_.player(player.id)), std::nullopt});
    player_ids_.push_back(player.id);
  }
  state_.put(player);
}

void Draft::outcome(PlayerId player, const Outcome& outcome) {
  effects_.outcomes.push_back({player, outcome});
}

void Draft::ledger(ItemType item, std::int64_t delta, LedgerCause cause, PlayerId player) {
  if (delta != 0) effects_.ledger.push_back({item, delta, cause, player});
}

void Draft::finish() {
  for (std::size_t i = 0; i < entity_ids_.size(); ++i) {
    effects_.entities[i].after = copy_of(state_.entity(entity_ids_[i]));
  }
  for (std::size_t i = 0; i < player_ids_.size(); ++i) {
    effects_.players[i].after = copy_of(state_.player(player_ids_[i]));
  }
  std::erase_if(effects_.entities, [](const EntityChange& c) { return c.before == c.after; });
  std::erase_if(effects_.players, [](const PlayerChange& c) { return c.before == c.after; });
  effects_.next_entity_after = state_.next_entity();
  effects_.hash_after = state_.hash();
}

}  // namespace everframe::world
