// Schemas, plans and the evolution of headers: what the compiler checks, and what is checked against the
// store. What would break these: a query that compiles although it would read a whole table, a change of a
// schema that reads old records wrongly.
#include "store/records/schema.h"

#include <gtest/gtest.h>

#include "store/records/rows.h"

namespace everframe::store::records {
namespace {

struct Item {
  std::uint64_t region = 0;
  std::uint64_t id = 0;
  std::uint32_t kind = 0;
  std::int32_t level = 0;
  std::string name;
  Vec3 pos;
};

inline constexpr auto ITEMS = schema<Item>(
    "item", 1, field<1>(&Item::region), field<2>(&Item::id), field<3>(&Item::kind), field<4>(&Item::level),
    field<5>(&Item::name), field<6>(&Item::pos), primary_key(&Item::region, &Item::id),
    index<"kind_level">(&Item::kind, &Item::level), index<"level">(&Item::level).covering(&Item::name),
    unique<"name">(&Item::name), spatial<"pos", 32'000>(&Item::pos), count<"of_kind">(&Item::kind),
    feed<"changes">(&Item::region));
inline constexpr auto PLAIN =
    schema<Item>("plain", 1, field<1>(&Item::region), field<2>(&Item::id), field<3>(&Item::kind),
                 primary_key(&Item::region, &Item::id), max_ever<"kind">(&Item::kind), feed<"changes">());

template <const auto& SCHEMA, class... Terms>
constexpr Plan plan_for(Terms...) {
  return plan_of<SCHEMA, Terms...>();
}

TEST(Plans, FollowTheKeyOrTheFirstIndexThatServesThem) {
  EXPECT_EQ(plan_for<ITEMS>().path, PRIMARY);
  EXPECT_EQ(plan_for<ITEMS>(eq<&Item::region>(1)).path, PRIMARY);
  EXPECT_TRUE(plan_for<ITEMS>(eq<&Item::id>(1), eq<&Item::region>(1)).whole_key) << "equalities in any order";
  EXPECT_EQ(plan_for<ITEMS>(eq<&Item::region>(1), between<&Item::id>(1, 2)).path, PRIMARY);
  EXPECT_EQ(plan_for<ITEMS>(eq<&Item::kind>(1)).path, 0U);
  EXPECT_EQ(plan_for<ITEMS>(eq<&Item::kind>(1), at_least<&Item::level>(1)).path, 0U);
  EXPECT_EQ(plan_for<ITEMS>(below<&Item::level>(1)).path, 1U);
  EXPECT_EQ(plan_for<ITEMS>(eq<&Item::name>("x")).path, 2U);
  EXPECT_EQ(plan_for<ITEMS>(along<"level">()).path, 1U);
}

// A call compiles or it does not; these are asked without making the whole test fail to compile.
template <class R, class... Terms>
concept Scans = requires(R rows, Terms... terms) {
  rows.scan(terms...);
};
template <class R>
concept PutsBlindly = requires(R rows, const Item& item) {
  rows.put_blind(item);
};
template <class R, Name NAME>
concept GetsBy = requires(R rows) {
  rows.template get_by<NAME>(std::string());
};
template <class R, Name NAME>
concept Within = requires(R rows) {
  rows.template within<NAME>(Box());
};
template <class R, Name NAME>
concept Totals = requires(R rows) {
  rows.template total<NAME>(1U);
};

using ItemRows = Rows<ITEMS>;

static_assert(Scans<ItemRows, Equal<&Item::region>>);
static_assert(!Scans<ItemRows, Equal<&Item::id>>, "not the first field of a key");
static_assert(!Scans<ItemRows, Equal<&Item::pos>>, "a position is found within a box");
static_assert(!Scans<ItemRows, Range<&Item::kind>, Range<&Item::level>>, "two ranges");
static_assert(!Scans<ItemRows, Range<&Item::kind>, Equal<&Item::level>>, "an equality behind a range");
static_assert(!Scans<ItemRows, Equal<&Item::kind>, Equal<&Item::region>>, "no index has both");
static_assert(!Scans<ItemRows, Along<"of_kind">>, "an aggregate has no records");
static_assert(!Scans<ItemRows, Along<"nothing">>);
static_assert(!Scans<ItemRows, Along<"level">, Equal<&Item::kind>>, "that index does not begin with it");
static_assert(!PutsBlindly<ItemRows>, "its indexes need the old record");
static_assert(PutsBlindly<Rows<PLAIN>>, "these do not");
static_assert(GetsBy<ItemRows, "name">);
static_assert(!GetsBy<ItemRows, "level">, "not unique");
static_assert(Within<ItemRows, "pos">);
static_assert(!Within<ItemRows, "name">);
static_assert(Totals<ItemRows, "of_kind">);
static_assert(!Totals<ItemRows, "changes">);
static_assert(!Totals<Rows<PLAIN>, "kind">, "a maximum is no total");
static_assert(!Storable<Item*> && !Storable<Item> && Storable<std::vector<std::optional<Vec3>>>);
static_assert(!Keyable<Vec3> && !Keyable<std::vector<int>> && Keyable<std::optional<std::string>>);

Description old_description() {
  Description d = describe(ITEMS);
  d.dropped.clear();
  return d;
}

TEST(Descriptions, RoundTripAndRefuseDamage) {
  Description d = old_description();
  d.retired = {7, 9};
  const std::string bytes = write_description(d);
  const auto back = read_description(bytes);
  ASSERT_TRUE(back.has_value()) << back.error().text;
  EXPECT_TRUE(*back == d);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(read_description(bytes.substr(0, n)).has_value());
  EXPECT_FALSE(read_description(bytes + '\0').has_value());
  EXPECT_FALSE(read_description("\x02" + bytes.substr(1)).has_value()) << "a newer format";
}

// What check_evolution says of a stored table and a schema that `change` makes of it, as the next version.
template <class F>
Result<Evolution> evolved(F change) {
  Description ours = old_description();
  ours.version = 2;
  change(ours);
  return check_evolution("item", old_description(), ours);
}
void expect_refused(const Result<Evolution>& evolution, const std::string& word) {
  ASSERT_FALSE(evolution.has_value()) << word;
  EXPECT_NE(evolution.error().text.find(word), std::string::npos) << evolution.error().text;
}

TEST(Evolution, AddsFieldsAndIndexesAndRemembersThoseThatAreGone) {
  const auto grown = evolved([](Description& d) {
    d.fields.push_back({7, "text"});
    d.indexes.push_back({"seven", IndexKind::VALUE, {7}, {}, 0});
    std::erase_if(d.fields, [](const auto& f) { return f.id == 6; });
    std::erase_if(d.indexes, [](const auto& i) { return i.name == "pos"; });
    d.dropped = {"pos"};
  });
  ASSERT_TRUE(grown.has_value()) << grown.error().text;
  EXPECT_TRUE(grown->changes);
  ASSERT_EQ(grown->added.size(), 1U);
  EXPECT_EQ(grown->added[0].name, "seven");
  ASSERT_EQ(grown->removed.size(), 1U);
  EXPECT_EQ(grown->removed[0].name, "pos");
  EXPECT_EQ(grown->merged.retired, (std::vector<std::uint32_t>{6}));

  Description again = grown->merged;
  again.version = 3;
  again.retired.clear();
  again.fields.push_back({6, "u32"});
  expect_refused(check_evolution("item", grown->merged, again), "field id 6 was used");
}

TEST(Evolution, NumbersGrowInWidthAndFieldsBecomeOptional) {
  const auto wider = evolved([](Description& d) {
    d.fields[2].type = "u64";
    d.fields[5].type = "optional(group)";
    std::erase_if(d.indexes, [](const auto& i) { return i.name == "pos"; });
    d.dropped = {"pos"};
  });
  EXPECT_TRUE(wider.has_value()) << wider.error().text;
}

TEST(Evolution, RefusesWhatWouldReadOldRecordsWronglyAndSaysWhatToDo) {
  expect_refused(evolved([](Description& d) { d.fields[2].type = "text"; }), "field 3 is stored as u32");
  expect_refused(evolved([](Description& d) { d.fields[0].type = "u32"; }), "cannot be read as u32");
  expect_refused(evolved([](Description& d) { d.fields[2].type = "i32"; }), "give the new type a new id");
  expect_refused(evolved([](Description& d) { d.fields[2].type = "optional(u32)"; }),
                 "cannot become optional");
  expect_refused(evolved([](Description& d) { std::swap(d.key[0], d.key[1]); }), "primary key");
  expect_refused(evolved([](Description& d) { d.indexes.pop_back(); }), "dropped<\"changes\">");
  expect_refused(evolved([](Description& d) { d.indexes[0].keyed = {3}; }), "give it a new name");
  expect_refused(evolved([](Description& d) { d.indexes[3].parameter = 64'000; }), "give it a new name");
  expect_refused(evolved([](Description& d) { std::erase_if(d.fields, [](auto& f) { return f.id == 5; }); }),
                 "an index names it");
  expect_refused(evolved([](Description& d) {
                   d.version = 1;
                   d.fields.push_back({7, "u8"});
                 }),
                 "give it the next version");
  Description chunked = old_description();
  chunked.chunked = true;
  Description ours = old_description();
  ours.version = 2;
  expect_refused(check_evolution("item", chunked, ours), "chunked()");
}

// A cluster is upgraded node by node: the older program works on as long as it does no harm.
TEST(Evolution, AnOlderProgramMayGoOnIfOnlyFieldsWereAdded) {
  Description newer = old_description();
  newer.version = 2;
  newer.fields.push_back({7, "text"});
  const auto fine = check_evolution("item", newer, old_description());
  ASSERT_TRUE(fine.has_value()) << fine.error().text;
  EXPECT_FALSE(fine->changes);
  newer.indexes.push_back({"seven", IndexKind::VALUE, {7}, {}, 0});
  expect_refused(check_evolution("item", newer, old_description()), "other indexes");
  newer = old_description();
  newer.version = 2;
  newer.fields[2].type = "u64";
  EXPECT_TRUE(check_evolution("item", newer, old_description()).has_value())
      << "a number that does not fit is told when it is read";
}

}  // namespace
}  // namespace everframe::store::records
