// Bad input gets FoundationDB's code and a text that says what was refused, at the first try. What would
// break these: a limit that is another here than on a cluster, a loop that retries what cannot succeed.
#include "loop.h"

namespace everframe::store {
namespace {

// FoundationDB's (flow/include/flow/error_definitions.h).
constexpr int KEY_OUTSIDE_LEGAL_RANGE = 2004;
constexpr int INVERTED_RANGE = 2005;
constexpr int TRANSACTION_TOO_LARGE = 2101;
constexpr int KEY_TOO_LARGE = 2102;
constexpr int VALUE_TOO_LARGE = 2103;
constexpr std::size_t KEY_BYTES_MAX = 10'000;
constexpr std::size_t VALUE_BYTES_MAX = 100'000;

class RefusalsTest : public StoreTest {
 protected:
  RefusalsTest() : StoreTest(Ground::SANDBOX) {}

  // What run() says of a body that writes so; 0: done.
  int code_of(Function<void(Transaction&)> write) {
    tries_ = 0;
    auto held = std::make_shared<Function<void(Transaction&)>>(std::move(write));
    const auto done = run<Result<bool>>([&]() -> Task<Result<bool>> {
      Function<Task<Result<bool>>(Transaction&)> body = [this, held](Transaction& t) -> Task<Result<bool>> {
        ++tries_;
        (*held)(t);
        co_return true;
      };
      co_return co_await database_->run<bool>(executor_, std::move(body));
    });
    EXPECT_EQ(tries_, 1);
    if (done) return 0;
    EXPECT_NE(done.error().text.find(std::to_string(done.error().code)), std::string::npos)
        << done.error().text;
    return done.error().code;
  }
  std::string key_of(std::size_t bytes) const { return home_ + std::string(bytes - home_.size(), 'k'); }
  int tries_ = 0;
};

TEST_F(RefusalsTest, AKeyOrAValueOverItsLimitIsRefusedAndOneAtItIsNot) {
  EXPECT_EQ(code_of([&](Transaction& t) { t.set(key_of(KEY_BYTES_MAX), "v"); }), 0);
  EXPECT_EQ(code_of([&](Transaction& t) { t.set(key_of(KEY_BYTES_MAX + 1), "v"); }), KEY_TOO_LARGE);
  EXPECT_EQ(code_of([&](Transaction& t) { t.add(key_of(KEY_BYTES_MAX + 1), 1); }), KEY_TOO_LARGE);
  const std::string value(VALUE_BYTES_MAX + 1, 'v');
  EXPECT_EQ(code_of([&](Transaction& t) { t.set(home_ + "a", value.substr(1)); }), 0);
  EXPECT_EQ(code_of([&](Transaction& t) { t.set(home_ + "a", value); }), VALUE_TOO_LARGE);
  EXPECT_EQ(code_of([&](Transaction& t) { t.atomic(AtomicOp::BYTE_MAX, home_ + "a", value); }),
            VALUE_TOO_LARGE);
}

TEST_F(RefusalsTest, ATransactionOverItsLimitIsRefusedWhole) {
  const std::string value(VALUE_BYTES_MAX, 'v');
  const auto write = [&](int count) {
    return code_of([&](Transaction& t) {
      for (int i = 0; i < count; ++i) t.set(home_ + "large " + std::to_string(i), value);
    });
  };
  EXPECT_EQ(write(101), TRANSACTION_TOO_LARGE);
  const auto rows = run<std::size_t>([this]() -> Task<std::size_t> {
    Transaction t = database_->begin(executor_);
    const auto found = co_await t.get_range(keys_starting_with(home_));
    co_return found.value().size();
  });
  EXPECT_EQ(rows, 0U);
  EXPECT_EQ(write(95), 0);
}

TEST_F(RefusalsTest, KeysOfTheSystemAndInvertedRangesAreRefused) {
  EXPECT_EQ(code_of([&](Transaction& t) { t.set("\xff/everframe", "v"); }), KEY_OUTSIDE_LEGAL_RANGE);
  EXPECT_EQ(code_of([&](Transaction& t) { t.clear(KeyRange{home_ + "b", home_ + "a"}); }), INVERTED_RANGE);
  const auto read = run<int>([this]() -> Task<int> {
    Transaction t = database_->begin(executor_);
    const auto value = co_await t.get("\xff/everframe");
    co_return value ? 0 : value.error().code;
  });
  EXPECT_EQ(read, KEY_OUTSIDE_LEGAL_RANGE);
}

TEST_F(RefusalsTest, ATransactionThatWasCancelledSaysSo) {
  const auto code = run<int>([this]() -> Task<int> {
    Transaction t = database_->begin(executor_);
    t.cancel();
    const auto value = co_await t.get(home_ + "a");
    co_return value ? 0 : value.error().code;
  });
  EXPECT_EQ(code, 1025);
}

}  // namespace
}  // namespace everframe::store
