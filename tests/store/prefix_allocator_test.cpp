// The allocator alone, asked by many transactions at once. What would break it: a number that is given twice.
#include "store/prefix_allocator.h"

#include <set>

#include "loop.h"

namespace everframe::store {
namespace {

class PrefixAllocatorTest : public StoreTest {
 protected:
  PrefixAllocatorTest() : StoreTest(Ground::SANDBOX) {}

  // Of the numbers that TRANSACTIONS at once were given, how many were given before.
  std::size_t given_twice(AllocatorFaults faults) {
    constexpr std::size_t TRANSACTIONS = 60;
    constexpr std::size_t EACH = 5;
    using Numbers = std::vector<std::string>;
    Prng prng(7);
    const PrefixAllocator allocator(Subspace(home_ + "hca"), prng, faults);
    std::vector<std::future<Result<Numbers>>> running;
    for (std::size_t i = 0; i < TRANSACTIONS; ++i) {
      running.push_back(start<Result<Numbers>>([&]() -> Task<Result<Numbers>> {
        Function<Task<Result<Numbers>>(Transaction&)> body = [&](Transaction& t) -> Task<Result<Numbers>> {
          Numbers numbers;
          for (std::size_t k = 0; k < EACH; ++k) {
            auto number = co_await allocator.allocate(t);
            if (!number) co_return tl::unexpected<Error>(number.error());
            numbers.push_back(std::move(*number));
          }
          co_return numbers;
        };
        co_return co_await database_->run<Numbers>(executor_, std::move(body));
      }));
    }
    std::set<std::string> all;
    for (auto& one : running) {
      const auto numbers = finish(std::move(one));
      EXPECT_TRUE(numbers.has_value()) << numbers.error().text;
      all.insert(numbers->begin(), numbers->end());
    }
    return TRANSACTIONS * EACH - all.size();
  }
};

// Whether two meet is a matter of the dice and of threads: tried until they do.
constexpr int TRIES = 50;

TEST_F(PrefixAllocatorTest, GivesEachNumberOnce) {
  EXPECT_EQ(given_twice({}), 0U);
}

TEST_F(PrefixAllocatorTest, ATakenNumberThatIsGivenAgainIsNoticed) {
  AllocatorFaults faults;
  faults.ignore_taken = true;
  std::size_t twice = 0;
  for (int i = 0; i < TRIES && twice == 0; ++i) twice = given_twice(faults);
  EXPECT_GT(twice, 0U);
}

TEST_F(PrefixAllocatorTest, ACandidateThatTwoTransactionsMayTakeAtOnceIsNoticed) {
  AllocatorFaults faults;
  faults.ignore_conflicts = true;
  std::size_t twice = 0;
  for (int i = 0; i < TRIES && twice == 0; ++i) twice = given_twice(faults);
  EXPECT_GT(twice, 0U);
}

}  // namespace
}  // namespace everframe::store
