// The C functions against FoundationDB's documentation: futures, watches, retries, time-outs and versions.
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "embedded/table_client.h"

namespace everframe::embedded {
namespace {

using LifecycleTest = MemoryDatabaseTest;
using Rows_ = std::vector<Row>;

TEST_F(LifecycleTest, WatchesFireOnAnotherValueOnly) {
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

TEST_F(LifecycleTest, AWatchWaitsForWhatItsOwnTransactionLeft) {
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

TEST_F(LifecycleTest, AWatchSetOnAnOldVersionFiresAtOnce) {
  put({{"w", "1"}});
  auto t = begin();
  const auto watch = t.watch("w");
  put({{"w", "2"}});
  ASSERT_EQ(t.commit(), 0);  // read-only: no conflict
  EXPECT_EQ(watch.wait(), 0);
}

TEST_F(LifecycleTest, WatchesOfATransactionThatDoesNotCommitFail) {
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

TEST_F(LifecycleTest, TheTenThousandAndFirstWatchIsRefused) {
  auto t = begin();
  std::vector<TestFuture> held;
  for (int i = 0; i < 10'000; ++i) held.push_back(t.watch("w" + std::to_string(i)));
  EXPECT_EQ(t.watch("one more").wait(), error::TOO_MANY_WATCHES);
  held.erase(held.begin(), held.begin() + 5'000);  // destroying cancels
  EXPECT_FALSE(t.watch("one more").ready());
}

TEST_F(LifecycleTest, OldReadVersionsAreTooOldAndFutureOnesToo) {
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

TEST_F(LifecycleTest, VersionsNeverFallAndCommitsLieAboveEarlierReads) {
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

TEST_F(LifecycleTest, UseDuringOrAfterCommitIsRefusedUntilReset) {
  auto t = begin();
  t.set("a", "1");
  ASSERT_EQ(t.commit(), 0);
  EXPECT_EQ(t.read("a").code, error::USED_DURING_COMMIT);
  t.reset();
  EXPECT_EQ(*t.read("a"), "1");
}

// Else two threads whose callbacks cancel each other's transactions would wait for ever.
TEST_F(LifecycleTest, WhileACallbackRunsThatACallCausedOtherThreadsMayUseTheTransaction) {
  struct Seen {
    TestTransaction& t;
    std::thread other;
    bool passed = false;
  };
  const auto let_another_in = [](FDBFuture*, void* parameter) {
    Seen& seen = *static_cast<Seen*>(parameter);
    const auto done = std::make_shared<std::promise<void>>();
    auto passed = done->get_future();
    seen.other = std::thread([&t = seen.t, done] {
      t.cancel();
      done->set_value();
    });
    seen.passed = passed.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  };
  database_.reset();
  Faults faults;
  faults.commit = {1h, 1h};  // no commit is answered before the test is over
  configure({nullptr, &clock_, 1, faults});
  database_ = std::make_unique<TestDatabase>("memory:late");
  for (const bool resets : {false, true}) {
    auto t = begin();
    t.set("k", "v");
    const auto commit = t.start_commit();
    Seen seen{t, {}};
    ASSERT_EQ(api().future_set_callback(commit.get(), let_another_in, &seen), 0);
    resets ? t.reset() : t.cancel();
    ASSERT_TRUE(seen.other.joinable()) << "the callback comes within the call";
    seen.other.join();
    EXPECT_TRUE(seen.passed) << (resets ? "reset" : "cancel");
  }
}

TEST_F(LifecycleTest, CancelledTransactionsSaySo) {
  auto t = begin();
  t.cancel();
  EXPECT_EQ(t.read("a").code, error::TRANSACTION_CANCELLED);
  EXPECT_EQ(t.commit(), error::TRANSACTION_CANCELLED);
  EXPECT_EQ(t.on_error(error::NOT_COMMITTED), error::TRANSACTION_CANCELLED);
  t.reset();
  EXPECT_EQ(*t.read("a"), std::nullopt);
}

TEST_F(LifecycleTest, OnErrorRetriesWhatMayBeRetried) {
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

TEST_F(LifecycleTest, TimeoutsRunFromCreationAndSurviveOnError) {
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

TEST_F(LifecycleTest, CallbacksRunOnceInlineOrLater) {
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

TEST_F(LifecycleTest, BlockingInACallbackOfTheCommitThreadIsRefused) {
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

TEST_F(LifecycleTest, ValuesOfTheWrongKindAndUnsetFuturesAreRefused) {
  auto t = begin();
  const TestFuture value(api().transaction_get(t.get(), raw_bytes("a"), 1, 0));
  std::int64_t number = 0;
  EXPECT_EQ(api().future_get_int64(value.get(), &number), error::CLIENT_INVALID_OPERATION);
  const auto watch = t.watch("w");
  EXPECT_EQ(api().future_get_error(watch.get()), error::FUTURE_NOT_SET);
}

TEST_F(LifecycleTest, HandlesOfOneTargetShareOneDatabase) {
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

TEST_F(LifecycleTest, OldVersionsSettleIntoTheBaseUnderReaders) {
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
