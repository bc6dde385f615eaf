// What would break these: a field that is silently ignored, a wrong name that is taken for nothing, a figure
// that overflows the rules, an index that depends on how files are laid out.
#include "world/content.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "world/pack_for_tests.h"

using namespace everframe;
using namespace everframe::world;

namespace {

// The least that is a pack.
constexpr char LEAST[] =
    "name = 'Least'\n"
    "[[entity]]\n"
    "key='body'\nname='B'\nkind='body'\nradius_mm=1\nheight_mm=1\nslots=2\n"
    "[[entity]]\n"
    "key='pile'\nname='P'\nkind='item_pile'\nradius_mm=1\nheight_mm=1\nslots=2\n"
    "[[item]]\nkey='wood'\nname='Wood'\nstack_max=10\n"
    "[[item]]\nkey='axe'\nname='Axe'\ntool={class='axe', power=3}\n";

std::string error_of(const std::string& more) {
  const Result<Content> parsed = parse_content({{"a.toml", LEAST}, {"b.toml", more}});
  return parsed ? std::string("parsed") : parsed.error().text;
}

std::string wall(const std::string& fields) {
  return "[[entity]]\nkey='wall'\nname='W'\nkind='structure'\nradius_mm=5\nheight_mm=5\n" + fields;
}
std::string tree(const std::string& harvesting) {
  return "[[entity]]\nkey='tree'\nname='T'\nkind='tree'\nradius_mm=5\nheight_mm=5\n[entity.harvesting]\n" +
         harvesting;
}

}  // namespace

TEST(Content, TheSurvivalPackHoldsWhatAFirstDayNeeds) {
  const Content& pack = survival();
  EXPECT_EQ(pack.name, "Survival");
  for (const char* key :
       {"pine",       "oak",      "birch", "rock",      "boulder",   "iron_ore",  "copper_ore",
        "berry_bush", "mushroom", "reeds", "flint",     "item_pile", "wood_wall", "wood_floor",
        "stone_wall", "campfire", "chest", "workbench", "door",      "fence",     "body"}) {
    EXPECT_NO_THROW(entity_named(pack, key));
  }
  EXPECT_EQ(pack.entity(pack.body)->kind, EntityKind::BODY);
  EXPECT_EQ(pack.entity(pack.item_pile)->kind, EntityKind::ITEM_PILE);
}

TEST(Content, WhoeverFellsOneTreeByHandCanBuildAWoodenWall) {
  const Content& pack = survival();
  const EntityDef& wall_def = *pack.entity(entity_named(pack, "wood_wall"));
  for (const char* key : {"pine", "oak", "birch"}) {
    const EntityDef& def = *pack.entity(entity_named(pack, key));
    const auto hits = static_cast<std::uint64_t>(def.hp / def.harvesting->hand_power);
    const std::uint64_t wood = hits * def.harvesting->per_hit[0].count_min;
    EXPECT_EQ(def.harvesting->per_hit[0].item, item_named(pack, "wood"));
    EXPECT_GE(wood, wall_def.build_cost->at(0).count) << key;
  }
}

TEST(Content, EveryItemOfTheSurvivalPackCanBeHad) {
  const Content& pack = survival();
  std::vector<bool> had(pack.items.size());
  const auto have = [&had](ItemType item) { had[raw(item)] = true; };
  for (const EntityDef& def : pack.entities) {
    for (const ItemCount& each : def.collected) have(each.item);
    if (!def.harvesting) continue;
    for (const Yield& each : def.harvesting->per_hit) have(each.item);
    for (const Yield& each : def.harvesting->at_end) have(each.item);
  }
  for (const RecipeDef& def : pack.recipes) {
    for (const ItemCount& each : def.outputs) have(each.item);
  }
  for (std::size_t i = 0; i < had.size(); ++i) EXPECT_TRUE(had[i]) << pack.items[i].key;
}

TEST(Content, TheHashIsOfTheMeaningAndNotOfTheLayout) {
  std::vector<ContentFile> files = survival_files();
  std::reverse(files.begin(), files.end());
  for (ContentFile& file : files) file.text = "# a comment\n\n" + file.text;
  EXPECT_EQ(parse_content(files)->hash, survival().hash);
  for (ContentFile& file : files) {
    const std::size_t figure = file.text.find("times_max = 20");
    if (figure != std::string::npos) file.text.replace(figure, 14, "times_max = 21");
  }
  EXPECT_NE(parse_content(files)->hash, survival().hash);
}

TEST(Content, FilesAreNumberedInTheOrderOfTheirNames) {
  const std::vector<ContentFile> files = {{"c.toml", "[[item]]\nkey='last'\nname='L'\n"},
                                          {"b.toml", "[[item]]\nkey='middle'\nname='M'\n"},
                                          {"a.toml", LEAST}};
  const Result<Content> parsed = parse_content(files);
  ASSERT_TRUE(parsed) << parsed.error().text;
  EXPECT_EQ(parsed->items[2].key, "middle");
  EXPECT_EQ(parsed->items[3].key, "last");
}

