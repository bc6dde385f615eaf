// What would break these: an action that is done by halves, twice, out of turn, from too far, to what is not
// yours; time that acts early or twice; a number near its limit that wraps.
#include "world/frame.h"

#include <gtest/gtest.h>

#include <set>

#include "world/field_for_tests.h"

using namespace everframe;
using namespace everframe::world;

namespace {

constexpr std::uint64_t HUGE_COUNT = ~std::uint64_t{0};

EntityType type(std::string_view key) {
  return entity_named(survival(), key);
}
RecipeId recipe(std::string_view key) {
  return recipe_named(survival(), key);
}
Build build(std::string_view key, const Vec3& place) {
  return Build{type(key), place, 0};
}

class Meadow : public ::testing::Test {
 private:
  Field field_;  // before the players, who join it

 protected:
  PlayerId ann = field_.join(1);
  PlayerId bob = field_.join(2);

  Field& f() { return field_; }
  EntityId body() { return field_.body(ann); }
};

}  // namespace

// ---- joining, moving, order ----

TEST_F(Meadow, ANewPlayerHasABodyAndTheStartingItems) {
  const Entity& entity = *f().state.entity(body());
  EXPECT_EQ(entity.owner, ann);
  EXPECT_EQ(entity.type, survival().body);
  EXPECT_EQ(entity.position, spawn_position(1));
  EXPECT_EQ(entity.stacks, survival().rules.starting_items);
  EXPECT_EQ(f().state.player(ann)->chunk, chunk_of(entity.position));
}

TEST_F(Meadow, JoiningTwiceChangesNothing) {
  const std::uint64_t hash = f().state.hash();
  const Effects effects = f().run({{ann, ActionSeq{}, Join{"Again"}}});
  EXPECT_EQ(f().state.hash(), hash);
  EXPECT_TRUE(effects.entities.empty() && effects.players.empty() && effects.ledger.empty());
}

TEST_F(Meadow, AnActionOutOfTurnIsLeftOutWithoutAnOutcome) {
  const std::uint64_t hash = f().state.hash();
  for (const std::uint64_t seq : {std::uint64_t{0}, std::uint64_t{2}, HUGE_COUNT}) {
    EXPECT_TRUE(f().run({{ann, ActionSeq{seq}, Idle{}}}).outcomes.empty());
  }
  EXPECT_EQ(f().act(ann, Idle{}), Refusal::NONE);
  EXPECT_TRUE(f().run({{ann, ActionSeq{1}, Idle{}}}).outcomes.empty());
  EXPECT_TRUE(f().run({{PlayerId{77}, ActionSeq{1}, Idle{}}}).outcomes.empty());
  EXPECT_NE(f().state.hash(), hash);
}

TEST_F(Meadow, RefusedActionsCountAndTheLastOutcomesAreKept) {
  for (std::uint64_t i = 0; i < 100; ++i) f().act(ann, Interact{EntityId{1}});
  const Player& player = *f().state.player(ann);
  EXPECT_EQ(raw(player.last_seq), 100U);
  EXPECT_EQ(player.outcomes.size(), OUTCOMES_KEPT);
  EXPECT_EQ(raw(player.outcomes.front().seq), 100 - OUTCOMES_KEPT + 1);
  EXPECT_EQ(player.outcomes.back().refusal, Refusal::NO_SUCH_TARGET);
}

TEST_F(Meadow, SeveralActionsOfAFrameActInTheirOrder) {
  Input first = f().next_input(ann, Drop{stack_of("wood", 2)});
  Input second = first;
  second.seq = next(first.seq);
  const Effects effects = f().run({first, second});
  ASSERT_EQ(effects.outcomes.size(), 2U);
  EXPECT_EQ(effects.outcomes[0].outcome.refusal, Refusal::NONE);
  EXPECT_EQ(effects.outcomes[1].outcome.refusal, Refusal::MISSING_ITEM);
  EXPECT_EQ(effects.players.size(), 1U);
}

