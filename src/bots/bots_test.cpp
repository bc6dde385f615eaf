// What would break these: a replica that applies a change to the wrong version, habits that run faster than
// the rules allow or reach for what they cannot, a URL or content pack that is half understood.
#include <gtest/gtest.h>

#include <cmath>

#include "bots/habits.h"
#include "bots/signaling.h"

namespace everframe::bots {
namespace {

constexpr char PACK[] = R"({"hash":"0","name":"t","items":[],"refusals":[],
  "entities":[{"kind":"body","radius_mm":350,"height_mm":1800,"harvestable":false,"tool":null},
              {"kind":"tree","radius_mm":500,"height_mm":9000,"harvestable":true,"tool_required":false}],
  "builds":[{"entity":1,"cost":[{"item":0,"count":4}]}],
  "recipes":[{"inputs":[{"item":0,"count":2}],"outputs":[],"station":null}],
  "rules":{"reach_mm":4000,"speed_mm_s":8000,"world_size_mm":1024000}})";

wire::EntityView tree(std::uint64_t id, Vec3 at) {
  wire::EntityView out;
  out.id = EntityId{id};
  out.type = EntityType{1};
  out.position = at;
  return out;
}

TEST(Pack, AContentPackIsReadAndABrokenOneRefused) {
  const auto pack = read_pack(PACK);
  ASSERT_TRUE(pack.has_value()) << pack.error().text;
  EXPECT_TRUE(pack->things[1].harvestable);
  EXPECT_EQ(pack->buildables.front().cost.front().count, 4U);
  EXPECT_EQ(pack->speed_mm_s, 8'000);
  EXPECT_FALSE(read_pack("{").has_value());
  EXPECT_FALSE(read_pack("{\"entities\":[]}").has_value());
  EXPECT_FALSE(read_pack("[1]").has_value());
}

TEST(ServerUrl, NamesPortsAndIpv6AreUnderstoodOthersRefused) {
  EXPECT_EQ(ServerUrl::parse("http://127.0.0.1:8080")->port, "8080");
  EXPECT_EQ(ServerUrl::parse("http://host/path?x")->host, "host");
  EXPECT_EQ(ServerUrl::parse("http://host")->port, "80");
  EXPECT_EQ(ServerUrl::parse("http://[::1]:9000/")->host, "::1");
  EXPECT_EQ(ServerUrl::parse("http://[::1]:9000/")->port, "9000");
  for (const char* wrong :
       {"", "host:80", "https://host", "http://", "http://host:", "http://h:8x", "http://[::1"})
    EXPECT_FALSE(ServerUrl::parse(wrong).has_value()) << wrong;
}

TEST(Replica, AGapIsNoticedOnceAndNothingAppliesUntilTheSnapshot) {
  Replica replica;
  const ChunkCode code = chunk_of({0, 0, 0});
  replica.take(wire::ChunkSnapshot{code, 5, {tree(1, {0, 0, 0})}});
  EXPECT_TRUE(replica.take(wire::ChunkChanges{code, 5, 6, FrameNo{6}, {tree(2, {10, 0, 0})}, {EntityId{1}}}));
  EXPECT_EQ(replica.find(code, EntityId{1}), nullptr);
  EXPECT_NE(replica.find(code, EntityId{2}), nullptr);
  EXPECT_FALSE(replica.take(wire::ChunkChanges{code, 7, 8, FrameNo{8}, {}, {EntityId{2}}}));
  EXPECT_TRUE(replica.take(wire::ChunkChanges{code, 8, 9, FrameNo{9}, {}, {EntityId{2}}})) << "asked already";
  EXPECT_NE(replica.find(code, EntityId{2}), nullptr);
  replica.take(wire::ChunkSnapshot{code, 9, {}});
  EXPECT_EQ(replica.find(code, EntityId{2}), nullptr);
  EXPECT_TRUE(replica.take(wire::ChunkChanges{ChunkCode{1}, 0, 9, FrameNo{9}, {}, {}})) << "not in view";
}

TEST(Habits, ASurvivorKeepsToTheSpeedLimitAndHarvestsOnlyWhatIsInReach) {
  const Pack pack = *read_pack(PACK);
  Replica replica;
  const std::vector<wire::EntityView> trees{tree(1, {6'000, 0, 0}), tree(2, {-9'000, 0, 4'000})};
  replica.take(wire::ChunkSnapshot{chunk_of({0, 0, 0}), 1, {trees[0]}});
  replica.take(wire::ChunkSnapshot{chunk_of(trees[1].position), 1, {trees[1]}});
  Habits habits(pack, 3);
  habits.place({1'000, 0, 1'000});
  Vec3 here{1'000, 0, 1'000};
  int harvests = 0;
  for (int i = 0; i < 5'000; ++i) {
    const Vec3 next = habits.walk(replica, 50ms).position;
    EXPECT_LE(std::sqrt(static_cast<double>(distance_squared(here, next))), 8'000 * 0.05);
    here = next;
    const wire::ActionBody action = habits.act(replica);
    const auto* harvest = std::get_if<wire::Harvest>(&action);
    if (harvest == nullptr) continue;
    ++harvests;
    const Vec3& at = trees[raw(harvest->target) - 1].position;
    EXPECT_LE(std::sqrt(static_cast<double>(distance_squared(here, at))), 4'000 + 500);
  }
  EXPECT_GT(harvests, 50);
}

}  // namespace
}  // namespace everframe::bots
