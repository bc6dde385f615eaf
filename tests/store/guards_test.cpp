// Marks, fences and answered requests. What would break these: a body that acts twice, an owner of yesterday
// that still commits, a request that is answered otherwise the second time.
#include "store/guards.h"

#include "loop.h"
#include "store/world_keys.h"
#include "wrapped_api.h"

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

// Moves 1 for each request and answers with what is then there.
class RequestsTest : public StoreTest {
 protected:
  RequestsTest() : StoreTest(Ground::SANDBOX) {}
  Result<std::string> ask(Database& database, std::uint64_t sender, std::uint64_t number) {
    return run<Result<std::string>>([&]() -> Task<Result<std::string>> {
      Function<Task<Result<std::string>>(Transaction&)> body =
          [this, sender, number](Transaction& t) -> Task<Result<std::string>> {
        const auto before = co_await requests_.answer_to(t, sender, number);
        if (!before) co_return tl::unexpected<Error>(before.error());
        if (*before) co_return **before;
        const auto sum = co_await t.get(home_ + "sum");
        if (!sum) co_return tl::unexpected<Error>(sum.error());
        const std::uint64_t now = read_u64_value(sum->value_or("")).value_or(0) + 1;
        t.set(home_ + "sum", u64_value(now));
        requests_.answer(t, sender, number, std::to_string(now));
        co_return std::to_string(now);
      };
      co_return co_await database.run<std::string>(executor_, std::move(body));
    });
  }
  std::size_t rows() {
    return run<std::size_t>([this]() -> Task<std::size_t> {
      Transaction t = database_->begin(executor_);
      const auto found = co_await t.get_range(keys_starting_with(home_ + "requests"));
      co_return found.value().size();
    });
  }
  static constexpr std::uint64_t KEPT = 3;
  const Requests requests_{Subspace(home_ + "requests"), KEPT};
};

TEST_F(RequestsTest, ARepeatedOneIsAnsweredAsItWasAtFirst) {
  EXPECT_EQ(ask(*database_, 1, 1).value(), "1");
  EXPECT_EQ(ask(*database_, 1, 2).value(), "2");
  EXPECT_EQ(ask(*database_, 2, 1).value(), "3") << "another sender's are others";
  EXPECT_EQ(ask(*database_, 1, 1).value(), "1");
  EXPECT_EQ(ask(*database_, 2, 1).value(), "3");
}

TEST_F(RequestsTest, OnlyTheLastAnswersAreKeptAndOlderOnesRefused) {
  for (std::uint64_t number = 0; number <= 10; ++number) {
    EXPECT_EQ(ask(*database_, 1, number).value(), std::to_string(number + 1));
  }
  EXPECT_EQ(rows(), KEPT + 1);
  EXPECT_EQ(ask(*database_, 1, 8).value(), "9");
  const auto old = ask(*database_, 1, 7);
  ASSERT_FALSE(old.has_value());
  EXPECT_EQ(old.error().code, 0) << old.error().text;
  EXPECT_EQ(ask(*database_, 1, 12).value(), "12") << "numbers may be left out";
  EXPECT_EQ(ask(*database_, 1, 11).value(), "13") << "and come late";
  EXPECT_TRUE(run<bool>([this]() -> Task<bool> {
    Transaction t = database_->begin(executor_);
    requests_.forget(t, 1);
    co_return (co_await t.commit()).has_value();
  }));
  EXPECT_EQ(rows(), 0U);
}

TEST_F(RequestsTest, EachIsDoneOnceThoughCommitsEndUnknown) {
  const auto faulty = open(wrapped::api());
  wrapper.prng = Prng(21);
  wrapper.commit_faults_percent = 50;
  const int faults_before = wrapper.faults;
  constexpr std::uint64_t TIMES = 80;
  for (std::uint64_t number = 1; number <= TIMES; ++number) {
    EXPECT_EQ(ask(*faulty, 7, number).value(), std::to_string(number));
  }
  wrapper.calm();
  EXPECT_GT(wrapper.faults, faults_before + 20);
}

}  // namespace
}  // namespace everframe::store
