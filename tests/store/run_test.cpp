// What goes with the retry loop: limits, commit checks, hooks, reported conflicts, weak reads. What would
// break these: a check that is passed by, a hook that runs twice or for nothing, a conflict that names other
// keys, a weak read that does not see this database's own commits.
#include "loop.h"
#include "store/recent_version.h"
#include "store/world_keys.h"
#include "wrapped_api.h"

namespace everframe::store {
namespace {

class RunTest : public StoreTest {
 protected:
  template <class T>
  using Body = Function<Task<Result<T>>(Transaction&)>;

  RunTest() : StoreTest(Ground::SANDBOX) {}

  template <class T>
  Result<T> in_run(Database& database, Body<T> body, RunOptions options = {}) {
    return run<Result<T>>(
        [&]() -> Task<Result<T>> { return database.run<T>(executor_, std::move(body), options); });
  }
  Result<bool> put(Database& database, std::string key, std::string value) {
    return in_run<bool>(database, [=](Transaction& t) -> Task<Result<bool>> {
      t.set(key, value);
      co_return true;
    });
  }
  std::string value_of(std::string key) {
    return in_run<std::optional<std::string>>(*database_, [=](Transaction& t) { return t.get(key); })
        .value()
        .value_or("");
  }
  // A body that another transaction spoils each time, before it commits.
  Body<int> spoiled(Database& other, int& tries) {
    return [this, &other, &tries](Transaction& t) -> Task<Result<int>> {
      ++tries;
      const auto a = co_await t.get(home_ + "a");
      const auto b = co_await t.get_range(keys_starting_with(home_ + "b"));
      if (!a || !b) co_return fail("unreadable");
      Transaction spoiler = other.begin(executor_);
      spoiler.set(home_ + "a", "spoiled");
      const auto done = co_await spoiler.commit();
      EXPECT_TRUE(done.has_value());
      t.set(home_ + "c", "");
      co_return tries;
    };
  }
  std::unique_ptr<Database> other_ = open(engine_api());
};

TEST_F(RunTest, EndsAfterSoManyRetriesWithTheLastTrysError) {
  int tries = 0;
  RunOptions options;
  options.retries_max = 3;
  const auto done = in_run<int>(*database_, spoiled(*other_, tries), options);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, NOT_COMMITTED);
  EXPECT_EQ(tries, 4) << "the first, and three more";
  options.retries_max = 0;
  tries = 0;
  EXPECT_FALSE(in_run<int>(*database_, spoiled(*other_, tries), options).has_value());
  EXPECT_EQ(tries, 1);
}

TEST_F(RunTest, EndsWhenItsTimeIsOverAndSaysWhatWasWrongBefore) {
  int tries = 0;
  RunOptions options;
  options.time_max = 100ms;
  const auto done = in_run<int>(*database_, spoiled(*other_, tries), options);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, TRANSACTION_TIMED_OUT) << done.error().text;
  EXPECT_GE(tries, 1);
}

TEST_F(RunTest, AReportedConflictNamesWhatOthersWrote) {
  int tries = 0;
  RunOptions options;
  options.retries_max = 2;
  options.report_conflicts = true;
  const auto done = in_run<int>(*database_, spoiled(*other_, tries), options);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(tries, 3);
  EXPECT_NE(done.error().text.find(key_text(home_ + "a")), std::string::npos) << done.error().text;
  EXPECT_EQ(done.error().text.find(key_text(home_ + "b")), std::string::npos)
      << "that nobody has written: " << done.error().text;
  const auto ranges = run<Result<std::vector<KeyRange>>>([&]() -> Task<Result<std::vector<KeyRange>>> {
    Transaction t = database_->begin(executor_);
    t.report_conflicts();
    int once = 0;
    const auto body = spoiled(*other_, once);
    EXPECT_TRUE((co_await body(t)).has_value());
    const auto committed = co_await t.commit();
    EXPECT_EQ(committed.error().code, NOT_COMMITTED);
    co_return co_await t.conflicts();
  });
  ASSERT_TRUE(ranges.has_value()) << ranges.error().text;
  ASSERT_EQ(ranges->size(), 1U);
  EXPECT_EQ(ranges->front().begin, home_ + "a");
  EXPECT_EQ(ranges->front().end, home_ + "a" + '\0');
}

