// Crowd: players who do at random what players do, with some nonsense among it; the same from the same seed.
// Not part of the room.
#pragma once
#include <algorithm>

#include "base/random.h"
#include "world/field_for_tests.h"

namespace everframe::world {

class Crowd {
 public:
  Crowd(State& state, std::uint64_t players, std::uint64_t seed)
      : state_(state), players_(players), dice_(seed) {}

  // The next frame: 1 to `inputs_max` inputs of all kinds, and whatever is due.
  Frame frame(std::uint64_t inputs_max) { return frame_of(dice_.below(inputs_max) + 1); }

  Frame frame_of(std::uint64_t inputs) {
    now_ms_ += static_cast<std::int64_t>(dice_.below(4) == 0 ? dice_.below(400'000) : dice_.below(100));
    Frame out{FrameNo{++no_}, WallMs{now_ms_}, dice_.next(), {}};
    for (const EntityId id : state_.due(out.now, 10)) out.inputs.push_back({{}, {}, Due{id}});
    std::vector<std::uint64_t> seqs(players_ + 1);
    for (; inputs > 0; --inputs) {
      const PlayerId player{1 + dice_.below(players_)};
      if (dice_.below(12) == 0) {
        out.inputs.push_back({player, {}, Move{stroll(player), signed32()}});
        continue;
      }
      std::uint64_t& seq = seqs[raw(player)];
      if (seq == 0) seq = raw(state_.player(player)->last_seq);
      const bool is_in_turn = dice_.below(40) != 0;
      out.inputs.push_back(
          {player, ActionSeq{is_in_turn ? ++seq : seq + dice_.below(3) * 2}, action(player)});
    }
    return out;
  }

 private:
  std::int32_t signed32() { return static_cast<std::int32_t>(dice_.next()); }
  std::int32_t within(std::int32_t mm) { return static_cast<std::int32_t>(dice_.between(-mm, mm)); }
  const Entity& body(PlayerId player) const { return *state_.entity(state_.player(player)->body); }

  // Mostly to something that stands near by, sometimes anywhere.
  Vec3 stroll(PlayerId player) {
    if (dice_.below(50) == 0) return {signed32(), signed32(), signed32()};
    const std::vector<const Entity*> near = state_.near(body(player).position, 15'000);
    const Vec3 to = near[dice_.below(near.size())]->position;
    const Vec3 home = spawn_position(0);
    const auto towards_home = [](std::int32_t v, std::int32_t h) {
      return std::clamp(v, h - 60'000, h + 60'000);
    };
    return {towards_home(to.x, home.x) + within(800), 0, towards_home(to.z, home.z) + within(800)};
  }

  EntityId generated_anywhere() {
    const std::uint64_t chunk = dice_.below(raw(first_free_entity()) / ENTITY_IDS_A_CHUNK);
    return EntityId{chunk * ENTITY_IDS_A_CHUNK + 1 + dice_.below(15)};
  }

  EntityId target(PlayerId player) {
    if (dice_.below(60) == 0) return EntityId{dice_.next() >> dice_.below(64)};
    if (dice_.below(30) == 0) return generated_anywhere();
    const std::vector<const Entity*> near = state_.near(body(player).position, 5'000);
    return near[dice_.below(near.size())]->id;
  }
  // A target of the kinds that the action is for, if one is near.
  template <class Wanted>
  EntityId target(PlayerId player, Wanted wanted) {
    for (int i = 0; i < 12; ++i) {
      const EntityId id = target(player);
      const Entity* entity = state_.entity(id);
      if (entity != nullptr && wanted(*state_.content().entity(entity->type))) return id;
    }
    return target(player);
  }
  ItemCount stack(const std::vector<ItemCount>& from) {
    if (from.empty() || dice_.below(20) == 0) {
      const ItemType item{static_cast<std::uint16_t>(dice_.below(state_.content().items.size() + 2))};
      return {item, dice_.below(2) == 0 ? dice_.below(5) : dice_.next()};
    }
    const ItemCount& some = from[dice_.below(from.size())];
    return {some.item, dice_.below(some.count + 1)};
  }

  InputBody action(PlayerId player) {
    const std::uint64_t roll = dice_.below(100);
    if (roll < 30) return Harvest{target(player, [](const auto& def) { return def.harvesting.has_value(); })};
    if (roll < 42) {
      const auto wanted = [](const auto& def) {
        return def.collectable || def.kind == EntityKind::ITEM_PILE;
      };
      return PickUp{target(player, wanted)};
    }
    if (roll < 56) return build(player);
    if (roll < 64) return Drop{stack(body(player).stacks)};
    if (roll < 78) {
      const RecipeId recipe{static_cast<std::uint16_t>(dice_.below(state_.content().recipes.size() + 1))};
      return Craft{recipe, dice_.below(30) == 0 ? dice_.next() : 1 + dice_.below(2)};
    }
    if (roll < 84) return Interact{target(player, [](const auto& def) { return def.toggles; })};
    if (roll < 98) return transfer(player);
    return Idle{};
  }

  InputBody build(PlayerId player) {
    EntityType what{static_cast<std::uint16_t>(dice_.below(state_.content().entities.size() + 1))};
    for (int i = 0; i < 8; ++i) {
      const EntityDef* def = state_.content().entity(what);
      if (def != nullptr && def->build_cost) break;
      what = EntityType{static_cast<std::uint16_t>(dice_.below(state_.content().entities.size()))};
    }
    const Vec3 at = body(player).position;
    const std::int32_t x = at.x + within(3'500);
    return Build{
        what, {x, static_cast<std::int32_t>(dice_.below(2) * 2'500), at.z + within(3'500)}, signed32()};
  }

  InputBody transfer(PlayerId player) {
    const EntityId id = target(player, [](const auto& def) { return def.kind == EntityKind::CONTAINER; });
    const bool out = dice_.below(2) == 1;
    const Entity* container = state_.entity(id);
    const ItemCount what = stack(out && container != nullptr ? container->stacks : body(player).stacks);
    return Transfer{id, what, out};
  }

  State& state_;
  std::uint64_t players_;
  Prng dice_;
  std::uint64_t no_ = 0;
  std::int64_t now_ms_ = 1'000'000;
};

}  // namespace everframe::world
