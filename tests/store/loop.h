// For tests: a store in memory, an executor with a thread of its own, and tasks run on it to their end.
#pragma once
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "embedded/engine.h"
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
    database_ = open(embedded::api());
  }
  ~StoreTest() override {
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
  template <class T>
  static Task<void> keep(std::shared_ptr<std::promise<T>> promise,
                         std::shared_ptr<Function<Task<T>()>> task) {
    promise->set_value(co_await (*task)());
  }
};

}  // namespace everframe::store
