// What would break these: a search that misses what lies across a chunk's or a cell's border, a place in the
// world's corner that overflows, an index that keeps what is gone.
#include "world/state.h"

#include <gtest/gtest.h>

#include "base/assert.h"
#include "base/random.h"
#include "world/generate.h"
#include "world/pack_for_tests.h"
#include "world/records.h"

using namespace everframe;
using namespace everframe::world;

namespace {

State new_world() {
  State state(survival(), first_free_entity(), 0);
  for (const ChunkCode code : new_world_chunks()) state.load_chunk(code, generate_chunk(survival(), 1, code));
  return state;
}

// Looks at everything.
std::vector<EntityId> near_by_search(const State& state, const Vec3& centre, std::int64_t radius) {
  std::vector<EntityId> out;
  for (const ChunkCode code : new_world_chunks()) {
    for (const auto& [id, entity] : state.chunk(code)->entities) {
      const Vec3 flat{entity.position.x, centre.y, entity.position.z};
      if (distance_squared(flat, centre) <= radius * radius) out.push_back(id);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<EntityId> ids_of(const std::vector<const Entity*>& entities) {
  std::vector<EntityId> out;
  for (const Entity* entity : entities) out.push_back(entity->id);
  return out;
}

}  // namespace

TEST(State, NearFindsByIdWhatASearchOfEverythingFinds) {
  State state = new_world();
  Prng dice(1);
  const auto along = [&dice] { return static_cast<std::int32_t>(dice.between(-520'000, 520'000)); };
  for (int i = 0; i < 300; ++i) {
    Vec3 centre{along(), 0, along()};
    if (i % 3 == 0) centre = {centre.x / 8'000 * 8'000, 0, centre.z / CHUNK_SIZE_MM * CHUNK_SIZE_MM};
    const auto radius = static_cast<std::int32_t>(dice.below(40'000));
    ASSERT_EQ(ids_of(state.near(centre, radius)), near_by_search(state, centre, radius));
    // Something moves, and something goes, between the searches.
    const std::vector<const Entity*> some = state.near(centre, 40'000);
    if (some.size() < 2) continue;
    Entity moved = *some[0];
    moved.position = {along() * 50 / 52, 0, along() * 50 / 52};
    const EntityId gone = some[1]->id;
    state.put(moved);
    state.remove(gone);
    ASSERT_EQ(state.entity(gone), nullptr);
    ASSERT_EQ(*state.entity(moved.id), moved);
  }
}

TEST(State, NearIsTotalInTheCornersOfSpace) {
  const State state = new_world();
  for (const std::int32_t x : {INT32_MIN, -1, INT32_MAX}) {
    for (const std::int32_t z : {INT32_MIN, INT32_MAX}) EXPECT_TRUE(state.near({x, 0, z}, 1'000'000).empty());
  }
}

TEST(State, WhatIsLoadedTwiceOrElsewhereOrNotAtAllIsABug) {
  State state(survival(), first_free_entity(), 0);
  state.load_chunk(code_of({0, 0}), {});
  EXPECT_THROW(state.load_chunk(code_of({0, 0}), {}), AssertionFailure);
  EXPECT_THROW(state.drop_chunk(code_of({5, 5})), AssertionFailure);
  Entity entity;
  entity.id = EntityId{1};
  entity.position = {-1, 0, 0};
  EXPECT_THROW(state.load_chunk(code_of({0, 1}), {entity}), AssertionFailure);
  EXPECT_THROW(state.put(entity), AssertionFailure);
  EXPECT_THROW(state.remove(EntityId{2}), AssertionFailure);
  EXPECT_THROW(state.drop_player(PlayerId{1}), AssertionFailure);
}

TEST(State, TheEarliestDueComesFirstAndNoMoreThanAskedFor) {
  State state(survival(), first_free_entity(), 0);
  state.load_chunk(code_of({0, 0}), {});
  Entity entity;
  for (const std::uint64_t id : {4, 3, 2, 1}) {
    entity.id = EntityId{id};
    entity.due = WallMs{static_cast<std::int64_t>(id % 3) * 10};  // 3 is never due; 4 and 1 at once
    state.put(entity);
  }
  using Ids = std::vector<EntityId>;
  EXPECT_EQ(state.next_due(), WallMs{10});
  EXPECT_EQ(state.due(WallMs{9}, 9), Ids{});
  EXPECT_EQ(state.due(WallMs{20}, 9), (Ids{EntityId{1}, EntityId{4}, EntityId{2}}));
  EXPECT_EQ(state.due(WallMs{20}, 1), Ids{EntityId{1}});
  state.drop_chunk(code_of({0, 0}));
  EXPECT_EQ(state.next_due(), std::nullopt);
}