TEST_F(Meadow, MovesStayInTheWorldAndGoOneChunkAtMost) {
  f().move(ann, {40'000, 5'000'000, 3});
  EXPECT_EQ(f().place(ann), (Vec3{40'000, WORLD_HEIGHT_MM - 1, 3}));
  EXPECT_EQ(f().state.player(ann)->chunk, code_of({1, 0}));
  f().move(ann, {INT32_MAX, INT32_MIN, 3});
  EXPECT_EQ(f().place(ann), (Vec3{95'999, 0, 3}));
  f().move(ann, {INT32_MIN, 0, INT32_MIN});
  EXPECT_EQ(f().place(ann), (Vec3{32'000, 0, -32'000}));
}

TEST_F(Meadow, AMoveIntoAChunkThatIsNotLoadedIsLeftOut) {
  f().move(ann, {40'000, 0, 0});
  f().move(ann, {80'000, 0, 0});
  f().move(ann, {120'000, 0, 0});
  f().move(ann, {130'000, 0, 0});  // chunk 4 is beyond the field
  EXPECT_EQ(f().place(ann), (Vec3{120'000, 0, 0}));
  EXPECT_TRUE(f().last.entities.empty());
}

TEST(World, ItsEdgeHoldsBodiesBack) {
  State state(survival(), first_free_entity(), 0);
  for (const ChunkCode code : new_world_chunks()) state.load_chunk(code, {});
  const PlayerId ann{1};
  apply(state, {FrameNo{1}, WallMs{1}, 1, {{ann, {}, Join{"Ann"}}}});
  std::vector<Input> moves(20, Input{ann, {}, Move{{INT32_MAX, 0, INT32_MIN}, 0}});
  apply(state, {FrameNo{2}, WallMs{2}, 1, moves});
  EXPECT_EQ(state.entity(state.player(ann)->body)->position, (Vec3{511'999, 0, -512'000}));
}

// ---- harvest ----

TEST_F(Meadow, ATreeFallsHitByHitAndYieldsWhatTheLedgerSays) {
  const EntityId tree = f().stand("pine", f().beside(ann, 2'000));
  const std::uint64_t before = f().count(body(), "wood");
  std::int64_t entered = 0;
  for (int hit = 0; hit < 10; ++hit) {
    ASSERT_EQ(f().act(ann, Harvest{tree}), Refusal::NONE);
    for (const LedgerEntry& entry : f().last.ledger) {
      EXPECT_EQ(entry.cause, LedgerCause::HARVEST);
      EXPECT_EQ(entry.player, ann);
      if (entry.item == item_named(survival(), "wood")) entered += entry.delta;
    }
  }
  EXPECT_EQ(f().count(body(), "wood") - before, static_cast<std::uint64_t>(entered));
  EXPECT_GE(entered, 12);
  EXPECT_LE(entered, 14);
  EXPECT_EQ(f().state.entity(tree)->state, STATE_DEPLETED);
  EXPECT_EQ(f().act(ann, Harvest{tree}), Refusal::DEPLETED);
}

TEST_F(Meadow, TheBestToolOfTheClassThatIsCarriedCounts) {
  const EntityId tree = f().stand("oak", f().beside(ann, 2'000));
  f().give(body(), "stone_axe", 1);
  f().act(ann, Harvest{tree});
  EXPECT_EQ(f().state.entity(tree)->hp, 85);
  f().give(body(), "iron_axe", 1);
  f().give(body(), "iron_pickaxe", 1);
  f().act(ann, Harvest{tree});
  EXPECT_EQ(f().state.entity(tree)->hp, 51);
}

TEST_F(Meadow, AVeinYieldsNothingToBareHands) {
  const EntityId vein = f().stand("iron_ore", f().beside(ann, 2'000));
  EXPECT_EQ(f().act(ann, Harvest{vein}), Refusal::MISSING_TOOL);
  f().give(body(), "stone_axe", 1);
  EXPECT_EQ(f().act(ann, Harvest{vein}), Refusal::MISSING_TOOL);
  f().give(body(), "stone_pickaxe", 1);
  EXPECT_EQ(f().act(ann, Harvest{vein}), Refusal::NONE);
  EXPECT_EQ(f().count(body(), "iron_ore"), 1U);
}

TEST_F(Meadow, AHitWhoseYieldFindsNoRoomLeavesTheTreeAsItIs) {
  const EntityId tree = f().stand("pine", f().beside(ann, 2'000));
  f().empty(body());
  for (std::size_t i = 0; i < survival().entity(survival().body)->slots; ++i)
    f().give(body(), "stone_axe", 1);
  const Entity before = *f().state.entity(tree);
  EXPECT_EQ(f().act(ann, Harvest{tree}), Refusal::INVENTORY_FULL);
  EXPECT_EQ(*f().state.entity(tree), before);
  EXPECT_TRUE(f().last.entities.empty() && f().last.ledger.empty());
}

TEST_F(Meadow, WhatIsHarvestedOutRegrowsOnceAndNotBeforeItsTime) {
  const EntityId mushroom = f().stand("mushroom", f().beside(ann, 1'000));
  f().act(ann, Harvest{mushroom});
  const WallMs due{f().now_ms + 900'000};
  EXPECT_EQ(f().state.next_due(), due);
  EXPECT_TRUE(f().state.due(WallMs{raw(due) - 1}, 10).empty());
  EXPECT_EQ(f().state.due(due, 10), std::vector<EntityId>{mushroom});

  f().now_ms = raw(due) - 1;
  EXPECT_TRUE(f().run({{{}, {}, Due{mushroom}}}).entities.empty());
  f().now_ms = raw(due);
  const Effects effects = f().run({{{}, {}, Due{mushroom}}, {{}, {}, Due{mushroom}}});
  EXPECT_EQ(effects.entities.size(), 1U);
  EXPECT_EQ(f().state.entity(mushroom)->hp, 1);
  EXPECT_EQ(f().state.entity(mushroom)->state, 0U);
  EXPECT_EQ(f().state.next_due(), std::nullopt);
  EXPECT_EQ(f().act(ann, Harvest{mushroom}), Refusal::NONE);
}

TEST_F(Meadow, ADueTimeAtTheEndOfTimeDoesNotWrap) {
  const EntityId mushroom = f().stand("mushroom", f().beside(ann, 1'000));
  f().now_ms = INT64_MAX - 5;
  EXPECT_EQ(f().act(ann, Harvest{mushroom}), Refusal::NONE);
  EXPECT_EQ(f().state.entity(mushroom)->due, WallMs{INT64_MAX});
}

TEST_F(Meadow, OneHitYieldsDifferentThingsInFramesOfDifferentSeeds) {
  const EntityId oak = f().stand("oak", f().beside(ann, 2'000));
  std::set<std::size_t> yields;
  for (f().seed = 0; f().seed < 20; ++f().seed) {
    const std::uint64_t before = f().count(body(), "wood");
    const Effects effects = f().run({f().next_input(ann, Harvest{oak})});
    yields.insert(f().count(body(), "wood") - before);
    undo(f().state, effects);
  }
  EXPECT_EQ(yields, (std::set<std::size_t>{1, 2}));
}

TEST_F(Meadow, WhatCannotBeHarvestedIsRefusedForItsOwnReason) {
  const EntityId wall = f().stand("wood_wall", f().beside(ann, 2'000));
  const EntityId far_tree = f().stand("pine", f().beside(ann, 4'351));
  const EntityId distant_tree = f().stand("pine", {-100'000, 0, 0});
  EXPECT_EQ(f().act(ann, Harvest{wall}), Refusal::WRONG_TARGET);
  EXPECT_EQ(f().act(ann, Harvest{f().body(bob)}), Refusal::WRONG_TARGET);
  EXPECT_EQ(f().act(ann, Harvest{far_tree}), Refusal::OUT_OF_RANGE);
  EXPECT_EQ(f().act(ann, Harvest{EntityId{HUGE_COUNT}}), Refusal::NO_SUCH_TARGET);
  EXPECT_EQ(f().act(ann, Harvest{distant_tree}),
            Refusal::NO_SUCH_TARGET);  // loaded, but beyond what one knows
  const EntityId near_tree = f().stand("pine", f().beside(ann, 4'350));
  EXPECT_EQ(f().act(ann, Harvest{near_tree}), Refusal::NONE);
}

// ---- build ----

TEST_F(Meadow, AWallCostsItsWoodOnceAndIsItsBuilders) {
  f().give(body(), "wood", 10);
  EXPECT_EQ(f().act(ann, Build{type("wood_wall"), f().beside(ann, 2'000), 90'000}), Refusal::NONE);
  EXPECT_EQ(f().count(body(), "wood"), 8U);
  ASSERT_EQ(f().last.ledger.size(), 1U);
  EXPECT_EQ(f().last.ledger[0], (LedgerEntry{item_named(survival(), "wood"), -4, LedgerCause::BUILD, ann}));
  const Entity& wall = *f().last.entities[1].after;
  EXPECT_EQ(wall.owner, ann);
  EXPECT_EQ(wall.yaw, 90'000);
  EXPECT_EQ(wall.hp, 200);
  EXPECT_EQ(f().last.entities[1].before, std::nullopt);
}

TEST_F(Meadow, BuildingIsRefusedForItsOwnReason) {
  f().give(body(), "wood", 90);
  const Vec3 here = f().beside(ann, 2'000);
  EXPECT_EQ(f().act(ann, build("pine", here)), Refusal::NOT_BUILDABLE);
  EXPECT_EQ(f().act(ann, Build{EntityType{999}, here, 0}), Refusal::NOT_BUILDABLE);
  EXPECT_EQ(f().act(ann, build("wood_wall", {INT32_MIN, 0, INT32_MAX})), Refusal::OUT_OF_WORLD);
  EXPECT_EQ(f().act(ann, build("wood_wall", {here.x, -1, here.z})), Refusal::OUT_OF_WORLD);
  EXPECT_EQ(f().act(ann, build("wood_wall", {here.x, WORLD_HEIGHT_MM, here.z})), Refusal::OUT_OF_WORLD);
  EXPECT_EQ(f().act(ann, build("wood_wall", f().beside(ann, 5'001))), Refusal::OUT_OF_RANGE);
  EXPECT_EQ(f().act(ann, build("stone_wall", here)), Refusal::MISSING_ITEM);
  f().stand("boulder", f().beside(ann, 3'999));
  EXPECT_EQ(f().act(ann, build("wood_wall", here)), Refusal::OCCUPIED);
  EXPECT_EQ(f().act(ann, build("wood_wall", f().beside(ann, 1'999))), Refusal::NONE);
}

TEST_F(Meadow, WallsMeetAtCornersStandOnFloorsAndOnEachOther) {
  f().give(body(), "wood", 95);
  const Vec3 at = f().beside(ann, 1'000);
  EXPECT_EQ(f().act(ann, build("wood_floor", at)), Refusal::NONE);
  EXPECT_EQ(f().act(ann, build("wood_floor", {at.x, 0, at.z + 1'999})), Refusal::OCCUPIED);
  EXPECT_EQ(f().act(ann, build("wood_floor", {at.x, 0, at.z + 2'000})), Refusal::NONE);
  EXPECT_EQ(f().act(ann, build("wood_wall", {at.x + 1'000, 0, at.z})), Refusal::NONE);  // its east edge
  EXPECT_EQ(f().act(ann, build("wood_wall", {at.x, 0, at.z - 1'000})), Refusal::NONE);  // its north edge
  EXPECT_EQ(f().act(ann, build("door", {at.x + 1'000, 0, at.z + 500})), Refusal::OCCUPIED);
  EXPECT_EQ(f().act(ann, build("wood_wall", {at.x + 1'000, 2'499, at.z})), Refusal::OCCUPIED);
  EXPECT_EQ(f().act(ann, build("wood_wall", {at.x + 1'000, 2'500, at.z})), Refusal::NONE);
}

TEST_F(Meadow, PilesAndBodiesAreNoObstacleAndFloorsNoneForWhatIsBuiltOnThem) {
  f().give(body(), "wood", 95);
  const Vec3 at = f().beside(ann, 600);
  f().stand("item_pile", at);
  EXPECT_EQ(f().act(ann, build("wood_floor", f().place(bob))), Refusal::NONE);
  EXPECT_EQ(f().act(ann, build("chest", at)), Refusal::NONE);
  f().stand("pine", f().beside(ann, -3'000));
  EXPECT_EQ(f().act(ann, build("wood_floor", f().beside(ann, -2'500))), Refusal::OCCUPIED);
}

TEST_F(Meadow, AFullChunkTakesNothingMore) {
  f().give(body(), "wood", 90);
  const ChunkCode code = chunk_of(f().place(ann));
  while (f().state.chunk(code)->entities.size() < CHUNK_ENTITIES_MAX + 1)
    f().stand("item_pile", f().place(ann));
  EXPECT_EQ(f().act(ann, build("wood_floor", f().place(ann))), Refusal::NONE) << "bodies do not count";
  EXPECT_EQ(f().act(ann, build("wood_wall", f().place(ann))), Refusal::OCCUPIED);
  EXPECT_EQ(f().act(ann, Drop{stack_of("wood", 1)}), Refusal::OCCUPIED);
}

// ---- pick up, drop ----

TEST_F(Meadow, WhatIsDroppedLiesBesideTheBodyAndIsPickedUpWhole) {
  EXPECT_EQ(f().act(ann, Drop{stack_of("berries", 3)}), Refusal::NONE);
  EXPECT_TRUE(f().last.ledger.empty());
  const Entity pile = *f().last.entities[1].after;
  EXPECT_EQ(pile.type, survival().item_pile);
  EXPECT_EQ(pile.stacks, std::vector<ItemCount>{stack_of("berries", 3)});
  EXPECT_LE(distance_squared(pile.position, f().place(ann)), 1'000 * 1'000);
  EXPECT_EQ(f().count(body(), "berries"), 2U);

  EXPECT_EQ(f().act(bob, PickUp{pile.id}), Refusal::NONE);
  EXPECT_TRUE(f().last.ledger.empty());
  EXPECT_EQ(f().count(f().body(bob), "berries"), 8U);
  EXPECT_EQ(f().state.entity(pile.id), nullptr);
  EXPECT_EQ(f().act(ann, PickUp{pile.id}), Refusal::NO_SUCH_TARGET);
}

TEST_F(Meadow, APileThatDoesNotFitStaysWhole) {
  const EntityId pile = f().stand("item_pile", f().beside(ann, 500));
  f().give(pile, "berries", 20);
  f().give(pile, "iron_axe", 1);
  f().empty(body());
  for (std::size_t i = 0; i < 23; ++i) f().give(body(), "stone_axe", 1);
  const Entity before = *f().state.entity(pile);
  EXPECT_EQ(f().act(ann, PickUp{pile}), Refusal::INVENTORY_FULL);
  EXPECT_EQ(*f().state.entity(pile), before);
  EXPECT_EQ(f().count(body(), "berries"), 0U);
}

TEST_F(Meadow, DroppingIsRefusedForItsOwnReason) {
  EXPECT_EQ(f().act(ann, Drop{stack_of("wood", 0)}), Refusal::BAD_COUNT);
  EXPECT_EQ(f().act(ann, Drop{stack_of("wood", 3)}), Refusal::MISSING_ITEM);
  EXPECT_EQ(f().act(ann, Drop{stack_of("wood", HUGE_COUNT)}), Refusal::MISSING_ITEM);
  EXPECT_EQ(f().act(ann, Drop{{ItemType{9'999}, 1}}), Refusal::NO_SUCH_ITEM);
  f().empty(body());
  for (std::size_t i = 0; i < 9; ++i) f().give(body(), "stone_axe", 1);
  EXPECT_EQ(f().act(ann, Drop{stack_of("stone_axe", 9)}), Refusal::BAD_COUNT) << "a pile has eight slots";
  EXPECT_EQ(f().act(ann, Drop{stack_of("stone_axe", 8)}), Refusal::NONE);
}

TEST_F(Meadow, CollectingAFlintIsEnteredInTheLedgerAndTakesItAway) {
  const EntityId flint = f().stand("flint", f().beside(ann, 1'000));
  EXPECT_EQ(f().act(ann, PickUp{flint}), Refusal::NONE);
  ASSERT_EQ(f().last.ledger.size(), 1U);
  EXPECT_EQ(f().last.ledger[0], (LedgerEntry{item_named(survival(), "flint"), 1, LedgerCause::COLLECT, ann}));
  EXPECT_EQ(f().state.entity(flint), nullptr);
}

TEST_F(Meadow, OnlyItsBuilderTakesAStructureDown) {
  const EntityId wall = f().stand("stone_wall", f().beside(ann, 2'000), bob);
  EXPECT_EQ(f().act(ann, PickUp{wall}), Refusal::NOT_YOURS);
  EXPECT_EQ(f().act(bob, PickUp{wall}), Refusal::NONE);
  EXPECT_EQ(f().count(f().body(bob), "stone"), 2U);
  const EntityId tree = f().stand("pine", f().beside(ann, -2'000));
  EXPECT_EQ(f().act(ann, PickUp{tree}), Refusal::WRONG_TARGET);
  const EntityId far_flint = f().stand("flint", f().beside(ann, 4'101));
  EXPECT_EQ(f().act(ann, PickUp{far_flint}), Refusal::OUT_OF_RANGE);
}

TEST_F(Meadow, AChestThatIsTakenDownGivesItsContentsAlong) {
  const EntityId chest = f().stand("chest", f().beside(ann, 1'500), ann);
  f().give(chest, "resin", 7);
  EXPECT_EQ(f().act(ann, PickUp{chest}), Refusal::NONE);
  EXPECT_EQ(f().count(body(), "resin"), 7U);
  EXPECT_EQ(f().count(body(), "wood"), 6U);
  EXPECT_EQ(f().last.ledger.size(), 1U) << "moved things are no ledger entry";
}

// ---- craft ----

TEST_F(Meadow, CraftingTurnsInputsIntoOutputsWithBothInTheLedger) {
  f().give(body(), "fibre", 4);
  EXPECT_EQ(f().act(ann, Craft{recipe("rope"), 2}), Refusal::NONE);
  EXPECT_EQ(f().count(body(), "fibre"), 0U);
  EXPECT_EQ(f().count(body(), "rope"), 2U);
  const std::vector<LedgerEntry> expected = {{item_named(survival(), "fibre"), -6, LedgerCause::CRAFT, ann},
                                             {item_named(survival(), "rope"), 2, LedgerCause::CRAFT, ann}};
  EXPECT_EQ(f().last.ledger, expected);
}

TEST_F(Meadow, CraftingIsRefusedForItsOwnReasonAndThenTakesNothing) {
  f().give(body(), "stone", 3);
  const Entity before = *f().state.entity(body());
  EXPECT_EQ(f().act(ann, Craft{RecipeId{999}, 1}), Refusal::NO_SUCH_RECIPE);
  EXPECT_EQ(f().act(ann, Craft{recipe("rope"), 0}), Refusal::BAD_COUNT);
  EXPECT_EQ(f().act(ann, Craft{recipe("rope"), 21}), Refusal::BAD_COUNT);
  EXPECT_EQ(f().act(ann, Craft{recipe("rope"), HUGE_COUNT}), Refusal::BAD_COUNT);
  EXPECT_EQ(f().act(ann, Craft{recipe("rope"), 1}), Refusal::MISSING_ITEM);
  EXPECT_EQ(f().act(ann, Craft{recipe("charcoal"), 1}), Refusal::NEEDS_STATION);
  EXPECT_EQ(*f().state.entity(body()), before);
  for (std::size_t i = 0; i < 20; ++i) f().give(body(), "stone_axe", 1);
  f().give(body(), "stone", 97);
  f().give(body(), "wood", 4);
  f().give(body(), "fibre", 4);
  EXPECT_EQ(f().act(ann, Craft{recipe("stone_axe"), 2}), Refusal::INVENTORY_FULL);
  EXPECT_EQ(f().count(body(), "stone"), 100U);
}

TEST_F(Meadow, AFireServesWhileItBurnsAndInReach) {
  const EntityId fire = f().stand("campfire", f().beside(ann, 4'501));
  f().act(ann, Interact{fire});
  EXPECT_EQ(f().act(ann, Craft{recipe("charcoal"), 1}), Refusal::NEEDS_STATION);
  f().move(ann, f().beside(ann, 1));
  EXPECT_EQ(f().act(ann, Craft{recipe("charcoal"), 1}), Refusal::NEEDS_STATION) << "it does not burn";
  EXPECT_EQ(f().act(ann, Interact{fire}), Refusal::NONE);
  EXPECT_EQ(f().act(ann, Craft{recipe("charcoal"), 1}), Refusal::NONE);
  f().give(body(), "wood", 5);
  f().give(body(), "stone", 3);
  EXPECT_EQ(f().act(ann, build("campfire", f().beside(ann, 1'000))), Refusal::NONE);
  EXPECT_EQ(f().last.entities[1].after->state, STATE_LIT) << "who builds a fire lights it";
}

// ---- interact, transfer ----

TEST_F(Meadow, DoorsObeyEverybodyAndChestsTheirOwner) {
  const EntityId door = f().stand("door", f().beside(ann, 2'000), bob);
  const EntityId chest = f().stand("chest", f().beside(ann, -1'500), bob);
  EXPECT_EQ(f().act(ann, Interact{door}), Refusal::NONE);
  EXPECT_EQ(f().state.entity(door)->state, STATE_OPEN);
  EXPECT_EQ(f().act(ann, Interact{door}), Refusal::NONE);
  EXPECT_EQ(f().state.entity(door)->state, 0U);
  EXPECT_EQ(f().act(ann, Interact{chest}), Refusal::NOT_YOURS);
  EXPECT_EQ(f().act(ann, Interact{f().stand("pine", f().beside(ann, 1'000))}), Refusal::WRONG_TARGET);
  EXPECT_EQ(f().act(ann, Interact{f().stand("door", f().beside(ann, 9'000))}), Refusal::OUT_OF_RANGE);
}

TEST_F(Meadow, AClosedChestIsItsOwnersAndAnOpenOneEverybodys) {
  const EntityId chest = f().stand("chest", f().beside(ann, 1'500), bob);
  EXPECT_EQ(f().act(ann, Transfer{chest, stack_of("wood", 1), false}), Refusal::NOT_YOURS);
  EXPECT_EQ(f().act(bob, Transfer{chest, stack_of("berries", 5), false}), Refusal::NONE);
  EXPECT_TRUE(f().last.ledger.empty());
  EXPECT_EQ(f().act(bob, Interact{chest}), Refusal::NONE);
  EXPECT_EQ(f().act(ann, Transfer{chest, stack_of("berries", 4), true}), Refusal::NONE);
  EXPECT_EQ(f().count(chest, "berries"), 1U);
  EXPECT_EQ(f().count(body(), "berries"), 9U);
  EXPECT_EQ(f().count(f().body(bob), "berries"), 0U);
}

TEST_F(Meadow, TransfersAreRefusedForTheirOwnReason) {
  const EntityId chest = f().stand("chest", f().beside(ann, 1'500), ann);
  EXPECT_EQ(f().act(ann, Transfer{chest, stack_of("wood", 0), false}), Refusal::BAD_COUNT);
  EXPECT_EQ(f().act(ann, Transfer{chest, stack_of("wood", HUGE_COUNT), false}), Refusal::MISSING_ITEM);
  EXPECT_EQ(f().act(ann, Transfer{chest, stack_of("wood", 1), true}), Refusal::MISSING_ITEM);
  EXPECT_EQ(f().act(ann, Transfer{chest, {ItemType{9'999}, 1}, true}), Refusal::NO_SUCH_ITEM);
  EXPECT_EQ(f().act(ann, Transfer{f().body(bob), stack_of("wood", 1), true}), Refusal::WRONG_TARGET);
  EXPECT_EQ(f().act(ann, Transfer{EntityId{5}, stack_of("wood", 1), true}), Refusal::NO_SUCH_TARGET);
  const EntityId far_chest = f().stand("chest", f().beside(ann, 5'000), ann);
  EXPECT_EQ(f().act(ann, Transfer{far_chest, stack_of("wood", 1), false}), Refusal::OUT_OF_RANGE);
  for (std::size_t i = 0; i < 20; ++i) f().give(chest, "stone_axe", 1);
  EXPECT_EQ(f().act(ann, Transfer{chest, stack_of("wood", 1), false}), Refusal::CONTAINER_FULL);
  while (f().state.entity(body())->stacks.size() < 24) f().give(body(), "iron_axe", 1);
  EXPECT_EQ(f().act(ann, Transfer{chest, stack_of("stone_axe", 1), true}), Refusal::INVENTORY_FULL);
}

// ---- effects ----

TEST_F(Meadow, WhatIsAsItWasBeforeTheFrameIsNoChange) {
  const EntityId door = f().stand("door", f().beside(ann, 2'000));
  const Input open = f().next_input(ann, Interact{door});
  Input shut = open;
  shut.seq = next(open.seq);
  const Effects effects = f().run({open, shut});
  EXPECT_TRUE(effects.entities.empty());
  EXPECT_EQ(effects.players.size(), 1U);
}

TEST_F(Meadow, TheEdgeOfTheWorldHoldsBackDroppedThingsToo) {
  State state(survival(), first_free_entity(), 0);
  for (const ChunkCode code : new_world_chunks()) state.load_chunk(code, {});
  apply(state, {FrameNo{1}, WallMs{1}, 1, {{ann, {}, Join{"Ann"}}}});
  apply(state, {FrameNo{2}, WallMs{2}, 1, std::vector<Input>(20, {ann, {}, Move{{511'999, 0, 511'999}, 0}})});
  for (std::uint64_t seq = 1; seq <= 5; ++seq) {
    const Input drop{ann, ActionSeq{seq}, Drop{stack_of("berries", 1)}};
    const Effects effects = apply(state, {FrameNo{2 + seq}, WallMs{3}, 1, {drop}});
    EXPECT_EQ(effects.outcomes[0].outcome.refusal, Refusal::NONE);
  }
  EXPECT_GE(state.chunk(code_of({15, 15}))->entities.size(), 6U);
}

TEST(Refusals, EveryOneHasANameAndATextOfItsOwn) {
  std::set<std::string_view> names;
  std::set<std::string_view> texts;
  for (std::uint8_t i = 0; i <= REFUSAL_LAST; ++i) {
    names.insert(refusal_name(static_cast<Refusal>(i)));
    texts.insert(refusal_text(static_cast<Refusal>(i)));
  }
  EXPECT_EQ(names.size(), REFUSAL_LAST + 1U);
  EXPECT_EQ(texts.size(), REFUSAL_LAST + 1U);
  EXPECT_EQ(refusal_name(Refusal::OUT_OF_RANGE), "out_of_range");
}
