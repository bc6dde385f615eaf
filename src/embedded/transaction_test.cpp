// The C functions against FoundationDB's documentation: what one transaction sees, what it may do, and what
// it is refused. Each test runs on its own memory: database.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "embedded/atomic_ops.h"
#include "embedded/table_client.h"

namespace everframe::embedded {
namespace {

// Goes as the test says, and a little by itself, as clocks do.
class TestClock final : public platform::Clock {
 public:
  Time now() const override {
    return Time(Duration(
        moved_.load() +
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()).count()));
  }
  WallMs wall() const override { return WallMs{0}; }
  void move(Duration by) { moved_ += by.count(); }

 private:
  std::atomic<std::int64_t> moved_{0};
};

class TransactionTest : public ::testing::Test {
 protected:
  TransactionTest() {
    configure({nullptr, &clock_, 1});
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    database_ = std::make_unique<TestDatabase>(std::string("memory:") + test->name());
    EXPECT_EQ(database_->error(), 0);
  }
  TestTransaction begin() { return database_->begin(); }
  void put(std::vector<Row> rows) {
    auto t = begin();
    for (const auto& [key, value] : rows) t.set(key, value);
    ASSERT_EQ(t.commit(), 0);
  }
  std::optional<std::string> stored(std::string_view key) { return *begin().read(key); }

