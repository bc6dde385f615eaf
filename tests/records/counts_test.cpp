// What each call of the records layer costs, in calls of the engine, to the last one. What would break these:
// a read that was not there before, a write of what has not changed. With FoundationDB each read is a round
// trip.
#include "thing.h"
#include "wrapped_api.h"

namespace everframe::store::records {
namespace {

class Counted : public RecordsTest {
 protected:
  Counted() {
    // Some records, and one use of the table, after which its states are cached.
    EXPECT_TRUE(in_rows<bool>([](ThingRows rows) -> Task<Result<bool>> {
                  for (std::uint64_t id = 0; id < 10; ++id) {
                    const auto written = co_await rows.insert(some_thing(1, id));
                    if (!written) co_return tl::unexpected<Error>(written.error());
                  }
                  co_return true;
                }).has_value());
    (void)calls_of([](ThingRows) -> Task<Result<bool>> { co_return true; });
  }

  // The calls of one transaction, its commit left out.
  Calls calls_of(Function<Task<Result<bool>>(ThingRows)> body) {
    wrapper.take();
    const auto done = in_table<bool, THINGS>(*counted_, things_, std::move(body));
    EXPECT_TRUE(done.has_value()) << done.error().text;
    Calls calls = wrapper.take();
    EXPECT_EQ(std::exchange(calls.commits, 0), 1);
    return calls;
  }
  static Calls reads(int gets, int ranges = 0) {
    Calls out;
    out.metadata_gets = 1;
    out.conflict_ranges = 1;  // with this table's changes
    out.gets = gets;
    out.ranges = ranges;
    return out;
  }

  std::unique_ptr<Database> counted_ = open(wrapped::api());
};

TEST_F(Counted, ATableInSteadyStateCostsTheMetadataVersionOnly) {
  EXPECT_EQ(calls_of([](ThingRows) -> Task<Result<bool>> { co_return true; }), reads(0));
}

// The second stage: when anything else has changed, one read tells that this table has not.
TEST_F(Counted, AChangeOfOtherTablesCostsOneRead) {
  const Table<POSES> poses(Subspace(home_ + "w"));
  prepare(poses);
  const auto nothing = [](ThingRows) -> Task<Result<bool>> { co_return true; };
  Calls looked = reads(1);
  looked.conflict_ranges = 0;  // the read conflicts
  EXPECT_EQ(calls_of(nothing), looked);
  EXPECT_EQ(calls_of(nothing), reads(0));
}

TEST_F(Counted, ReadingARecordIsOneRead) {
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              const KeyOf<THINGS> key{1, 4};
              co_return (co_await rows.get(key)).value().has_value();
            }),
            reads(1));
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              std::vector<KeyOf<THINGS>> keys{{1, 1}, {1, 2}, {1, 99}};
              co_return (co_await rows.get_many(std::move(keys))).value().size() == 3;
            }),
            reads(3));
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              const std::string name = "thing 1/4";
              co_return (co_await rows.get_by<"name">(name)).value().has_value();
            }),
            reads(2));
}

TEST_F(Counted, AnInsertReadsTheRowAndTheOwnersOfUniqueEntriesAndWritesEachKeyOnce) {
  Calls expected = reads(2);  // the row, and who has the name; there is no note
  expected.sets = 5;          // row, kind, hp, name, pos
  expected.atomics = 7;       // of_kind, all, hp_of_kind, hp_max, hp_min, a feed's line and count
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              co_return (co_await rows.insert(some_thing(1, 20))).value().outcome == WriteOutcome::DONE;
            }),
            expected);
}

TEST_F(Counted, AnUpsertWritesOnlyWhatHasChanged) {
  Calls expected = reads(2);
  expected.sets = 3;     // row, and the entries of kind and hp with another hp
  expected.clears = 2;   // the old ones
  expected.atomics = 7;  // hp_of_kind minus, compare-and-clear, plus; hp_max, hp_min; the feed's two
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              Thing thing = some_thing(1, 4);
              thing.hp += 50;
              co_return (co_await rows.upsert(thing)).value().outcome == WriteOutcome::DONE;
            }),
            expected);
  Calls same = reads(2);
  same.sets = 1;     // the row
  same.atomics = 2;  // the feed's two
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              Thing thing = some_thing(1, 4);
              thing.hp += 50;
              co_return (co_await rows.upsert(thing)).value().outcome == WriteOutcome::DONE;
            }),
            same);
}