TEST(Content, AFileMayNameWhatALaterOneDefines) {
  const Result<Content> parsed = parse_content({{"0.toml", wall("build_cost={wood=1}")}, {"1.toml", LEAST}});
  ASSERT_TRUE(parsed) << parsed.error().text;
  EXPECT_EQ(parsed->entities[0].build_cost->at(0).item, item_named(*parsed, "wood"));
}

TEST(Content, AnErrorNamesFileAndLineAndTheNearestName) {
  EXPECT_EQ(error_of(wall("build_cost={wod=4}")),
            "b.toml:7: [[entity]]: no item \"wod\"; did you mean \"wood\"?");
  EXPECT_EQ(error_of(wall("build_cots={wood=4}")),
            "b.toml:7: [[entity]]: no field \"build_cots\"; did you mean \"build_cost\"?");
  EXPECT_EQ(error_of("\n\n[[item]]\nkey='plank'\n"), "b.toml:3: [[item]]: the field \"name\" is missing");
  EXPECT_EQ(error_of(wall("hp=1000001")), "b.toml:7: [[entity]]: hp: 1000001 is out of range: 1 to 1000000");
  EXPECT_EQ(error_of("[[item]]\nkey='wood'\nname='W'\n"), "b.toml:2: [[item]]: key: \"wood\" is there twice");
  EXPECT_EQ(error_of("[rules\n").substr(0, 9), "b.toml:1:");
}

TEST(Content, EveryWrongFieldIsRefused) {
  const std::pair<std::string, std::string> cases[] = {
      {wall("hp='many'"), "must be a whole number from 1 to 1000000"},
      {wall("hp=1.5"), "must be a whole number"},
      {wall("slots=3"), "a structure has none"},
      {wall("toggles=1"), "must be true or false"},
      {wall("density=-1"), "must be a number a hectare from 0 to 1000"},
      {wall("density=nan"), "must be a number a hectare from 0 to 1000"},
      {wall("build_cost=4"), "must be a table such as"},
      {wall("build_cost={wood=0}"), "0 is out of range: 1 to 1000000"},
      {wall("grows_in='sea'"), "no ground \"sea\""},
      {tree("hand_power=1\ntool='saw'"), "no item is a tool of class \"saw\""},
      {tree("tool='axe'\ntool_required=true\nhand_power=1"), "a required tool leaves hand_power no use"},
      {tree("tool='axe'"), "needs hand_power, or tool_required = true"},
      {tree("tool_required=true"), "tool_required needs a tool"},
      {tree("hand_power=1\nper_hit={wood=[3,2]}"), "2 is out of range: 3 to 1000000"},
      {tree("hand_power=1\nper_hit={wood=[1,2,3]}"), "a range is [fewest, most]"},
      {"[[entity]]\nkey='tree'\nname='T'\nkind='plant'\nradius_mm=5\nheight_mm=5\n", "no kind \"plant\""},
      {"[[entity]]\nkey='b2'\nname='T'\nkind='body'\nslots=1\nradius_mm=5\nheight_mm=5\n",
       "2 entities of kind \"body\"; a pack has exactly one"},
      {"[[entity]]\nkey='box'\nname='T'\nkind='container'\nradius_mm=5\nheight_mm=5\n",
       "a container needs slots"},
      {"[[item]]\nkey='Big Key'\nname='K'\n", "must be up to 64 of a to z, 0 to 9 and _"},
      {"[[item]]\nkey='k'\nname=''\n", "must have 1 to 256 bytes"},
      {"[item]\nkey='k'\n", "is written [[item]]"},
      {"[[recipe]]\nkey='r'\nname='R'\noutputs={wood=1}\n", "needs inputs"},
      {"[[recipe]]\nkey='r'\nname='R'\ninputs={wood=1}\n", "needs outputs"},
      {"[[recipe]]\nkey='r'\nname='R'\ninputs={axe=1}\noutputs={wood=1}\nstation='pile'\n",
       "must be of kind station or fire"},
      {"[rules]\nreach_mm=20000\n", "20000 is out of range: 100 to 16000"},
      {"[rules]\nstarting_items={axe=3}\n", "do not fit into the body's slots"},
      {"name='Second'\n", "the pack has a name already"},
      {"[weather]\n", "no field \"weather\""},
  };
  for (const auto& [text, cause] : cases) {
    const std::string error = error_of(text);
    EXPECT_NE(error.find(cause), std::string::npos) << text << "\n-> " << error;
  }
  EXPECT_EQ(error_of(""), "parsed");
}

TEST(Content, WhatIsMissingAltogetherIsSaid) {
  EXPECT_FALSE(parse_content({}));
  const Result<Content> nameless = parse_content({{"a.toml", std::string(LEAST).substr(15)}});
  EXPECT_EQ(nameless.error().text, "content: no file gives the pack a name: name = \"...\"");
}

TEST(Content, NumbersOutsideThePackAreNothing) {
  const Content& pack = survival();
  EXPECT_EQ(pack.item(ItemType{65'535}), nullptr);
  EXPECT_EQ(pack.entity(EntityType{static_cast<std::uint16_t>(pack.entities.size())}), nullptr);
  EXPECT_EQ(pack.recipe(RecipeId{static_cast<std::uint16_t>(pack.recipes.size())}), nullptr);
}
