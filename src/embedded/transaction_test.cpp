// The C functions against FoundationDB's documentation: what one transaction reads and writes, what
// conflicts, and what is refused. Each test runs on its own memory: database.
#include <gtest/gtest.h>

#include "embedded/atomic_ops.h"
#include "embedded/table_client.h"

namespace everframe::embedded {
namespace {

using TransactionTest = MemoryDatabaseTest;
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

TEST_F(TransactionTest, WhatWillBeStampedIsUnreadableAndAReadThatFailedFailsTheCommit) {
  auto t = begin();
  t.atomic(14, std::string("e/\0\0\0\0\0\0\0\0\0\0\x02\0\0\0", 16), "first");
  t.atomic(15, "v", std::string(14, '\0'));
  EXPECT_EQ(t.read("v").code, error::ACCESSED_UNREADABLE);
  EXPECT_EQ(t.range("e/", "e0").code, error::ACCESSED_UNREADABLE);
  EXPECT_EQ(t.commit(), error::ACCESSED_UNREADABLE);
  EXPECT_TRUE((*begin().range("", "\xff")).rows.empty());
}

TEST_F(TransactionTest, VersionstampsOrderCommitsAndAreReadableAfterwards) {
  auto t = begin();
  const std::string place("e/\0\0\0\0\0\0\0\0\0\0\x02\0\0\0", 16);
  t.atomic(14, place, "first");
  t.atomic(15, "v", std::string(10, '\0') + std::string("tail") + std::string(4, '\0'));
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

}  // namespace
}  // namespace everframe::embedded