TEST_F(Counted, AChangeOfSomeFieldsReadsTheRowAndThenWhatMayBeTaken) {
  Calls expected = reads(2);
  expected.sets = 3;  // row, kind and hp
  expected.clears = 2;
  expected.atomics = 7;
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              const KeyOf<THINGS> key{1, 4};
              co_return (co_await rows.update(key, [](Thing& thing) { thing.hp += 50; })).has_value();
            }),
            expected);
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              Thing thing = some_thing(1, 5);
              thing.hp += 50;
              thing.kind += 1;  // is not written
              co_return (co_await rows.upsert_only<&Thing::hp>(thing)).has_value();
            }),
            expected);
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              const KeyOf<THINGS> key{1, 99};
              const auto none = co_await rows.update(key, [](Thing&) {});
              co_return none.value().outcome == WriteOutcome::ABSENT;
            }),
            reads(1));
}

TEST_F(Counted, AnEraseIsOneRead) {
  Calls expected = reads(1);
  expected.clears = 5;
  expected.atomics = 8;  // count, all, sum: minus and compare-and-clear each; the feed's two
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              const KeyOf<THINGS> key{1, 4};
              co_return (co_await rows.erase(key)).value().outcome == WriteOutcome::DONE;
            }),
            expected);
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              const KeyOf<THINGS> key{1, 4};
              co_return (co_await rows.erase(key)).value().outcome == WriteOutcome::ABSENT;
            }),
            reads(1));
}

TEST_F(Counted, AWriteThatIsRefusedWritesNothing) {
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              co_return (co_await rows.insert(some_thing(1, 4))).value().outcome == WriteOutcome::EXISTS;
            }),
            reads(2));
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              Thing thing = some_thing(1, 50);
              thing.name = "thing 1/3";
              const auto written = co_await rows.insert(thing);
              co_return written.value().outcome == WriteOutcome::TAKEN && written->index == "name";
            }),
            reads(2));
}

TEST_F(Counted, AScanIsOneRangeReadAndARecordEachUnlessTheIndexCovers) {
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              auto cursor = rows.scan(eq<&Thing::region>(1));
              co_return (co_await cursor.rest()).value().size() == 10;
            }),
            reads(0, 1));
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              auto cursor = rows.scan(eq<&Thing::kind>(0));
              co_return (co_await cursor.rest()).value().size() == 4;
            }),
            reads(4, 1));
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              auto cursor = rows.scan_covered({}, eq<&Thing::kind>(0));
              const auto found = co_await cursor.rest();
              co_return found.value().size() == 4 && found->front().name == "thing 1/0";
            }),
            reads(0, 1));
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              co_return (co_await rows.last(along<"hp">())).value().has_value();
            }),
            reads(1, 1));
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              co_return (co_await rows.total<"of_kind">(0U)).value() == 4;
            }),
            reads(1));
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              const Box box{0, 0, 900, 999};
              co_return (co_await rows.within<"pos">(box)).value().size() == 2;
            }),
            reads(2, 1));
}

// All ask for their first page before the first is awaited.
TEST_F(Counted, InAndOrAreARangeReadEachAndAllAskedAtOnce) {
  Calls first = reads(4, 3);  // and the records of the first scan
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              ScanOptions one_page;
              one_page.page_rows = 4;
              one_page.prefetch = false;
              auto any = rows.scan_in<&Thing::kind>(one_page, {0, 1, 2, 1});
              co_return (co_await any.next()).value().has_value();
            }),
            first);
  EXPECT_EQ(calls_of([](ThingRows rows) -> Task<Result<bool>> {
              auto both = either(rows.scan(eq<&Thing::region>(1), below<&Thing::id>(3)),
                                 rows.scan(eq<&Thing::region>(1), at_least<&Thing::id>(8)));
              co_return (co_await both.rest()).value().size() == 5;
            }),
            reads(0, 2));
}

TEST_F(Counted, ABlindPutReadsNothing) {
  const Table<POSES> poses(Subspace(home_ + "w"));
  prepare(poses);
  const auto put = [](Rows<POSES> rows) -> Task<Result<bool>> {
    for (std::uint64_t id = 0; id < 100; ++id) {
      const Pose pose{id, {1, 2, 3}};
      EXPECT_TRUE((rows.put_blind(pose)).has_value());
    }
    co_return true;
  };
  EXPECT_TRUE((in_table<bool, POSES>(*counted_, poses, put)).has_value());
  wrapper.take();
  EXPECT_TRUE((in_table<bool, POSES>(*counted_, poses, put)).has_value());
  Calls expected = reads(0);
  expected.sets = 100;
  expected.commits = 1;
  EXPECT_EQ(wrapper.take(), expected);
}

}  // namespace
}  // namespace everframe::store::records
