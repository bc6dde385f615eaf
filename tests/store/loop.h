// For tests: a store in memory, an executor with a thread of its own, and tasks run on it to their end.
#pragma once
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <random>
#include <string>

#include "engine_for_tests.h"
#include "platform_os/asio_executor.h"
#include "platform_os/os_clock.h"
#include "store/database.h"
#include "store/directory.h"

namespace everframe::store {

inline constexpr std::chrono::seconds PATIENCE{100};  // a hang ends the test

// What a test may write: all of an empty database, or only what begins with home_, a prefix of its own. It is
// cleared when the test ends.
enum class Ground { WHOLE, SANDBOX };

class StoreTest : public ::testing::Test {
 protected:
  explicit StoreTest(Ground ground = Ground::WHOLE)
      : home_(ground == Ground::WHOLE ? std::string()
                                      : fmt::format("sandbox {:08x}/", std::random_device{}())) {
    embedded::configure({nullptr, &clock_, 1});
    executor_.start();
    database_ = open(engine_api());
    if (ground == Ground::SANDBOX) return;
    const std::string refused = on_database(EmptyDatabase::check);
    if (!refused.empty()) throw std::runtime_error(refused);
  }
  ~StoreTest() override {
    EXPECT_EQ(on_database([this](Transaction& t) { return clear(t, home_); }), "");
    executor_.stop();
    executor_.join();
  }

  // One more handle of the same database.
  std::unique_ptr<Database> open(const platform::FdbApi& api) {
    return open_engine(::testing::UnitTest::GetInstance()->current_test_info()->name(), api);
  }
  // As a directory layer of its own, beneath home_.
  DirectoryOptions sandbox_directories(bool manual_prefixes = false) const {
    return {Subspace(home_ + "\xfe"), Subspace(home_), manual_prefixes};
  }

  // Starts `task` on the executor; its value, or its failed assertion, comes out of get().
  template <class T>
  std::future<T> start(Function<Task<T>()> task) {
    auto promise = std::make_shared<std::promise<T>>();
    auto future = promise->get_future();
    executor_.post([this, promise, task = std::make_shared<Function<Task<T>()>>(std::move(task))] {
      spawn(keep<T>(promise, task), [promise](std::exception_ptr error) {
        if (error) promise->set_exception(error);
      });
    });
    return future;
  }
  template <class T>
  T finish(std::future<T> future) {
    if (future.wait_for(PATIENCE) != std::future_status::ready) throw std::runtime_error("a task hangs");
    return future.get();
  }
  template <class T>
  T run(Function<Task<T>()> task) {
    return finish(start<T>(std::move(task)));
  }

  const std::string home_;
  platform_os::OsClock clock_;
  platform_os::AsioExecutor executor_{"test"};
  std::unique_ptr<Database> database_;

 private:
  // What went wrong, if anything.
  std::string on_database(Function<Task<Result<bool>>(Transaction&)> body) {
    const auto done = run<Result<bool>>(
        [&]() -> Task<Result<bool>> { return database_->run<bool>(executor_, std::move(body)); });
    return done ? std::string() : done.error().text;
  }
  static Task<Result<bool>> clear(Transaction& t, std::string prefix) {
    if (prefix.empty()) co_return co_await EmptyDatabase::clear(t);
    t.clear(keys_starting_with(prefix));
    co_return true;
  }

  template <class T>
  static Task<void> keep(std::shared_ptr<std::promise<T>> promise,
                         std::shared_ptr<Function<Task<T>()>> task) {
    promise->set_value(co_await (*task)());
  }
};

}  // namespace everframe::store
