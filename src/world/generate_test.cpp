// What would break these: a generator that depends on its neighbours, on the order of chunks or on the
// machine; things that stand in each other or in the way of new players; a density that is not kept.
#include "world/generate.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "world/pack_for_tests.h"
#include "world/records.h"

using namespace everframe;
using namespace everframe::world;

namespace {

std::vector<Entity> whole_world(std::uint64_t seed) {
  std::vector<Entity> all;
  for (const ChunkCode code : new_world_chunks()) {
    for (Entity& entity : generate_chunk(survival(), seed, code)) all.push_back(std::move(entity));
  }
  return all;
}

std::uint64_t hash_of_all(const std::vector<Entity>& all) {
  std::uint64_t hash = 0;
  for (const Entity& entity : all) hash ^= hash_of(entity);
  return hash;
}

}  // namespace

TEST(Generation, SeedOneMakesTheSameWorldOnEveryMachineForEver) {
  const std::vector<Entity> all = whole_world(1);
  EXPECT_EQ(hash_of_all(all), 11'794'157'131'534'241'070U);
  EXPECT_EQ(all.size(), 22'506U);
}

TEST(Generation, AnotherSeedMakesAnotherWorld) {
  EXPECT_NE(hash_of_all(whole_world(1)), hash_of_all(whole_world(2)));
}

TEST(Generation, ANewWorldHasTwentyThousandThingsEachAsOftenAsItsDensitySays) {
  const std::vector<Entity> all = whole_world(1);
  EXPECT_GE(all.size(), 20'000U);
  std::map<EntityType, std::int64_t> counts;
  for (const Entity& entity : all) ++counts[entity.type];
  constexpr double HECTARES = 1.024 * 1.024 * 100;
  for (std::size_t i = 0; i < survival().entities.size(); ++i) {
    const EntityDef& def = survival().entities[i];
    const double found = static_cast<double>(counts[EntityType{static_cast<std::uint16_t>(i)}]);
    EXPECT_GE(found, 0.75 * def.density * HECTARES) << def.key;
    EXPECT_LE(found, 1.25 * def.density * HECTARES) << def.key;
  }
}

TEST(Generation, ChunksComeInCodeOrderAndOnlyTheNewWorldsAreFilled) {
  const std::vector<ChunkCode> codes = new_world_chunks();
  EXPECT_EQ(codes.size(), std::size_t{NEW_WORLD_CHUNKS} * NEW_WORLD_CHUNKS);
  EXPECT_TRUE(std::is_sorted(codes.begin(), codes.end()));
  EXPECT_TRUE(generate_chunk(survival(), 1, code_of({16, 0})).empty());
  EXPECT_TRUE(generate_chunk(survival(), 1, code_of({0, -17})).empty());
}

TEST(Generation, EverythingHasItsOwnIdAndStandsWhollyInItsChunkApartFromTheRest) {
  std::set<EntityId> ids;
  for (const ChunkCode code : new_world_chunks()) {
    const std::vector<Entity> entities = generate_chunk(survival(), 1, code);
    for (std::size_t i = 0; i < entities.size(); ++i) {
      const Entity& a = entities[i];
      const std::int32_t radius = survival().entity(a.type)->radius_mm;
      EXPECT_TRUE(ids.insert(a.id).second);
      EXPECT_LT(a.id, first_free_entity());
      EXPECT_GT(raw(a.id), 0U);
      EXPECT_EQ(chunk_of(Vec3{a.position.x - radius, 0, a.position.z - radius}), code);
      EXPECT_EQ(chunk_of(Vec3{a.position.x + radius - 1, 0, a.position.z + radius - 1}), code);
      for (std::size_t j = 0; j < i; ++j) {
        const std::int64_t apart = radius + survival().entity(entities[j].type)->radius_mm;
        EXPECT_GE(distance_squared(a.position, entities[j].position), apart * apart);
      }
    }
  }
}

TEST(Generation, NewPlayersStandInTheOpenAndNotInEachOther) {
  const std::int64_t body = survival().entity(survival().body)->radius_mm;
  std::vector<Vec3> places;
  for (std::uint64_t n = 0; n < 1'764; ++n) places.push_back(spawn_position(n));
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_GE(distance_squared(places[i], places[j]), 4 * body * body);
  }
  for (const Entity& entity : whole_world(1)) {
    const std::int64_t apart = body + survival().entity(entity.type)->radius_mm;
    if (std::abs(entity.position.x) > 40'000 || std::abs(entity.position.z) > 40'000) continue;
    for (const Vec3& place : places) EXPECT_GE(distance_squared(entity.position, place), apart * apart);
  }
}
