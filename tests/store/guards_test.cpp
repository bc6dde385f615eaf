// Marks and fences. What would break these: a body that acts twice, an owner of yesterday that still commits.
#include "store/guards.h"

#include "loop.h"
#include "store/world_keys.h"

namespace everframe::store {
namespace {

TEST_F(StoreTest, AMarkLetsTheFirstTransactionActAndNoOther) {
  const auto acted = run<std::vector<bool>>([this]() -> Task<std::vector<bool>> {
    std::vector<bool> out;
    for (int i = 0; i < 3; ++i) {
      Function<Task<Result<bool>>(Transaction&)> body = [](Transaction& t) { return once(t, "mark"); };
      out.push_back((co_await database_->run<bool>(executor_, std::move(body))).value());
    }
    co_return out;
  });
  EXPECT_EQ(acted, (std::vector<bool>{true, false, false}));
}

TEST_F(StoreTest, AFenceHoldsAgainstAnOwnerThatLosesItsLeaseMeanwhile) {
  const auto done = run<bool>([this]() -> Task<bool> {
    Transaction first = database_->begin(executor_);
    EXPECT_FALSE((co_await fence(first, "lease", 1)).has_value()) << "nobody has it";
    first.set("lease", u64_value(1));
    EXPECT_TRUE((co_await first.commit()).has_value());

    Transaction owner = database_->begin(executor_);
    EXPECT_TRUE((co_await fence(owner, "lease", 1)).has_value());
    owner.set("world", "by the first owner");
    Transaction taker = database_->begin(executor_);
    taker.set("lease", u64_value(2));
    EXPECT_TRUE((co_await taker.commit()).has_value());
    const auto late = co_await owner.commit();
    EXPECT_EQ(late ? 0 : late.error().code, NOT_COMMITTED);

    Transaction again = database_->begin(executor_);
    const auto refused = co_await fence(again, "lease", 1);
    EXPECT_FALSE(refused.has_value());
    co_return !refused && refused.error().code == 0;
  });
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace everframe::store