TEST_F(RunTest, ACheckRunsLastInItsTransactionAndMayRefuseIt) {
  const auto spend = [&](std::int64_t amount, std::int64_t bonus) {
    return in_run<bool>(*database_, [=, this](Transaction& t) -> Task<Result<bool>> {
      // Whoever changes the purse later in this body is under the check, too.
      t.add_commit_check([this](Transaction& last) -> Task<Result<void>> {
        const auto left = co_await last.get(home_ + "purse");
        if (!left) co_return tl::unexpected<Error>(left.error());
        const auto sum = static_cast<std::int64_t>(read_u64_value(left->value_or("")).value_or(0));
        if (sum < 0) co_return fail("the purse would hold {}", sum);
        last.set(home_ + "checked", u64_value(static_cast<std::uint64_t>(sum)));
        co_return Result<void>{};
      });
      t.add(home_ + "purse", -amount);
      t.add(home_ + "purse", bonus);
      co_return true;
    });
  };
  EXPECT_TRUE(spend(0, 10).has_value());
  const auto refused = spend(11, 0);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().text, "the purse would hold -1");
  EXPECT_EQ(value_of(home_ + "purse"), u64_value(10)) << "nothing of a refused one is committed";
  EXPECT_TRUE(spend(11, 1).has_value());
  EXPECT_EQ(value_of(home_ + "checked"), u64_value(0)) << "what a check writes is committed with the rest";
}

TEST_F(RunTest, ACheckMayAddAnotherAndReadsWithConflicts) {
  std::vector<int> order;
  int tries = 0;
  const auto done = in_run<bool>(*database_, [&](Transaction& t) -> Task<Result<bool>> {
    t.add_commit_check([&](Transaction& first) -> Task<Result<void>> {
      order.push_back(1);
      first.add_commit_check([&](Transaction&) -> Task<Result<void>> {
        order.push_back(3);
        co_return Result<void>{};
      });
      const auto read = co_await first.get(home_ + "a");
      EXPECT_TRUE(read.has_value());
      if (++tries == 1) {
        Transaction spoiler = other_->begin(executor_);
        spoiler.set(home_ + "a", "spoiled");
        EXPECT_TRUE((co_await spoiler.commit()).has_value());
      }
      co_return Result<void>{};
    });
    t.add_commit_check([&](Transaction&) -> Task<Result<void>> {
      order.push_back(2);
      co_return Result<void>{};
    });
    t.set(home_ + "c", "");
    co_return true;
  });
  ASSERT_TRUE(done.has_value()) << done.error().text;
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 1, 2, 3})) << "once a try: what a check read was written";
}

TEST_F(RunTest, AHookRunsOnceAfterTheCommitOfTheTryThatAddedItAndNotForOneThatFailed) {
  int tries = 0;
  std::vector<int> told;
  const auto done = in_run<bool>(*database_, [&](Transaction& t) -> Task<Result<bool>> {
    ++tries;
    t.after_commit([&told, now = tries] { told.push_back(now); });
    EXPECT_TRUE((co_await t.get(home_ + "a")).has_value());
    if (tries < 3) {
      Transaction spoiler = other_->begin(executor_);
      spoiler.set(home_ + "a", "spoiled");
      EXPECT_TRUE((co_await spoiler.commit()).has_value());
    }
    t.set(home_ + "c", "");
    co_return true;
  });
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(told, (std::vector<int>{3}));
  const auto refused = in_run<bool>(*database_, [&](Transaction& t) -> Task<Result<bool>> {
    t.after_commit([&] { told.push_back(-1); });
    co_return fail("no");
  });
  EXPECT_FALSE(refused.has_value());
  EXPECT_EQ(told.size(), 1U);
}

