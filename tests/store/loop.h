// For tests: a store in memory, an executor with a thread of its own, and tasks run on it to their end.
#pragma once
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "engine_for_tests.h"
#include "platform_os/asio_executor.h"
#include "platform_os/os_clock.h"
#include "store/database.h"

namespace everframe::store {

inline constexpr std::chrono::seconds PATIENCE{100};  // a hang ends the test

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    embedded::configure({nullptr, &clock_, 1});
    executor_.start();
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    database_ = open_engine(test->name());
    refused_ = on_database(EmptyDatabase::check);
    if (!refused_.empty()) throw std::runtime_error(refused_);
  }
  ~StoreTest() override {
    EXPECT_EQ(on_database(EmptyDatabase::clear), "");
    executor_.stop();
    executor_.join();
  }

  std::unique_ptr<Database> open(const platform::FdbApi& api) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    auto database = Database::open(api, std::string("memory:") + test->name());
    EXPECT_TRUE(database.has_value()) << database.error().text;
    return std::move(*database);
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

  platform_os::OsClock clock_;
  platform_os::AsioExecutor executor_{"test"};
  std::unique_ptr<Database> database_;

 private:
  // What went wrong, if anything.
  std::string on_database(Task<Result<bool>> (*body)(Transaction&)) {
    const auto done = run<Result<bool>>([&]() -> Task<Result<bool>> {
      Function<Task<Result<bool>>(Transaction&)> step = body;
      co_return co_await database_->run<bool>(executor_, std::move(step));
    });
    return done ? std::string() : done.error().text;
  }
  std::string refused_;

  template <class T>
  static Task<void> keep(std::shared_ptr<std::promise<T>> promise,
                         std::shared_ptr<Function<Task<T>()>> task) {
    promise->set_value(co_await (*task)());
  }
};

}  // namespace everframe::store
