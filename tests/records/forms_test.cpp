// Ways to write some fields, and to read by IN and OR; what a transaction on a table conflicts with. What
// would break these: a field that is written though it was not named, a record that OR gives twice, a
// transaction that fails because of somebody else's table.
#include <algorithm>

#include "thing.h"

namespace everframe::store::records {
namespace {

struct NoKey {
  static constexpr std::uint64_t VERSION = 1;
  static std::vector<std::tuple<std::uint32_t>> entries(const Thing&) { return {}; }
};
struct OtherRecord {
  using Key = std::tuple<std::uint32_t>;
  static constexpr std::uint64_t VERSION = 1;
  static std::vector<Key> entries(const Pose&) { return {}; }
};
struct NotKeyable {
  using Key = std::tuple<Vec3>;
  static constexpr std::uint64_t VERSION = 1;
  static std::vector<Key> entries(const Thing&) { return {}; }
};
template <class R, auto... MEMBERS>
concept UpsertsOnly = requires(R rows, Thing thing) {
  rows.template upsert_only<MEMBERS...>(thing);
  rows.template upsert_except<MEMBERS...>(thing);
};
template <class R, auto MEMBER, class... Terms>
concept ScansIn = requires(R rows, Terms... terms) {
  rows.template scan_in<MEMBER>(ScanOptions(), {}, terms...);
};
template <class R, Name NAME, class... V>
concept ScansCustom = requires(R rows, V... values) {
  rows.template scan_custom<NAME>(ScanOptions(), values...);
};

static_assert(Indexer<ByTag, Thing>);
static_assert(!Indexer<NoKey, Thing>, "it does not say what its entries are");
static_assert(!Indexer<OtherRecord, Thing>, "it makes entries of other records");
static_assert(!Indexer<NotKeyable, Thing>, "a position is no element of a key");
static_assert(UpsertsOnly<ThingRows, &Thing::hp, &Thing::name>);
static_assert(!UpsertsOnly<ThingRows>, "no field");
static_assert(!UpsertsOnly<ThingRows, &Thing::hp, &Thing::id>, "the key is what says which record");
static_assert(!UpsertsOnly<ThingRows, &Pose::at>, "another record's");
static_assert(ScansIn<ThingRows, &Thing::kind>);
static_assert(ScansIn<ThingRows, &Thing::kind, Range<&Thing::hp>>);
static_assert(!ScansIn<ThingRows, &Thing::tags>, "no index begins with it");
static_assert(!ScansIn<ThingRows, &Thing::kind, Equal<&Thing::region>>, "no index has both");
static_assert(ScansCustom<ThingRows, "tag", std::uint32_t, std::uint32_t>);
static_assert(!ScansCustom<ThingRows, "tag", std::uint32_t, std::uint32_t, std::uint32_t>, "too many");
static_assert(!ScansCustom<ThingRows, "tag", std::string>, "its entries begin with a number");
static_assert(!ScansCustom<ThingRows, "kind", std::uint32_t>, "no custom index");

class FormsTest : public RecordsTest {
 protected:
  FormsTest() {
    EXPECT_TRUE(in_rows<bool>([](ThingRows rows) -> Task<Result<bool>> {
                  for (std::uint64_t id = 0; id < 20; ++id) {
                    const auto written = co_await rows.insert(some_thing(1, id));
                    if (!written) co_return tl::unexpected<Error>(written.error());
                  }
                  co_return true;
                }).has_value());
  }
  Thing thing(std::uint64_t id) {
    return *in_rows<std::optional<Thing>>([id](ThingRows rows) {
              const KeyOf<THINGS> key{1, id};
              return rows.get(key);
            }).value();
  }
  WriteOutcome outcome(Function<Task<Result<Written>>(ThingRows)> body) {
    return in_rows<Written>(std::move(body)).value().outcome;
  }
  std::vector<std::uint64_t> ids(Function<Either<THINGS>(ThingRows)> query) {
    return in_rows<std::vector<std::uint64_t>>(
               [&](ThingRows rows) -> Task<Result<std::vector<std::uint64_t>>> {
                 auto scans = query(rows);
                 const auto found = co_await scans.rest();
                 if (!found) co_return tl::unexpected<Error>(found.error());
                 std::vector<std::uint64_t> out;
                 for (const Thing& one : *found) out.push_back(one.id);
                 co_return out;
               })
        .value();
  }
  bool finished_ = false;  // what runs beside a transaction
};

TEST_F(FormsTest, ReplaceAndUpdateWantARecordThatIsThere) {
  const Thing absent = some_thing(1, 99);
  EXPECT_EQ(outcome([&](ThingRows rows) { return rows.replace(absent); }), WriteOutcome::ABSENT);
  EXPECT_EQ(outcome([](ThingRows rows) {
              const KeyOf<THINGS> key{1, 99};
              return rows.update(key, [](Thing& one) { one.hp = 1; });
            }),
            WriteOutcome::ABSENT);
  Thing changed = some_thing(1, 3);
  changed.hp = 77;
  EXPECT_EQ(outcome([&](ThingRows rows) { return rows.replace(changed); }), WriteOutcome::DONE);
  EXPECT_EQ(thing(3), changed);
  EXPECT_EQ(outcome([](ThingRows rows) {
              const KeyOf<THINGS> key{1, 3};
              return rows.update(key, [](Thing& one) {
                one.hp += 1;
                one.id = 4;  // the key stays
              });
            }),
            WriteOutcome::DONE);
  changed.hp = 78;
  EXPECT_EQ(thing(3), changed);
  EXPECT_EQ(thing(4), some_thing(1, 4));
  EXPECT_EQ(outcome([](ThingRows rows) {
              const KeyOf<THINGS> key{1, 3};
              return rows.update(key, [](Thing& one) { one.name = "thing 1/4"; });
            }),
            WriteOutcome::TAKEN);
}

TEST_F(FormsTest, AnUpsertOfSomeFieldsLeavesTheOthers) {
  Thing given = some_thing(1, 5);
  given.hp = 500;
  given.name = "given";
  given.kind = 9;
  Thing expected = some_thing(1, 5);
  expected.hp = 500;
  EXPECT_EQ(outcome([&](ThingRows rows) { return rows.upsert_only<&Thing::hp>(given); }), WriteOutcome::DONE);
  EXPECT_EQ(thing(5), expected);
  EXPECT_EQ(outcome([&](ThingRows rows) { return rows.upsert_except<&Thing::name>(given); }),
            WriteOutcome::DONE);
  expected.kind = 9;
  EXPECT_EQ(thing(5), expected);
  EXPECT_EQ(ids([](ThingRows rows) { return either(rows.scan(eq<&Thing::kind>(9))); }),
            (std::vector<std::uint64_t>{5}));
  Thing fresh = some_thing(1, 50);
  EXPECT_EQ(outcome([&](ThingRows rows) { return rows.upsert_only<&Thing::hp>(fresh); }), WriteOutcome::DONE);
  EXPECT_EQ(thing(50), fresh) << "where there is none it is an insert";
}

TEST_F(FormsTest, InGivesTheRecordsOfEachValueOnce) {
  const auto all = ids([](ThingRows rows) { return rows.scan_in<&Thing::kind>({}, {2, 0, 2}); });
  std::vector<std::uint64_t> expected;
  for (const std::uint64_t kind : {2, 0}) {
    for (std::uint64_t id = 0; id < 20; ++id) {
      if (id % 3 == kind) expected.push_back(id);
    }
  }
  std::vector<std::uint64_t> sorted = all;
  std::sort(sorted.begin(), sorted.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(sorted, expected);
  EXPECT_EQ(all.front() % 3, 2U) << "in the order of the values";
  const auto some = ids([](ThingRows rows) {
    return rows.scan_in<&Thing::kind>({}, {0, 1}, at_least<&Thing::hp>(3));
  });
  EXPECT_EQ(some, (std::vector<std::uint64_t>{6, 13}));
  EXPECT_TRUE(ids([](ThingRows rows) { return rows.scan_in<&Thing::kind>({}, {}); }).empty());
}

TEST_F(FormsTest, OrGivesARecordThatBothFindOnce) {
  const auto found = ids([](ThingRows rows) {
    return either(rows.scan(eq<&Thing::kind>(1), at_least<&Thing::hp>(2)), rows.scan(at_least<&Thing::hp>(3)),
                  rows.scan(eq<&Thing::region>(1), below<&Thing::id>(2)));
  });
  std::vector<std::uint64_t> sorted = found;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end()) << "given twice";
  std::vector<std::uint64_t> expected;
  for (std::uint64_t id = 0; id < 20; ++id) {
    const Thing one = some_thing(1, id);
    if ((one.kind == 1 && one.hp >= 2) || one.hp >= 3 || id < 2) expected.push_back(id);
  }
  EXPECT_EQ(sorted, expected);
}

TEST_F(FormsTest, TooManyScansAtOnceAreRefused) {
  const auto refused = in_rows<bool>([](ThingRows rows) -> Task<Result<bool>> {
    std::vector<std::uint32_t> values(Either<THINGS>::SCANS_MAX + 1);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint32_t>(i);
    auto scans = rows.scan_in<&Thing::kind>({}, std::move(values));
    const auto first = co_await scans.next();
    if (!first) co_return tl::unexpected<Error>(first.error());
    co_return true;
  });
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("at most 100"), std::string::npos) << refused.error().text;
}

// The two stages of the cache, seen from a transaction that runs meanwhile.
TEST_F(FormsTest, ATransactionConflictsWithChangesOfItsOwnTableAndNoOther) {
  Directories directories(9, sandbox_directories());
  const Table<POSES> poses(Subspace(home_ + "w"));
  const auto attempt = [&](Function<void()> meanwhile) {
    return run<int>([&]() -> Task<int> {
      Transaction t = database_->begin(executor_);
      const auto rows = co_await things_.in(t);
      EXPECT_TRUE(rows.has_value());
      EXPECT_TRUE((co_await rows->upsert(some_thing(2, 1))).has_value());
      meanwhile();
      while (!finished_) co_await executor_.sleep(1ms);
      const auto committed = co_await t.commit();
      co_return committed ? 0 : committed.error().code;
    });
  };
  const auto beside = [&](Function<Task<bool>()> work) {
    finished_ = false;
    auto held = std::make_shared<Function<Task<bool>()>>(std::move(work));
    const auto all = [](std::shared_ptr<Function<Task<bool>()>> body, bool* finished) -> Task<> {
      EXPECT_TRUE(co_await (*body)());
      *finished = true;
    };
    spawn(all(held, &finished_), [](std::exception_ptr) {});
  };
  EXPECT_EQ(attempt([&] {
              beside([&]() -> Task<bool> {
                co_return (co_await poses.prepare(*database_, executor_)).has_value();
              });
            }),
            0);
  EXPECT_EQ(attempt([&] {
              beside([&]() -> Task<bool> {
                Function<Task<Result<Directory>>(Transaction&)> body = [&](Transaction& t) {
                  return directories.create(t, {"somewhere"});
                };
                co_return (co_await database_->run<Directory>(executor_, std::move(body))).has_value();
              });
            }),
            0);
  EXPECT_EQ(attempt([&] {
              beside([&]() -> Task<bool> {
                IndexBuild build = things_.build<"hp">(*database_, executor_, 5);
                co_return (co_await build.disable()).has_value();
              });
            }),
            NOT_COMMITTED);
}

}  // namespace
}  // namespace everframe::store::records