// A commit whose result was unknown: told once, when it is known, whichever try did the work.
TEST_F(RunTest, AHookRunsOnceThoughCommitsEndUnknown) {
  const auto faulty = open(wrapped::api());
  wrapper.prng = Prng(11);
  wrapper.commit_faults_percent = 60;
  const int faults_before = wrapper.faults;
  constexpr int TIMES = 60;
  std::vector<int> told(TIMES);
  for (int i = 0; i < TIMES; ++i) {
    const auto done = in_run<bool>(*faulty, [&, i](Transaction& t) -> Task<Result<bool>> {
      t.after_commit([&told, i] { ++told[static_cast<std::size_t>(i)]; });
      const auto done_before = co_await t.get(home_ + "mark" + std::to_string(i));
      if (!done_before) co_return tl::unexpected<Error>(done_before.error());
      if (*done_before) co_return true;
      t.set(home_ + "mark" + std::to_string(i), "");
      t.add(home_ + "sum", 1);
      co_return true;
    });
    EXPECT_TRUE(done.has_value());
  }
  wrapper.calm();
  EXPECT_GT(wrapper.faults, faults_before + TIMES / 4);
  EXPECT_EQ(told, std::vector<int>(TIMES, 1));
  EXPECT_EQ(value_of(home_ + "sum"), u64_value(TIMES));
}

TEST(RecentVersion, IsUsedUntilItIsTooOldAndNeverGoesBack) {
  const Time start{};
  RecentVersion recent;
  EXPECT_FALSE(recent.is_known());
  EXPECT_EQ(recent.not_older_than(WEAK_READ_AGE_MAX, start), std::nullopt);
  recent.learn(100, start + 10ms);
  EXPECT_EQ(recent.not_older_than(WEAK_READ_AGE_MAX, start + 110ms), 100);
  EXPECT_EQ(recent.not_older_than(WEAK_READ_AGE_MAX, start + 110ms + 1us), std::nullopt);
  recent.learn(90, start + 110ms);  // an answer that was overtaken
  EXPECT_EQ(recent.not_older_than(WEAK_READ_AGE_MAX, start + 111ms), std::nullopt);
  recent.learn(200, start + 5ms);  // newer, though asked for before
  EXPECT_EQ(recent.not_older_than(WEAK_READ_AGE_MAX, start + 100ms), 200);
  recent.learn(200, start + 200ms);
  EXPECT_EQ(recent.not_older_than(WEAK_READ_AGE_MAX, start + 300ms), 200);
}

TEST_F(RunTest, WeakReadsAskForAVersionNowAndThenAndSeeTheDatabasesOwnCommitsAtOnce) {
  const auto counted = open(wrapped::api());
  RunOptions weak;
  weak.weak_reads = true;
  const auto read = [&] {
    return in_run<std::optional<std::string>>(
               *counted, [this](Transaction& t) { return t.get(home_ + "k"); }, weak)
        .value()
        .value_or("");
  };
  wrapper.take();
  constexpr int ROUNDS = 200;
  int stale = 0;
  for (int i = 0; i < ROUNDS; ++i) {
    const std::string own = "own " + std::to_string(i);
    EXPECT_TRUE(put(*counted, home_ + "k", own).has_value());
    EXPECT_EQ(read(), own);
    const std::string others = "other " + std::to_string(i);
    EXPECT_TRUE(put(*other_, home_ + "k", others).has_value());
    const std::string seen = read();
    EXPECT_TRUE(seen == own || seen == others) << seen;
    stale += seen == own ? 1 : 0;
  }
  EXPECT_GT(stale, 0) << "no version was ever used again: weak reads do nothing";
  EXPECT_LT(wrapper.take().read_versions, 2 * ROUNDS);
}

// A weak first try meets what was written since; the second does not read weakly.
TEST_F(RunTest, AWeakTransactionThatWritesIsSerializableAllTheSame) {
  RunOptions weak;
  weak.weak_reads = true;
  constexpr int ROUNDS = 50;
  for (int i = 0; i < ROUNDS; ++i) {
    for (Database* database : {database_.get(), other_.get()}) {
      const auto added = in_run<bool>(
          *database,
          [this](Transaction& t) -> Task<Result<bool>> {
            const auto value = co_await t.get(home_ + "n");
            if (!value) co_return tl::unexpected<Error>(value.error());
            t.set(home_ + "n", u64_value(read_u64_value(value->value_or("")).value_or(0) + 1));
            co_return true;
          },
          weak);
      EXPECT_TRUE(added.has_value());
    }
  }
  EXPECT_EQ(value_of(home_ + "n"), u64_value(2 * ROUNDS));
}

}  // namespace
}  // namespace everframe::store
