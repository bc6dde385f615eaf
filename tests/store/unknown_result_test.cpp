// What FoundationDB may answer and the embedded engine never does: a commit whose result is unknown. A table
// around the engine's gives 1021 in both forms: the commit was done, or was not. What would break these: a
// retry loop that gives up, or a body whose idempotency does not hold.
#include <set>

#include "loop.h"
#include "store/world_keys.h"

namespace everframe::store {
namespace {

enum class Unknown { APPLIED, NOT_APPLIED };

// C functions carry no state of their own, so the fault's state is the process's; the tests of one process
// run one after the other.
struct Fault {
  std::mutex mutex;
  std::vector<std::optional<Unknown>> plan;  // of the next commits, the last first
  std::set<FDBFuture*> failing;
  int commits = 0;
};
Fault& fault = *new Fault;  // never destroyed, for the same reason as faulty_api()'s table

FDBFuture* faulty_commit(FDBTransaction* transaction) {
  const std::lock_guard lock(fault.mutex);
  ++fault.commits;
  std::optional<Unknown> now;
  if (!fault.plan.empty()) {
    now = fault.plan.back();
    fault.plan.pop_back();
  }
  FDBFuture* future = now == Unknown::NOT_APPLIED ? embedded::api().transaction_get_read_version(transaction)
                                                  : embedded::api().transaction_commit(transaction);
  if (now) fault.failing.insert(future);
  return future;
}

platform::FdbApi make_faulty_api() {
  platform::FdbApi api = embedded::api();
  api.transaction_commit = faulty_commit;
  api.future_get_error = [](FDBFuture* future) -> fdb_error_t {
    const std::lock_guard lock(fault.mutex);
    return fault.failing.contains(future) ? COMMIT_UNKNOWN_RESULT : embedded::api().future_get_error(future);
  };
  api.future_destroy = [](FDBFuture* future) {
    {
      const std::lock_guard lock(fault.mutex);
      fault.failing.erase(future);
    }
    embedded::api().future_destroy(future);
  };
  return api;
}

// A commit's callback lets go of its future on the engine's thread, through this table, when the test that
// awaited it may have ended: so it stays.
const platform::FdbApi& faulty_api() {
  static const platform::FdbApi table = make_faulty_api();
  return table;
}

class UnknownResult : public StoreTest {
 protected:
  void plan(std::vector<std::optional<Unknown>> backwards) {
    const std::lock_guard lock(fault.mutex);
    fault.plan = std::move(backwards);
    fault.commits = 0;
  }
  // Adds 1 to "sum"; `marked`: unless this addition's own mark is there.
  Result<bool> add_one(Database& database, bool marked) {
    return run<Result<bool>>([this, &database, marked]() -> Task<Result<bool>> {
      Function<Task<Result<bool>>(Transaction&)> body = [marked](Transaction& t) -> Task<Result<bool>> {
        if (marked) {
          const auto mark = co_await t.get("mark");
          if (!mark) co_return tl::unexpected<Error>(mark.error());
          if (*mark) co_return false;
          t.set("mark", "");
        }
        t.add("sum", 1);
        co_return true;
      };
      co_return co_await database.run<bool>(executor_, std::move(body));
    });
  }
  std::uint64_t sum() {
    return run<std::uint64_t>([this]() -> Task<std::uint64_t> {
      Transaction reader = database_->begin(executor_);
      const auto value = co_await reader.get("sum");
      co_return read_u64_value(value.value().value_or("")).value_or(0);
    });
  }
  std::unique_ptr<Database> faulty_ = open(faulty_api());
};

TEST_F(UnknownResult, WhenItWasAppliedABodyWithAMarkOfItsOwnActsOnce) {
  plan({Unknown::APPLIED});
  const auto added = add_one(*faulty_, true);
  ASSERT_TRUE(added.has_value()) << added.error().text;
  EXPECT_FALSE(*added) << "the second try finds the first one's mark";
  EXPECT_EQ(sum(), 1U);
}

TEST_F(UnknownResult, WhenItWasNotAppliedTheSecondTryDoesIt) {
  plan({Unknown::NOT_APPLIED});
  const auto added = add_one(*faulty_, true);
  ASSERT_TRUE(added.has_value()) << added.error().text;
  EXPECT_TRUE(*added);
  EXPECT_EQ(sum(), 1U);
}

// The negative control: without a mark an applied commit counts twice.
TEST_F(UnknownResult, WhenItWasAppliedABodyWithoutAMarkActsTwice) {
  plan({Unknown::APPLIED});
  ASSERT_TRUE(add_one(*faulty_, false).has_value());
  EXPECT_EQ(sum(), 2U);
}

TEST_F(UnknownResult, ManyInARowOfBothFormsEndWithOneEffect) {
  plan({Unknown::APPLIED, Unknown::NOT_APPLIED, Unknown::NOT_APPLIED});
  ASSERT_TRUE(add_one(*faulty_, true).has_value());
  EXPECT_EQ(sum(), 1U);
  EXPECT_EQ(fault.commits, 4);
}

TEST_F(UnknownResult, IsToldToThoseWhoCommitByHand) {
  plan({Unknown::APPLIED});
  const int code = run<int>([this]() -> Task<int> {
    Transaction transaction = faulty_->begin(executor_);
    transaction.set("k", "v");
    const auto committed = co_await transaction.commit();
    co_return committed ? 0 : committed.error().code;
  });
  EXPECT_EQ(code, COMMIT_UNKNOWN_RESULT);
}

}  // namespace
}  // namespace everframe::store
