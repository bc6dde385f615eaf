// Tables over the embedded engine, in memory. What would break these: an index that lags behind its records,
// a record that comes back otherwise than it was written, an outcome that is told and not done.
#include "thing.h"

namespace everframe::store::records {
namespace {

TEST_F(RecordsTest, ARecordComesBackAsItWasWritten) {
  Thing thing = some_thing(1, 2);
  thing.note = "a note";
  thing.tags = {3, 1, 4};
  thing.pos = {-5, 6, 7};
  const auto found = in_rows<std::optional<Thing>>([&](ThingRows rows) -> Task<Result<std::optional<Thing>>> {
    const auto written = co_await rows.insert(thing);
    if (!written) co_return tl::unexpected<Error>(written.error());
    EXPECT_TRUE(*written);
    const KeyOf<THINGS> key{1, 2};
    co_return co_await rows.get(key);
  });
  ASSERT_TRUE(found.has_value()) << found.error().text;
  EXPECT_EQ(*found, thing);
}

TEST_F(RecordsTest, OutcomesSayWhatWasDone) {
  const auto done = in_rows<bool>([](ThingRows rows) -> Task<Result<bool>> {
    Thing thing = some_thing(1, 1);
    EXPECT_EQ((co_await rows.insert(thing)).value().outcome, WriteOutcome::DONE);
    EXPECT_EQ((co_await rows.insert(thing)).value().outcome, WriteOutcome::EXISTS);
    Thing other = some_thing(1, 2);
    other.name = thing.name;
    const auto taken = co_await rows.upsert(other);
    EXPECT_EQ(taken.value().outcome, WriteOutcome::TAKEN);
    EXPECT_EQ(taken->index, "name");
    other.name = "its own";
    thing.note = "unique too";
    EXPECT_TRUE((co_await rows.upsert(thing)).value());
    other.note = thing.note;
    EXPECT_EQ((co_await rows.upsert(other)).value().index, "note");
    other.note.reset();
    EXPECT_TRUE((co_await rows.upsert(other)).value());
    Thing third = some_thing(1, 3);
    EXPECT_TRUE((co_await rows.insert(third)).value()) << "several without a note";
    const KeyOf<THINGS> first{1, 1};
    EXPECT_TRUE((co_await rows.erase(first)).value());
    EXPECT_EQ((co_await rows.erase(first)).value().outcome, WriteOutcome::ABSENT);
    third.name = thing.name;
    EXPECT_TRUE((co_await rows.upsert(third)).value()) << "the name is free again";
    co_return true;
  });
  ASSERT_TRUE(done.has_value()) << done.error().text;
}

TEST_F(RecordsTest, ACustomIndexHasAnEntryForEachThingItsIndexerSays) {
  const auto done = in_rows<bool>([](ThingRows rows) -> Task<Result<bool>> {
    const auto ids_with = [](ThingRows in, std::uint32_t tag) -> Task<std::vector<std::uint64_t>> {
      auto cursor = in.scan_custom<"tag">({}, tag);
      const auto found = co_await cursor.rest();
      std::vector<std::uint64_t> ids;
      for (const Thing& thing : found.value()) ids.push_back(thing.id);
      co_return ids;
    };
    Thing thing = some_thing(1, 1);
    thing.tags = {5, 6, 5};
    EXPECT_TRUE((co_await rows.insert(thing)).value());
    Thing other = some_thing(1, 2);
    other.tags = {6};
    EXPECT_TRUE((co_await rows.insert(other)).value());
    std::vector<std::vector<std::uint64_t>> seen;
    for (const std::uint32_t tag : {5U, 6U}) seen.push_back(co_await ids_with(rows, tag));
    thing.tags = {7};
    EXPECT_TRUE((co_await rows.upsert(thing)).value());
    for (const std::uint32_t tag : {5U, 7U}) seen.push_back(co_await ids_with(rows, tag));
    EXPECT_EQ(seen, (std::vector<std::vector<std::uint64_t>>{{1}, {1, 2}, {}, {1}}));
    co_return true;
  });
  ASSERT_TRUE(done.has_value()) << done.error().text;
}

// Two at once that want the same name: one of them is told that it is taken.
TEST_F(RecordsTest, AUniqueIndexHoldsAgainstTransactionsAtTheSameTime) {
  const auto outcomes = run<std::vector<WriteOutcome>>([this]() -> Task<std::vector<WriteOutcome>> {
    std::vector<WriteOutcome> out;
    Transaction first = database_->begin(executor_);
    Transaction second = database_->begin(executor_);
    Thing a = some_thing(1, 1);
    Thing b = some_thing(1, 2);
    b.name = a.name;
    const auto first_rows = co_await things_.in(first);
    const auto second_rows = co_await things_.in(second);
    out.push_back((co_await first_rows->insert(a)).value().outcome);
    out.push_back((co_await second_rows->insert(b)).value().outcome);
    EXPECT_TRUE((co_await first.commit()).has_value());
    const auto conflict = co_await second.commit();
    EXPECT_FALSE(conflict.has_value());
    if (conflict) co_return out;
    EXPECT_EQ(conflict.error().code, NOT_COMMITTED);
    EXPECT_TRUE((co_await second.on_error(conflict.error())).has_value());
    const auto again = co_await things_.in(second);
    out.push_back((co_await again->insert(b)).value().outcome);
    co_return out;
  });
  EXPECT_EQ(outcomes,
            (std::vector<WriteOutcome>{WriteOutcome::DONE, WriteOutcome::DONE, WriteOutcome::TAKEN}));
}

TEST_F(RecordsTest, BlindPutsOfTheSameRecordDoNotConflict) {
  const Table<POSES> poses(Subspace(home_ + "w"));
  prepare(poses);
  const auto both = run<bool>([&]() -> Task<bool> {
    Transaction first = database_->begin(executor_);
    Transaction second = database_->begin(executor_);
    const auto first_rows = co_await poses.in(first);
    const auto second_rows = co_await poses.in(second);
    const Pose here{7, {1, 1, 1}};
    const Pose there{7, {2, 2, 2}};
    EXPECT_TRUE((first_rows->put_blind(here)).has_value());
    EXPECT_TRUE((second_rows->put_blind(there)).has_value());
    const bool one = (co_await first.commit()).has_value();
    const bool two = (co_await second.commit()).has_value();
    co_return one&& two;
  });
  EXPECT_TRUE(both);
}

TEST_F(RecordsTest, WatchesEndWhenARecordOrAFeedChanges) {
  const auto done = run<bool>([this]() -> Task<bool> {
    Transaction watcher = database_->begin(executor_);
    const auto rows = co_await things_.in(watcher);
    const KeyOf<THINGS> key{1, 1};
    Watch record = rows->watch(key);
    Watch feed = rows->watch_changes<"changes">(std::uint64_t{1});
    EXPECT_TRUE((co_await watcher.commit()).has_value());
    Transaction writer = database_->begin(executor_);
    const auto writing = co_await things_.in(writer);
    EXPECT_TRUE((co_await writing->insert(some_thing(1, 1))).has_value());
    EXPECT_TRUE((co_await writer.commit()).has_value());
    EXPECT_TRUE((co_await record.changed()).has_value());
    EXPECT_TRUE((co_await feed.changed()).has_value());
    co_return true;
  });
  EXPECT_TRUE(done);
}

TEST_F(RecordsTest, AFeedIsReadOnFromWhereOneStandsAndCut) {
  for (std::uint64_t id = 0; id < 5; ++id) {
    ASSERT_TRUE(in_rows<bool>([id](ThingRows rows) -> Task<Result<bool>> {
                  const auto mine = co_await rows.insert(some_thing(1, id));
                  const auto other = co_await rows.insert(some_thing(2, id));
                  co_return mine.has_value() && other.has_value();
                }).has_value());
  }
  using Changes = std::vector<RecordChange<THINGS>>;
  const auto read = [this](std::optional<Versionstamp> after, std::size_t limit) {
    return in_rows<Changes>(
               [=](ThingRows rows) { return rows.changes<"changes">(after, limit, std::uint64_t{1}); })
        .value();
  };
  const Changes first = read(std::nullopt, 2);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[1].key, (KeyOf<THINGS>{1, 1}));
  const Changes rest = read(first[1].at, 0);
  ASSERT_EQ(rest.size(), 3U);
  EXPECT_EQ(rest[0].key, (KeyOf<THINGS>{1, 2}));
  ASSERT_TRUE(in_rows<bool>([&](ThingRows rows) -> Task<Result<bool>> {
                rows.trim<"changes">(rest[0].at, std::uint64_t{1});
                co_return true;
              }).has_value());
  EXPECT_EQ(read(std::nullopt, 0).size(), 2U);
}

TEST_F(RecordsTest, AnUnpreparedTableIsRefusedWithWhatToDo) {
  const Table<POSES> poses(Subspace(home_ + "elsewhere"));
  const auto refused =
      in_table<bool, POSES>(*database_, poses, [](Rows<POSES>) -> Task<Result<bool>> { co_return true; });
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("must be prepared"), std::string::npos) << refused.error().text;
}

