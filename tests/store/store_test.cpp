// Database and Transaction over the embedded engine, in memory. What would break these: an awaiter that is
// resumed on the engine's thread or never, a page that is lost or read twice, a retry that loses or doubles a
// write.
#include <algorithm>
#include <map>

#include "base/random.h"
#include "base/started.h"
#include "loop.h"
#include "store/world_keys.h"

namespace everframe::store {
namespace {

using Value = std::optional<std::string>;

std::string row_key(int i) {
  return TuplePacker().text("rows").integer(i).key();
}

TEST_F(StoreTest, WhatOneTransactionCommitsTheNextOneReads) {
  const auto seen = run<std::vector<Value>>([this]() -> Task<std::vector<Value>> {
    Transaction writer = database_->begin(executor_);
    writer.set("kept", "v");
    writer.set("cleared", "v");
    writer.set("in a range", "v");
    writer.clear("cleared");
    KeyRange range{"in", "io"};
    writer.clear(range);
    EXPECT_EQ(writer.committed_version(), -1);
    EXPECT_TRUE((co_await writer.commit()).has_value());
    EXPECT_TRUE(executor_.is_current());
    EXPECT_GT(writer.committed_version(), 0);
    Transaction reader = database_->begin(executor_);
    const auto version = co_await reader.read_version();
    EXPECT_TRUE(version.has_value());
    EXPECT_GE(version.value_or(0), writer.committed_version());
    std::vector<Value> values;
    for (const std::string key : {"kept", "cleared", "in a range"}) {
      const auto value = co_await reader.get(key);
      EXPECT_TRUE(value.has_value());
      values.push_back(value.value_or(Value("(error)")));
    }
    EXPECT_TRUE((co_await reader.commit()).has_value());
    EXPECT_EQ(reader.committed_version(), -1);
    co_return values;
  });
  EXPECT_EQ(seen, (std::vector<Value>{"v", std::nullopt, std::nullopt}));
}

TEST_F(StoreTest, RangesOfManyPagesComeWholeInBothDirectionsAndUnderLimits) {
  constexpr int ROWS = 10'000;  // of 100 bytes: a page is 80,000 bytes in FoundationDB
  const auto done = run<bool>([this]() -> Task<bool> {
    Transaction writer = database_->begin(executor_);
    for (int i = 0; i < ROWS; ++i) writer.set(row_key(i), std::string(100, static_cast<char>('a' + i % 26)));
    EXPECT_TRUE((co_await writer.commit()).has_value());
    const KeyRange all = range_of(TuplePacker().text("rows").key());
    for (const bool reverse : {false, true}) {
      for (const std::size_t limit : {0, 1, 799, 5'000, ROWS, ROWS + 1}) {
        Transaction reader = database_->begin(executor_);
        const RangeOptions options{limit, reverse, false};
        const auto rows = co_await reader.get_range(all, options);
        EXPECT_TRUE(rows.has_value());
        if (!rows) co_return false;
        const auto expected = limit == 0 ? std::size_t{ROWS} : std::min<std::size_t>(limit, ROWS);
        EXPECT_EQ(rows->size(), expected);
        for (std::size_t i = 0; i < rows->size(); ++i) {
          const int n = reverse ? ROWS - 1 - static_cast<int>(i) : static_cast<int>(i);
          EXPECT_EQ((*rows)[i].key, row_key(n));
          EXPECT_EQ((*rows)[i].value[99], 'a' + n % 26);
        }
      }
    }
    const KeyRange none{"z", "zz"};
    Transaction reader = database_->begin(executor_);
    const auto empty = co_await reader.get_range(none);
    co_return empty && empty->empty();
  });
  EXPECT_TRUE(done);
}

TEST_F(StoreTest, AConflictIsToldAndTheSecondTryCommits) {
  const auto text = run<std::string>([this]() -> Task<std::string> {
    Transaction loser = database_->begin(executor_);
    (void)co_await loser.get("x");
    Transaction winner = database_->begin(executor_);
    winner.set("x", "winner");
    EXPECT_TRUE((co_await winner.commit()).has_value());
    loser.set("y", "loser");
    const auto refused = co_await loser.commit();
    EXPECT_FALSE(refused.has_value());
    if (refused) co_return "no conflict";
    EXPECT_EQ(refused.error().code, NOT_COMMITTED);
    EXPECT_TRUE((co_await loser.on_error(refused.error())).has_value());
    const auto x = co_await loser.get("x");
    loser.set("y", x.value().value_or("(none)"));
    EXPECT_TRUE((co_await loser.commit()).has_value());
    Transaction reader = database_->begin(executor_);
    const auto y = co_await reader.get("y");
    co_return y.value().value_or("(none)");
  });
  EXPECT_EQ(text, "winner");
}

TEST_F(StoreTest, ConflictRangesAddedByHandConflict) {
  const auto codes = run<std::vector<int>>([this]() -> Task<std::vector<int>> {
    const KeyRange range{"a", "c"};
    std::vector<int> out;
    for (const bool snapshot_only : {false, true}) {
      Transaction reader = database_->begin(executor_);
      (void)co_await reader.get("b", true);
      if (!snapshot_only) reader.add_read_conflict(range);
      reader.set("elsewhere", "1");
      Transaction writer = database_->begin(executor_);
      writer.add_write_conflict(range);
      EXPECT_TRUE((co_await writer.commit()).has_value());
      const auto committed = co_await reader.commit();
      out.push_back(committed ? 0 : committed.error().code);
    }
    co_return out;
  });
  EXPECT_EQ(codes, (std::vector<int>{NOT_COMMITTED, 0}));
}

TEST_F(StoreTest, ErrorsOfWritesComeOutOfCommitAndARetryGivesThemBack) {
  const auto code = run<int>([this]() -> Task<int> {
    Function<Task<Result<int>>(Transaction&)> body = [](Transaction& transaction) -> Task<Result<int>> {
      transaction.set(std::string(10'001, 'k'), "v");
      co_return 1;
    };
    const auto result = co_await database_->run<int>(executor_, std::move(body));
    co_return result ? 0 : result.error().code;
  });
  EXPECT_EQ(code, 2102);  // key_too_large
}

TEST_F(StoreTest, ARefusalFromTheBodyCommitsNothing) {
  const auto text = run<std::string>([this]() -> Task<std::string> {
    Function<Task<Result<int>>(Transaction&)> body = [](Transaction& transaction) -> Task<Result<int>> {
      transaction.set("refused", "v");
      co_return fail("not today");
    };
    const auto result = co_await database_->run<int>(executor_, std::move(body));
    Transaction reader = database_->begin(executor_);
    const auto value = co_await reader.get("refused");
    EXPECT_FALSE(value.value().has_value());
    co_return result ? "committed" : result.error().text;
  });
  EXPECT_EQ(text, "not today");
}

TEST_F(StoreTest, AtomicAddsFromManyTransactionsAtOnceAllCount) {
  constexpr int COUNT = 500;
  const std::string key = WorldKeys("W").ledger_total(ItemType{3});
  std::vector<std::future<bool>> adds;
  for (int i = 0; i < COUNT; ++i) {
    adds.push_back(start<bool>([this, i, key]() -> Task<bool> {
      Transaction transaction = database_->begin(executor_);
      transaction.add(key, i % 5 == 0 ? -3 : 7);
      co_return (co_await transaction.commit()).has_value();  // a blind write cannot conflict
    }));
  }
  for (auto& add : adds) EXPECT_TRUE(finish(std::move(add)));
  const auto total = run<std::uint64_t>([this, key]() -> Task<std::uint64_t> {
    Transaction reader = database_->begin(executor_);
    const auto value = co_await reader.get(key);
    co_return read_u64_value(value.value().value_or("")).value_or(0);
  });
  EXPECT_EQ(total, 7 * COUNT * 4 / 5 - 3 * COUNT / 5);
}

// Each takes from one of ten accounts and gives to another, and yields between its steps, so that a thousand
// of them overlap.
TEST_F(StoreTest, AThousandInterleavedTransactionsMoveWithoutLossOrGain) {
  constexpr int ACCOUNTS = 10;
  constexpr int TRANSFERS = 1'000;
  const auto read_balance = [](const Result<Value>& value) {
    return static_cast<std::int64_t>(read_u64_value(value.value().value_or(std::string(8, '\0'))).value());
  };
  std::atomic<int> tries{0};
  std::vector<std::future<bool>> transfers;
  Prng dice(1);
  for (int i = 0; i < TRANSFERS; ++i) {
    const auto from = std::to_string(dice.below(ACCOUNTS));
    const auto to = std::to_string(dice.below(ACCOUNTS));
    transfers.push_back(start<bool>([this, from, to, i, read_balance, &tries]() -> Task<bool> {
      Function<Task<Result<bool>>(Transaction&)> body = [&](Transaction& t) -> Task<Result<bool>> {
        ++tries;
        const auto source = co_await t.get(from);
        if (!source) co_return tl::unexpected<Error>(source.error());
        t.set(from, u64_value(static_cast<std::uint64_t>(read_balance(source) - i)));
        co_await executor_.sleep(Duration(100));
        const auto target = co_await t.get(to);
        if (!target) co_return tl::unexpected<Error>(target.error());
        t.set(to, u64_value(static_cast<std::uint64_t>(read_balance(target) + i)));
        t.set("done " + std::to_string(i), "");
        co_return true;
      };
      co_return (co_await database_->run<bool>(executor_, std::move(body))).has_value();
    }));
  }
  for (auto& transfer : transfers) EXPECT_TRUE(finish(std::move(transfer)));
  EXPECT_GT(tries, TRANSFERS) << "nothing conflicted: the test proves nothing";
  const auto sum = run<std::int64_t>([this, read_balance]() -> Task<std::int64_t> {
    Transaction reader = database_->begin(executor_);
    std::int64_t total = 0;
    for (int i = 0; i < ACCOUNTS; ++i) total += read_balance(co_await reader.get(std::to_string(i)));
    const KeyRange done{"done ", "done!"};
    const auto rows = co_await reader.get_range(done);
    EXPECT_EQ(rows.value().size(), std::size_t{TRANSFERS});
    co_return total;
  });
  EXPECT_EQ(sum, 0);
}

TEST_F(StoreTest, ALongLoopOfReadyReadsDoesNotGrowTheStack) {
  constexpr int READS = 200'000;
  const auto found = run<int>([this]() -> Task<int> {
    int present = 0;
    Transaction reader = database_->begin(executor_);
    for (int i = 0; i < READS; ++i) {
      const auto value = co_await reader.get("nothing", true);
      if (value && *value) ++present;
    }
    co_return present;
  });
  EXPECT_EQ(found, 0);
}

// The coroutine holds what it awaits; whoever owns the Transaction may let it go.
TEST_F(StoreTest, ATransactionMayBeDestroyedWhileItsCommitIsUnderWay) {
  for (int i = 0; i < 200; ++i) {
    auto transaction = std::make_shared<std::optional<Transaction>>();
    auto committed = start<bool>([this, transaction]() -> Task<bool> {
      transaction->emplace(database_->begin(executor_));
      (*transaction)->set("k", "v");
      Task<Result<void>> commit = (*transaction)->commit();
      const auto result = co_await std::move(commit);
      co_return result || result.error().code != 0;
    });
    executor_.post([transaction] { transaction->reset(); });
    EXPECT_TRUE(finish(std::move(committed)));
  }
}

TEST_F(StoreTest, ACoroutineMayBeDestroyedWhileItAwaitsACommit) {
  struct Eager {  // resumes a Task without awaiting it to its end, as an actor that crashes does
    struct promise_type {
      Eager get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_always final_suspend() noexcept { return {}; }
      void return_void() {}
      void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
  };
  for (int i = 0; i < 200; ++i) {
    const bool resumed = run<bool>([this]() -> Task<bool> {
      bool went_on = false;
      const auto commit = [](Database& database, platform::Executor& executor, bool& flag) -> Eager {
        Transaction transaction = database.begin(executor);
        transaction.set("k", "v");
        (void)co_await transaction.commit();
        flag = true;
      };
      Eager eager = commit(*database_, executor_, went_on);
      const bool waiting = !went_on;
      eager.handle.destroy();
      co_await executor_.sleep(Duration(50));
      co_return went_on || !waiting;
    });
    EXPECT_FALSE(resumed);
  }
}

TEST_F(StoreTest, AWatchEndsWhenItsKeyChangesAndAStampIsThatOfTheCommit) {
  const auto done = run<bool>([this]() -> Task<bool> {
    Transaction watcher = database_->begin(executor_);
    Watch watch = watcher.watch("watched");
    watcher.set("other", "v");
    EXPECT_TRUE((co_await watcher.commit()).has_value());
    Transaction writer = database_->begin(executor_);
    StampPromise promise = writer.versionstamp();
    writer.set("watched", "v");
    EXPECT_TRUE((co_await writer.commit()).has_value());
    EXPECT_TRUE((co_await watch.changed()).has_value());
    const auto stamp = co_await promise.stamp();
    EXPECT_TRUE(stamp.has_value());
    std::int64_t version = 0;
    for (int i = 0; i < 8; ++i)
      version = version << 8 | (stamp ? stamp->bytes[static_cast<std::size_t>(i)] : 0);
    EXPECT_EQ(version, writer.committed_version());
    co_return true;
  });
  EXPECT_TRUE(done);
}

TEST_F(StoreTest, WaitsThatAreStartedTogetherGiveTheirResultsInOrder) {
  const auto done = run<bool>([this]() -> Task<bool> {
    Transaction writer = database_->begin(executor_);
    for (int i = 0; i < 200; ++i) writer.set(row_key(i), std::to_string(i));
    EXPECT_TRUE((co_await writer.commit()).has_value());
    Transaction reader = database_->begin(executor_);
    std::vector<Task<Result<Value>>> reads;
    for (int i = 0; i < 200; ++i) reads.push_back(reader.get(row_key(i)));
    const auto values = co_await when_all(std::move(reads));
    for (std::size_t i = 0; i < 200; ++i) EXPECT_EQ(values[i].value(), std::to_string(i));
    co_return values.size() == 200;
  });
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace everframe::store