  TestClock clock_;
  std::unique_ptr<TestDatabase> database_;
};

using Rows_ = std::vector<Row>;

TEST_F(TransactionTest, ReadsWhatEarlierTransactionsCommitted) {
  EXPECT_EQ(stored("a"), std::nullopt);
  put({{"a", "1"}, {"b", ""}});
  EXPECT_EQ(stored("a"), "1");
  EXPECT_EQ(stored("b"), "");
  EXPECT_EQ(stored("c"), std::nullopt);
}

TEST_F(TransactionTest, ReadsItsOwnWritesAndOnlyItsReadVersion) {
  put({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
  auto t = begin();
  EXPECT_EQ(*t.read("a"), "1");
  put({{"a", "later"}, {"e", "later"}});
  t.set("b", "mine");
  t.clear("c");
  t.atomic(2, "d", std::string("\x01", 1));
  EXPECT_EQ(*t.read("a"), "1");
  EXPECT_EQ(*t.read("b"), "mine");
  EXPECT_EQ(*t.read("c"), std::nullopt);
  EXPECT_EQ(*t.read("d"), "5");
  EXPECT_EQ(*t.read("e"), std::nullopt);
  EXPECT_EQ((*t.range("a", "z")).rows, (Rows_{{"a", "1"}, {"b", "mine"}, {"d", "5"}}));
  t.clear_range("a", "c");
  EXPECT_EQ((*t.range("", "\xff")).rows, (Rows_{{"d", "5"}}));
}

TEST_F(TransactionTest, SnapshotReadsSeeWritesUnlessToldNotTo) {
  put({{"a", "1"}});
  auto t = begin();
  t.set("a", "2");
  EXPECT_EQ(*t.read("a", true), "2");
  t.option(601);  // snapshot_ryw_disable
  EXPECT_EQ(*t.read("a", true), "1");
  EXPECT_EQ(*t.read("a", false), "2");
}

TEST_F(TransactionTest, WithReadYourWritesDisabledReadsSeeTheDatabase) {
  put({{"a", "1"}});
  auto t = begin();
  t.option(51);
  t.set("a", "2");
  EXPECT_EQ(*t.read("a"), "1");
  EXPECT_EQ(t.commit(), 0);
  EXPECT_EQ(stored("a"), "2");
  auto late = begin();
  late.set("a", "3");
  late.option(51);
  EXPECT_EQ(late.read("a").code, error::CLIENT_INVALID_OPERATION);
}

TEST_F(TransactionTest, SelectorsResolveOverDatabaseAndWrites) {
  put({{"a", ""}, {"c", ""}, {"e", ""}, {"g", ""}});
  auto t = begin();
  t.set("d", "");
  t.clear("e");  // a c d g
  EXPECT_EQ(*t.find(first_at("c")), "c");
  EXPECT_EQ(*t.find(first_after("c")), "d");
  EXPECT_EQ(*t.find(last_below("c")), "a");
  EXPECT_EQ(*t.find(last_at("c")), "c");
  EXPECT_EQ(*t.find(last_at("f")), "d");
  EXPECT_EQ(*t.find({"a", false, 4}), "g");
  EXPECT_EQ(*t.find({"a", false, 5}), "\xff");
  EXPECT_EQ(*t.find({"g", true, -2}), "c");
  EXPECT_EQ(*t.find({"g", true, -9}), "");
  EXPECT_EQ(*t.find(first_at("\xff")), "\xff");
  EXPECT_EQ(t.find(first_at("\xff\x01")).code, error::KEY_OUTSIDE_LEGAL_RANGE);
  EXPECT_EQ((*t.range({{"a", true, 1}, {"a", false, 4}})).rows, (Rows_{{"c", ""}, {"d", ""}}));
  EXPECT_EQ((*t.range({last_below("d"), first_after("d")})).rows, (Rows_{{"c", ""}, {"d", ""}}));
  EXPECT_TRUE((*t.range("c", "a")).rows.empty());
}

TEST_F(TransactionTest, RangesStopAtLimitsAndSaySo) {
  Rows_ all;
  for (int i = 0; i < 50; ++i) all.emplace_back("k" + std::to_string(100 + i), std::string(92, 'v'));
  put(all);  // 4 + 92 + 8 = 104 bytes a row
  auto t = begin();
  auto read = [&](TestRange r) { return *t.range(r); };
  const TestRange whole{first_at("k"), first_at("l")};
  TestRange r = whole;
  EXPECT_EQ(read(r).rows.size(), 50U);
  EXPECT_FALSE(read(r).more);
  r.limit = 7;
  EXPECT_EQ(read(r).rows, Rows_(all.begin(), all.begin() + 7));
  EXPECT_TRUE(read(r).more);
  r.reverse = true;
  EXPECT_EQ(read(r).rows, Rows_(all.rbegin(), all.rbegin() + 7));
  r.limit = 50;
  EXPECT_TRUE(read(r).more);  // FoundationDB's answer when the limit is met exactly
  r = whole;
  r.target_bytes = 300;
  EXPECT_EQ(read(r).rows.size(), 3U);
  r.target_bytes = 1;
  EXPECT_EQ(read(r).rows.size(), 1U);
  r = whole;
  r.mode = -1;
  r.iteration = 1;
  EXPECT_EQ(read(r).rows.size(), 40U);  // 4,096 bytes
  r.mode = 1;
  EXPECT_EQ(read(r).rows.size(), 3U);  // 256 bytes
  r.mode = 0;
  EXPECT_EQ(t.range(r).code, error::EXACT_MODE_WITHOUT_LIMITS);
  r.limit = 4;
  EXPECT_EQ(read(r).rows.size(), 4U);
  r.mode = -1;
  r.iteration = 0;
  EXPECT_EQ(t.range(r).code, error::CLIENT_INVALID_OPERATION);
  r.mode = 9;
  EXPECT_EQ(t.range(r).code, error::CLIENT_INVALID_OPERATION);
  r = whole;
  r.limit = -1;
  EXPECT_EQ(t.range(r).code, error::RANGE_LIMITS_INVALID);
}

TEST_F(TransactionTest, ConflictsWhenAReadKeyWasWrittenSince) {
  put({{"a", "1"}, {"b", "1"}});
  auto reader = begin();
  reader.read("a");
  reader.set("x", "");
  auto bystander = begin();
  bystander.read("b");
  bystander.set("y", "");
  auto snapshot = begin();
  snapshot.read("a", true);
  snapshot.set("z", "");
  auto blind = begin();
  blind.set("a", "blind");
  put({{"a", "2"}});
  EXPECT_EQ(reader.commit(), error::NOT_COMMITTED);
  EXPECT_EQ(bystander.commit(), 0);
  EXPECT_EQ(snapshot.commit(), 0);
  EXPECT_EQ(blind.commit(), 0);
  EXPECT_EQ(stored("x"), std::nullopt);
}

TEST_F(TransactionTest, ConflictsWithPhantoms) {
  auto reader = begin();
  EXPECT_TRUE((*reader.range("p", "q")).rows.empty());
  reader.set("x", "");
  put({{"p5", ""}});
  EXPECT_EQ(reader.commit(), error::NOT_COMMITTED);
}

TEST_F(TransactionTest, ALimitedRangeDependsOnlyOnWhatItPassed) {
  put({{"a", ""}, {"c", ""}, {"e", ""}});
  auto reader = begin();
  TestRange r{first_at("a"), first_at("z")};
  r.limit = 2;
  EXPECT_EQ((*reader.range(r)).rows.size(), 2U);
  reader.set("x", "");
  put({{"d", ""}});
  EXPECT_EQ(reader.commit(), 0);
  auto back = begin();
  r.reverse = true;
  EXPECT_EQ((*back.range(r)).rows, (Rows_{{"x", ""}, {"e", ""}}));
  back.set("w", "");
  put({{"d", "again"}});
  EXPECT_EQ(back.commit(), 0);
  auto hit = begin();
  EXPECT_EQ((*hit.range(r)).rows, (Rows_{{"x", ""}, {"w", ""}}));
  hit.set("w", "");
  put({{"w5", ""}});
  EXPECT_EQ(hit.commit(), error::NOT_COMMITTED);
}

TEST_F(TransactionTest, ReadingOwnSetKeysAddsNoConflictButAtomicOnUnreadDoes) {
  put({{"a", "1"}});
  auto own = begin();
  own.read_version();
  own.set("a", "2");
  own.read("a");
  auto dependent = begin();
  dependent.read_version();
  dependent.atomic(2, "a", "\x01");
  dependent.read("a");
  auto cleared = begin();
  cleared.read_version();
  cleared.clear_range("a", "b");
  cleared.range("a", "b");
  put({{"a", "other"}});
  EXPECT_EQ(own.commit(), 0);
  EXPECT_EQ(dependent.commit(), error::NOT_COMMITTED);
  EXPECT_EQ(cleared.commit(), 0);
}

TEST_F(TransactionTest, AddedConflictRangesCount) {
  auto reader = begin();
  reader.read_version();
  EXPECT_EQ(reader.add_conflict("a", "b", false), 0);
  reader.set("x", "");
  auto writer = begin();
  EXPECT_EQ(writer.add_conflict("a5", "a6", true), 0);
  EXPECT_EQ(writer.commit(), 0);
  EXPECT_GT(writer.committed_version(), 0);
  EXPECT_EQ(reader.commit(), error::NOT_COMMITTED);
  auto t = begin();
  EXPECT_EQ(t.add_conflict("b", "a", false), error::INVERTED_RANGE);
  EXPECT_EQ(t.add_conflict("b", "\xff\xff", true), 0);
  EXPECT_EQ(t.commit(), error::KEY_OUTSIDE_LEGAL_RANGE);
}

TEST_F(TransactionTest, AWriteMarkedWithoutConflictHurtsNobody) {
  auto reader = begin();
  reader.read("a");
  reader.set("x", "");
  auto writer = begin();
  writer.option(30);
  writer.set("a", "1");
  EXPECT_EQ(writer.commit(), 0);
  EXPECT_EQ(reader.commit(), 0);
}

TEST_F(TransactionTest, ATransactionWithoutWritesNeedsNoCommit) {
  put({{"a", "1"}});
  auto t = begin();
  t.read("a");
  put({{"a", "2"}});
  EXPECT_EQ(t.commit(), 0);
  EXPECT_EQ(t.committed_version(), -1);
}

TEST_F(TransactionTest, TooLargeThingsGetTheirCodes) {
  const std::string longest(KEY_BYTES_MAX, 'k');
  const std::string biggest(VALUE_BYTES_MAX, 'v');
  put({{longest, biggest}});
  EXPECT_EQ(stored(longest), biggest);
  auto key = begin();
  key.set(longest + "k", "");
  EXPECT_EQ(key.commit(), error::KEY_TOO_LARGE);
  auto value = begin();
  value.set("a", biggest + "v");
  EXPECT_EQ(value.commit(), error::VALUE_TOO_LARGE);
  auto read = begin();
  EXPECT_EQ(*read.read(longest + "k"), std::nullopt);
  auto large = begin();
  for (int i = 0; i < 101; ++i) large.set("k" + std::to_string(i), biggest);
  EXPECT_EQ(large.commit(), error::TRANSACTION_TOO_LARGE);
  auto limited = begin();
  limited.option(503, 100);
  limited.set("a", std::string(200, 'v'));
  EXPECT_EQ(limited.commit(), error::TRANSACTION_TOO_LARGE);
  auto badly = begin();
  EXPECT_EQ(badly.option(503, 31), 0);
  EXPECT_EQ(badly.commit(), error::INVALID_OPTION_VALUE);
  EXPECT_EQ(begin().option(12345), error::INVALID_OPTION);
}

TEST_F(TransactionTest, SystemKeysNeedAnOption) {
  auto t = begin();
  EXPECT_EQ(t.read("\xff/a").code, error::KEY_OUTSIDE_LEGAL_RANGE);
  t.set("\xff/a", "1");
  EXPECT_EQ(t.commit(), error::KEY_OUTSIDE_LEGAL_RANGE);
  auto open = begin();
  open.option(301);
  open.set("\xff/a", "1");
  EXPECT_EQ(*open.read("\xff/a"), "1");
  EXPECT_EQ(open.commit(), 0);
  auto reader = begin();
  reader.option(302);
  EXPECT_EQ((*reader.range("\xff", "\xff\xff")).rows, (Rows_{{"\xff/a", "1"}}));
  EXPECT_TRUE((*begin().range("", "\xff")).rows.empty());
}

TEST_F(TransactionTest, InvertedAndOutsideClearsAreRefused) {
  auto t = begin();
  t.clear_range("b", "a");
  EXPECT_EQ(t.commit(), error::INVERTED_RANGE);
  auto outside = begin();
  outside.clear_range("a", "\xff\x01");
  EXPECT_EQ(outside.commit(), error::KEY_OUTSIDE_LEGAL_RANGE);
}

TEST_F(TransactionTest, VersionstampsOrderCommitsAndAreReadableAfterwards) {
  auto t = begin();
  const std::string place("e/\0\0\0\0\0\0\0\0\0\0\x02\0\0\0", 16);
  t.atomic(14, place, "first");
  t.atomic(15, "v", std::string(10, '\0') + std::string("tail") + std::string(4, '\0'));
  EXPECT_EQ(t.read("v").code, error::ACCESSED_UNREADABLE);
  EXPECT_EQ(t.range("e/", "e0").code, error::ACCESSED_UNREADABLE);
  EXPECT_TRUE((*t.range("f", "g")).rows.empty());
  const auto stamp = t.versionstamp();
  EXPECT_FALSE(stamp.ready());
  ASSERT_EQ(t.commit(), 0);
  ASSERT_EQ(stamp.wait(), 0);
  const std::uint8_t* bytes = nullptr;
  int length = 0;
  ASSERT_EQ(api().future_get_key(stamp.get(), &bytes, &length), 0);
  const std::string got = text_of(bytes, length);
  EXPECT_EQ(got, versionstamp(t.committed_version(), 0));
  EXPECT_EQ(stored("e/" + got), "first");
  EXPECT_EQ(stored("v"), got + "tail");
  auto second = begin();
  second.atomic(14, place, "second");
  ASSERT_EQ(second.commit(), 0);
  const auto rows = (*begin().range("e/", "e0")).rows;
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].second, "second");
  auto bad = begin();
  bad.atomic(14, std::string("e/\0\0\0\0\0\0\0\0\0\0\x03\0\0\0", 16), "");
  EXPECT_EQ(bad.commit(), error::CLIENT_INVALID_OPERATION);
  auto read_only = begin();
  const auto none = read_only.versionstamp();
  EXPECT_EQ(read_only.commit(), 0);
  EXPECT_EQ(none.wait(), error::NO_COMMIT_VERSION);
}

TEST_F(TransactionTest, AStampedKeyIsAPhantomToItsReaders) {
  auto reader = begin();
  reader.range("e/", "e0");
  reader.set("x", "");
  auto writer = begin();
  writer.atomic(14, std::string("e/\0\0\0\0\0\0\0\0\0\0\x02\0\0\0", 16), "");
  ASSERT_EQ(writer.commit(), 0);
  EXPECT_EQ(reader.commit(), error::NOT_COMMITTED);
}

TEST_F(TransactionTest, MetadataVersionIsReadByAllAndWrittenByItsStampOnly) {
  auto t = begin();
  EXPECT_EQ(*t.read("\xff/metadataVersion"), std::nullopt);
  t.atomic(15, "\xff/metadataVersion", std::string(14, '\0'));
  ASSERT_EQ(t.commit(), 0);
  EXPECT_EQ(stored("\xff/metadataVersion"), versionstamp(t.committed_version(), 0));
  auto bad = begin();
  bad.set("\xff/metadataVersion", "x");
  EXPECT_EQ(bad.commit(), error::CLIENT_INVALID_OPERATION);
}

TEST_F(TransactionTest, WatchesFireOnAnotherValueOnly) {
  put({{"w", "1"}});
  auto t = begin();
  const auto watch = t.watch("w");
  const auto idle = t.watch("other");
  ASSERT_EQ(t.commit(), 0);
  put({{"w", "1"}});
  EXPECT_FALSE(watch.ready());
  put({{"w", "2"}});
  EXPECT_EQ(watch.wait(), 0);
  EXPECT_FALSE(idle.ready());
  auto clearer = begin();
  clearer.set("other", "now");
  ASSERT_EQ(clearer.commit(), 0);
  EXPECT_EQ(idle.wait(), 0);
}

TEST_F(TransactionTest, AWatchWaitsForWhatItsOwnTransactionLeft) {
  auto t = begin();
  t.set("w", "mine");
  const auto watch = t.watch("w");
  ASSERT_EQ(t.commit(), 0);
  EXPECT_FALSE(watch.ready());
  auto other = begin();
  other.clear_range("a", "z");
  ASSERT_EQ(other.commit(), 0);
  EXPECT_EQ(watch.wait(), 0);
}

TEST_F(TransactionTest, AWatchSetOnAnOldVersionFiresAtOnce) {
  put({{"w", "1"}});
  auto t = begin();
  const auto watch = t.watch("w");
  put({{"w", "2"}});
  ASSERT_EQ(t.commit(), 0);  // read-only: no conflict
  EXPECT_EQ(watch.wait(), 0);
}

TEST_F(TransactionTest, WatchesOfATransactionThatDoesNotCommitFail) {
  std::optional<TestFuture> orphan;
  {
    auto t = begin();
    orphan.emplace(t.watch("w"));
  }
  EXPECT_EQ(orphan->wait(), error::TRANSACTION_CANCELLED);
  auto loser = begin();
  loser.read("a");
  loser.set("b", "");
  const auto lost = loser.watch("w");
  put({{"a", "1"}});
  EXPECT_EQ(loser.commit(), error::NOT_COMMITTED);
  EXPECT_EQ(lost.wait(), error::NOT_COMMITTED);
  auto changed = begin();
  const auto own = changed.watch("w");
  changed.set("w", "now");
  EXPECT_EQ(own.wait(), 0);
}

TEST_F(TransactionTest, TheTenThousandAndFirstWatchIsRefused) {
  auto t = begin();
  std::vector<TestFuture> held;
  for (int i = 0; i < 10'000; ++i) held.push_back(t.watch("w" + std::to_string(i)));
  EXPECT_EQ(t.watch("one more").wait(), error::TOO_MANY_WATCHES);
  held.erase(held.begin(), held.begin() + 5'000);  // destroying cancels
  EXPECT_FALSE(t.watch("one more").ready());
}

TEST_F(TransactionTest, OldReadVersionsAreTooOldAndFutureOnesToo) {
  put({{"a", "1"}});
  auto t = begin();
  EXPECT_EQ(*t.read("a"), "1");
  t.set("b", "");
  auto writer = begin();
  writer.set("blind", "");
  clock_.move(6s);
  EXPECT_EQ(t.read("a").code, error::TRANSACTION_TOO_OLD);
  EXPECT_EQ(t.commit(), error::TRANSACTION_TOO_OLD);
  EXPECT_EQ(writer.commit(), 0);
  EXPECT_EQ(t.on_error(error::TRANSACTION_TOO_OLD), 0);
  EXPECT_EQ(*t.read("a"), "1");
  auto future = begin();
  const auto now = *begin().read_version();
  api().transaction_set_read_version(future.get(), now + 1'000'000'000);
  EXPECT_EQ(future.read("a").code, error::FUTURE_VERSION);
  auto bad = begin();
  api().transaction_set_read_version(bad.get(), 0);
  EXPECT_EQ(bad.read("a").code, error::VERSION_INVALID);
}

TEST_F(TransactionTest, VersionsNeverFallAndCommitsLieAboveEarlierReads) {
  std::int64_t last = 0;
  for (int i = 0; i < 100; ++i) {
    auto t = begin();
    const auto read = *t.read_version();
    EXPECT_GE(read, last);
    t.set("a", std::to_string(i));
    ASSERT_EQ(t.commit(), 0);
    EXPECT_GT(t.committed_version(), read);
    last = t.committed_version();
  }
}

TEST_F(TransactionTest, UseDuringOrAfterCommitIsRefusedUntilReset) {
  auto t = begin();
  t.set("a", "1");
  ASSERT_EQ(t.commit(), 0);
  EXPECT_EQ(t.read("a").code, error::USED_DURING_COMMIT);
  t.reset();
  EXPECT_EQ(*t.read("a"), "1");
}

TEST_F(TransactionTest, CancelledTransactionsSaySo) {
  auto t = begin();
  t.cancel();
  EXPECT_EQ(t.read("a").code, error::TRANSACTION_CANCELLED);
  EXPECT_EQ(t.commit(), error::TRANSACTION_CANCELLED);
  EXPECT_EQ(t.on_error(error::NOT_COMMITTED), error::TRANSACTION_CANCELLED);
  t.reset();
  EXPECT_EQ(*t.read("a"), std::nullopt);
}

TEST_F(TransactionTest, OnErrorRetriesWhatMayBeRetried) {
  auto t = begin();
  t.set("a", "1");
  EXPECT_EQ(t.on_error(error::NOT_COMMITTED), 0);
  EXPECT_EQ(*t.read("a"), std::nullopt);  // the attempt was forgotten
  EXPECT_EQ(t.on_error(error::COMMIT_UNKNOWN_RESULT), 0);
  t.option(501, 0);
  EXPECT_EQ(t.on_error(error::NOT_COMMITTED), error::NOT_COMMITTED);
  EXPECT_EQ(t.read("a").code, error::TRANSACTION_CANCELLED);
  auto fatal = begin();
  EXPECT_EQ(fatal.on_error(error::TRANSACTION_TOO_LARGE), error::TRANSACTION_TOO_LARGE);
}

TEST_F(TransactionTest, TimeoutsRunFromCreationAndSurviveOnError) {
  auto t = begin();
  t.option(500, 20);
  const auto stuck = t.watch("w");
  clock_.move(1s);
  auto late = begin();  // wakes the timers' thread
  late.set("x", "");
  ASSERT_EQ(late.commit(), 0);
  EXPECT_EQ(t.on_error(error::NOT_COMMITTED), error::TRANSACTION_TIMED_OUT);
  EXPECT_EQ(t.read("a").code, error::TRANSACTION_TIMED_OUT);
  t.reset();
  EXPECT_EQ(stuck.wait(), error::TRANSACTION_CANCELLED);
  EXPECT_EQ(*t.read("a"), std::nullopt);
}

TEST_F(TransactionTest, CallbacksRunOnceInlineOrLater) {
  struct Seen {
    std::atomic<int> calls{0};
  };
  const auto count = [](FDBFuture* future, void* parameter) {
    auto& seen = *static_cast<Seen*>(parameter);
    EXPECT_TRUE(api().future_is_ready(future));
    ++seen.calls;
  };
  auto t = begin();
  Seen inline_seen;
  const TestFuture ready(api().transaction_get(t.get(), raw_bytes("a"), 1, 0));
  ASSERT_TRUE(ready.ready());
  ASSERT_EQ(api().future_set_callback(ready.get(), count, &inline_seen), 0);
  EXPECT_EQ(inline_seen.calls, 1);
  Seen cancelled;
  {
    const auto pending = t.watch("w");
    ASSERT_EQ(api().future_set_callback(pending.get(), count, &cancelled), 0);
    EXPECT_EQ(cancelled.calls, 0);
    api().future_cancel(pending.get());
    EXPECT_EQ(cancelled.calls, 1);
    EXPECT_EQ(pending.wait(), error::OPERATION_CANCELLED);
  }
  EXPECT_EQ(cancelled.calls, 1);
}

TEST_F(TransactionTest, BlockingInACallbackOfTheCommitThreadIsRefused) {
  struct Seen {
    std::atomic<int> calls{0};
    std::atomic<fdb_error_t> code{-1};
    FDBFuture* never = nullptr;
  } seen;
  auto t = begin();
  const auto never = t.watch("never");
  const auto watch = t.watch("w");
  seen.never = never.get();
  ASSERT_EQ(t.commit(), 0);
  const auto block = [](FDBFuture*, void* parameter) {
    auto& told = *static_cast<Seen*>(parameter);
    told.code = api().future_block_until_ready(told.never);
    ++told.calls;
  };
  ASSERT_EQ(api().future_set_callback(watch.get(), block, &seen), 0);
  put({{"w", "changed"}});
  for (int i = 0; i < 10'000 && seen.calls == 0; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(seen.calls, 1);
  EXPECT_EQ(seen.code, error::BLOCKED_FROM_NETWORK_THREAD);
}

TEST_F(TransactionTest, ValuesOfTheWrongKindAndUnsetFuturesAreRefused) {
  auto t = begin();
  const TestFuture value(api().transaction_get(t.get(), raw_bytes("a"), 1, 0));
  std::int64_t number = 0;
  EXPECT_EQ(api().future_get_int64(value.get(), &number), error::CLIENT_INVALID_OPERATION);
  const auto watch = t.watch("w");
  EXPECT_EQ(api().future_get_error(watch.get()), error::FUTURE_NOT_SET);
}

TEST_F(TransactionTest, HandlesOfOneTargetShareOneDatabase) {
  put({{"a", "1"}});
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const TestDatabase again(std::string("memory:") + test->name());
  const TestDatabase other("memory:something else");
  EXPECT_EQ(*again.begin().read("a"), "1");
  EXPECT_EQ(*other.begin().read("a"), std::nullopt);
  const TestDatabase wrong("postgres:x");
  EXPECT_EQ(wrong.error(), error::CONNECTION_STRING_INVALID);
  EXPECT_NE(why_not_opened().find("postgres:x"), std::string::npos);
}

TEST_F(TransactionTest, OldVersionsSettleIntoTheBaseUnderReaders) {
  put({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  auto clear = begin();
  clear.clear_range("b", "c");
  ASSERT_EQ(clear.commit(), 0);
  clock_.move(20s);
  // The settler waits in real time for the simulated moment; commits remind it.
  for (int i = 0; i < 50; ++i) {
    put({{"z", std::to_string(i)}});
    EXPECT_EQ((*begin().range("a", "d")).rows, (Rows_{{"a", "1"}, {"c", "1"}}));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace
}  // namespace everframe::embedded
