// For tests: the stack machine with an executor of its own, and the rows of a whole database.
#pragma once
#include <gtest/gtest.h>

#include <future>
#include <map>

#include "../store/engine_for_tests.h"
#include "machine.h"
#include "platform_os/asio_executor.h"
#include "platform_os/os_clock.h"

namespace everframe::stack {

inline constexpr std::size_t LOADED_ROWS = 1'000;  // a transaction
inline constexpr std::chrono::seconds PATIENCE{250};

using Rows = std::map<std::string, std::string>;

class MachineTest : public ::testing::Test {
 protected:
  MachineTest() {
    embedded::configure({nullptr, &clock_, 1});
    executor_.start();
  }
  ~MachineTest() override {
    executor_.stop();
    executor_.join();
  }

  template <class T>
  T finish(Function<Task<T>()> task) {
    auto promise = std::make_shared<std::promise<T>>();
    auto future = promise->get_future();
    executor_.post([promise, held = std::make_shared<Function<Task<T>()>>(std::move(task))] {
      spawn(keep<T>(held, promise), [](std::exception_ptr) {});
    });
    if (future.wait_for(PATIENCE) != std::future_status::ready) {
      std::fprintf(stderr, "a program hangs\n");
      std::abort();
    }
    return future.get();
  }
  template <class T>
  static Task<void> keep(std::shared_ptr<Function<Task<T>()>> task,
                         std::shared_ptr<std::promise<T>> promise) {
    promise->set_value(co_await (*task)());
  }

  void load(store::Database& database, const Rows& rows) {
    for (auto at = rows.begin(); at != rows.end();) {
      finish<bool>([&]() -> Task<bool> {
        store::Transaction t = database.begin(executor_);
        for (std::size_t i = 0; i < LOADED_ROWS && at != rows.end(); ++i, ++at) t.set(at->first, at->second);
        const auto committed = co_await t.commit();
        EXPECT_TRUE(committed.has_value());
        co_return true;
      });
    }
  }
  Rows all(store::Database& database) {
    return finish<Rows>([&]() -> Task<Rows> {
      store::Transaction t = database.begin(executor_);
      store::KeyRange everything;
      everything.end = "\xff";
      const auto rows = co_await t.get_range(everything);
      Rows out;
      for (const auto& row : rows.value()) out.emplace(row.key, row.value);
      co_return out;
    });
  }
  void empty(store::Database& database) {
    finish<bool>([&]() -> Task<bool> {
      Function<Task<Result<bool>>(store::Transaction&)> body = store::EmptyDatabase::clear;
      const auto done = co_await database.run<bool>(executor_, std::move(body));
      EXPECT_TRUE(done.has_value());
      co_return true;
    });
  }
  bool run_program(store::Database& database, const std::string& name, const std::string& prefix) {
    stack::Run run{database, executor_, {}, {}};
    const bool good = finish<bool>([&]() -> Task<bool> {
      Machine machine(run, prefix);
      const bool done = co_await machine.run();
      run.transactions.clear();
      co_return done;
    });
    EXPECT_TRUE(good) << name << ": " << run.failure;
    return good;
  }

  platform_os::OsClock clock_;
  platform_os::AsioExecutor executor_{"stack"};
};

}  // namespace everframe::stack
