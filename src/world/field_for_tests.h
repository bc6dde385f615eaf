// Field: a small piece of a world for tests: empty chunks around the origin, players, and things put where a
// test wants them. Not part of the room.
#pragma once
#include "base/assert.h"
#include "world/frame.h"
#include "world/generate.h"
#include "world/pack_for_tests.h"

namespace everframe::world {

class Field {
 public:
  static constexpr std::int32_t HALF_CHUNKS = 4;

  Field() : state(survival(), first_free_entity(), 0) {
    for (std::int32_t z = -HALF_CHUNKS; z < HALF_CHUNKS; ++z) {
      for (std::int32_t x = -HALF_CHUNKS; x < HALF_CHUNKS; ++x) state.load_chunk(code_of({x, z}), {});
    }
  }

  Effects run(std::vector<Input> inputs) {
    ++no_;
    return apply(state, {FrameNo{no_}, WallMs{now_ms}, seed, std::move(inputs)});
  }

  PlayerId join(std::uint64_t id) {
    run({{PlayerId{id}, ActionSeq{}, Join{"P"}}});
    EF_ASSERT(state.player(PlayerId{id}) != nullptr);
    return PlayerId{id};
  }

  // One action in a frame of its own, and what became of it.
  Refusal act(PlayerId player, const InputBody& body) {
    last = run({next_input(player, body)});
    EF_ASSERT(last.outcomes.size() == 1);
    return last.outcomes[0].outcome.refusal;
  }
  Input next_input(PlayerId player, const InputBody& body) const {
    return {player, next(state.player(player)->last_seq), body};
  }

  void move(PlayerId player, const Vec3& place) { last = run({{player, ActionSeq{}, Move{place, 0}}}); }

  EntityId stand(std::string_view key, const Vec3& place, PlayerId owner = PlayerId{}) {
    Entity entity;
    entity.id = state.take_entity_id();
    entity.type = entity_named(survival(), key);
    entity.position = place;
    entity.hp = survival().entity(entity.type)->hp;
    entity.owner = owner;
    state.put(entity);
    return entity.id;
  }

  void give(EntityId holder, std::string_view item, std::uint64_t count) {
    Entity entity = *state.entity(holder);
    entity.stacks.push_back({item_named(survival(), item), count});
    state.put(entity);
  }
  void empty(EntityId holder) {
    Entity entity = *state.entity(holder);
    entity.stacks.clear();
    state.put(entity);
  }
  std::uint64_t count(EntityId holder, std::string_view item) const {
    std::uint64_t sum = 0;
    for (const ItemCount& stack : state.entity(holder)->stacks) {
      if (stack.item == item_named(survival(), item)) sum += stack.count;
    }
    return sum;
  }

  EntityId body(PlayerId player) const { return state.player(player)->body; }
  Vec3 place(PlayerId player) const { return state.entity(body(player))->position; }
  Vec3 beside(PlayerId player, std::int32_t dx, std::int32_t dz = 0) const {
    const Vec3 at = place(player);
    return {at.x + dx, at.y, at.z + dz};
  }

  State state;
  Effects last;
  std::int64_t now_ms = 1'000'000;
  std::uint64_t seed = 42;

 private:
  std::uint64_t no_ = 0;
};

inline ItemCount stack_of(std::string_view item, std::uint64_t count) {
  return {item_named(survival(), item), count};
}

}  // namespace everframe::world
