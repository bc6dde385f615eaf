// The retry loop over an engine that behaves as a cluster does: answers take their time, reads are too old,
// commits conflict, and commits whose result is unknown were applied or were not. What would break these: a
// body that is not idempotent, a loop that gives up, an effect that comes twice or never.
#include <atomic>

#include "embedded/faults.h"
#include "loop.h"
#include "store/world_keys.h"

namespace everframe::store {
namespace {

constexpr int WORKERS = 8;
constexpr int TRANSFERS = 40;  // each worker's
constexpr std::uint64_t MONEY = 1'000;

// Not StoreTest: the engine is made with its faults.
class FaultsTest : public ::testing::Test {
 protected:
  ~FaultsTest() override {
    executor_.stop();
    executor_.join();
  }
  void open(const embedded::Faults& faults) {
    embedded::configure({nullptr, &clock_, 1, faults});
    executor_.start();
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    auto database = Database::open(embedded::api(), std::string("memory:faults ") + test->name());
    ASSERT_TRUE(database.has_value()) << database.error().text;
    database_ = std::move(*database);
  }
  template <class T>
  T run(Function<Task<T>()> task) {
    auto promise = std::make_shared<std::promise<T>>();
    auto future = promise->get_future();
    executor_.post([this, promise, held = std::make_shared<Function<Task<T>()>>(std::move(task))] {
      const auto keep = [](std::shared_ptr<Function<Task<T>()>> body,
                           std::shared_ptr<std::promise<T>> out) -> Task<> {
        out->set_value(co_await (*body)());
      };
      spawn(keep(held, promise), [](std::exception_ptr) {});
    });
    if (future.wait_for(PATIENCE) != std::future_status::ready) throw std::runtime_error("a task hangs");
    return future.get();
  }
  std::uint64_t value_of(const std::string& key) {
    return run<std::uint64_t>([this, key]() -> Task<std::uint64_t> {
      Function<Task<Result<std::uint64_t>>(Transaction&)> body =
          [key](Transaction& t) -> Task<Result<std::uint64_t>> {
        const auto value = co_await t.get(key);
        if (!value) co_return tl::unexpected<Error>(value.error());
        co_return read_u64_value(value->value_or("")).value_or(0);
      };
      const auto value = co_await database_->run<std::uint64_t>(executor_, std::move(body));
      co_return value.value();
    });
  }

  // Moves 1 from account to account, once per mark, and counts it.
  Task<Result<bool>> transfer(std::string mark, std::string from, std::string to) {
    Function<Task<Result<bool>>(Transaction&)> body = [=, this](Transaction& t) -> Task<Result<bool>> {
      ++attempts_;
      const auto done = co_await t.get(mark);
      if (!done) co_return tl::unexpected<Error>(done.error());
      if (*done) co_return false;
      const auto left = co_await t.get(from);
      if (!left) co_return tl::unexpected<Error>(left.error());
      const auto right = co_await t.get(to);
      if (!right) co_return tl::unexpected<Error>(right.error());
      t.set(mark, "");
      t.set(from, u64_value(read_u64_value(left->value_or("")).value_or(MONEY) - 1));
      t.set(to, u64_value(read_u64_value(right->value_or("")).value_or(MONEY) + 1));
      t.add("transfers", 1);
      co_return true;
    };
    co_return co_await database_->run<bool>(executor_, std::move(body));
  }
  Task<> work(int worker) {
    for (int i = 0; i < TRANSFERS; ++i) {
      std::string mark = "mark/" + std::to_string(worker) + "/" + std::to_string(i);
      std::string from = "account/" + std::to_string((worker + i) % 4);
      std::string to = "account/" + std::to_string((worker + 3 * i + 1) % 4);
      if (from == to) to = "account/4";
      const auto moved = co_await transfer(std::move(mark), std::move(from), std::move(to));
      EXPECT_TRUE(moved.has_value()) << moved.error().text;
    }
    ++finished_;
  }
  void work_all() {
    for (int worker = 0; worker < WORKERS; ++worker) {
      executor_.post([this, worker] { spawn(work(worker), [](std::exception_ptr) {}); });
    }
    run<bool>([this]() -> Task<bool> {
      while (finished_ < WORKERS) co_await executor_.sleep(1ms);
      co_return true;
    });
  }
  void expect_each_transfer_once() {
    EXPECT_EQ(value_of("transfers"), static_cast<std::uint64_t>(WORKERS * TRANSFERS));
    std::uint64_t sum = 0;
    int touched = 0;
    for (int account = 0; account < 5; ++account) {
      const std::uint64_t value = value_of("account/" + std::to_string(account));
      touched += value != 0 ? 1 : 0;
      sum += value;
    }
    EXPECT_EQ(sum, static_cast<std::uint64_t>(touched) * MONEY);
  }

  platform_os::OsClock clock_;
  platform_os::AsioExecutor executor_{"test"};
  std::unique_ptr<Database> database_;
  std::atomic<int> attempts_{0};
  std::atomic<int> finished_{0};
};

TEST_F(FaultsTest, EveryTransferHappensOnceUnderAllOfThemTogether) {
  embedded::Faults faults;
  faults.seed = 7;
  faults.read_version = {100us, 1'000us};
  faults.read = {50us, 300us};
  faults.commit = {500us, 2'000us};
  faults.too_old_permille = 20;
  faults.conflict_permille = 50;
  faults.unknown_applied_permille = 60;
  faults.unknown_lost_permille = 60;
  open(faults);
  work_all();
  EXPECT_GT(attempts_, WORKERS * TRANSFERS + 10) << "the faults did nothing";
  expect_each_transfer_once();
}

TEST_F(FaultsTest, WithoutFaultsNothingIsInjected) {
  open({});
  work_all();
  expect_each_transfer_once();
}

// The negative control: a body without a mark counts an applied commit again.
TEST_F(FaultsTest, ABodyThatIsNotIdempotentActsTwiceWhenACommitWasAppliedAndItsAnswerLost) {
  embedded::Faults faults;
  faults.unknown_applied_permille = 500;
  open(faults);
  constexpr int TIMES = 40;
  run<bool>([this]() -> Task<bool> {
    for (int i = 0; i < TIMES; ++i) {
      Function<Task<Result<bool>>(Transaction&)> body = [](Transaction& t) -> Task<Result<bool>> {
        t.add("sum", 1);
        co_return true;
      };
      const auto done = co_await database_->run<bool>(executor_, std::move(body));
      EXPECT_TRUE(done.has_value());
    }
    co_return true;
  });
  EXPECT_GT(value_of("sum"), static_cast<std::uint64_t>(TIMES));
}

TEST_F(FaultsTest, AnAnswerThatIsLateComesAllTheSameAndACancelledOneDoesNot) {
  embedded::Faults faults;
  faults.read = {20'000us, 20'000us};
  open(faults);
  const int code = run<int>([this]() -> Task<int> {
    Transaction t = database_->begin(executor_);
    const auto absent = co_await t.get("k");
    EXPECT_TRUE(absent.has_value());
    executor_.after(1ms, [&t] { t.cancel(); });
    const auto cancelled = co_await t.get("k");
    co_return cancelled ? 0 : cancelled.error().code;
  });
  EXPECT_EQ(code, 1025);
}

}  // namespace
}  // namespace everframe::store