struct Blob {
  std::uint64_t id = 0;
  Bytes data;
  bool operator==(const Blob&) const = default;
};
inline constexpr auto BLOBS = schema<Blob>("blob", 1, field<1>(&Blob::id), field<2>(&Blob::data),
                                           primary_key(&Blob::id), chunked(), checked());

Blob some_blob(std::uint64_t id, std::size_t size) {
  Blob blob{id, Bytes(size)};
  for (std::size_t i = 0; i < size; ++i) blob.data[i] = static_cast<std::uint8_t>(i * 31 + id);
  return blob;
}

TEST_F(RecordsTest, LargeRecordsAreSplitReadWholeScannedBothWaysAndLeaveNothingBehind) {
  const Table<BLOBS> blobs(Subspace(home_ + "w"));
  prepare(blobs);
  const std::vector<std::size_t> sizes{0, 10, 89'000, 95'000, 300'000, 5};
  ASSERT_TRUE((in_table<bool, BLOBS>(*database_, blobs, [&](Rows<BLOBS> rows) -> Task<Result<bool>> {
                for (std::size_t i = 0; i < sizes.size(); ++i) {
                  const auto written = co_await rows.upsert(some_blob(i, sizes[i]));
                  if (!written) co_return tl::unexpected<Error>(written.error());
                }
                co_return true;
              })).has_value());
  const auto checked = in_table<bool, BLOBS>(*database_, blobs, [&](Rows<BLOBS> rows) -> Task<Result<bool>> {
    for (const bool reverse : {false, true}) {
      for (const std::size_t page_rows : {1, 3, 256}) {
        ScanOptions options;
        options.reverse = reverse;
        options.page_rows = page_rows;
        auto cursor = rows.scan(options);
        const auto all = co_await cursor.rest();
        if (!all) co_return tl::unexpected<Error>(all.error());
        EXPECT_EQ(all->size(), sizes.size());
        for (std::size_t i = 0; i < all->size(); ++i) {
          const std::size_t id = reverse ? sizes.size() - 1 - i : i;
          EXPECT_TRUE((*all)[i] == some_blob(id, sizes[id])) << i;
        }
      }
    }
    // A smaller one in place of a large one, and none.
    EXPECT_TRUE((co_await rows.upsert(some_blob(4, 3))).value());
    const KeyOf<BLOBS> key{3};
    EXPECT_TRUE((co_await rows.erase(key)).value());
    EXPECT_TRUE((rows.put_blind(some_blob(2, 200'000))).has_value());
    EXPECT_TRUE((rows.put_blind(some_blob(2, 1))).has_value());
    co_return true;
  });
  ASSERT_TRUE(checked.has_value()) << checked.error().text;
  const auto raw_rows = in_transaction<KeyValues>(*database_, [&](Transaction& t) {
    return t.get_range(keys_starting_with(blobs.core().layout().rows()));
  });
  EXPECT_EQ(raw_rows.value().size(), 5U) << "no chunk is left";
}

TEST_F(RecordsTest, ADamagedRowIsAnErrorNotARecord) {
  const Table<BLOBS> blobs(Subspace(home_ + "w"));
  prepare(blobs);
  const auto read_after = [&](std::string value) {
    return in_table<std::optional<Blob>, BLOBS>(
        *database_, blobs, [&, value](Rows<BLOBS> rows) -> Task<Result<std::optional<Blob>>> {
          const KeyOf<BLOBS> key{1};
          co_return co_await rows.get(key);
        });
  };
  const std::string row_key = blobs.core().layout().row(pack({Integer(1)}));
  for (const std::string& value :
       {std::string(), std::string("\x01"), std::string("\x41zzzz\x01"), std::string("\x02")}) {
    ASSERT_TRUE(in_transaction<bool>(*database_, [&](Transaction& t) -> Task<Result<bool>> {
                  t.set(row_key, value);
                  co_return true;
                }).has_value());
    EXPECT_FALSE(read_after(value).has_value()) << value;
  }
}

}  // namespace
}  // namespace everframe::store::records
