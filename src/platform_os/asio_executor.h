// AsioExecutor: an Executor on a Boost.Asio io_context, run by one thread of its own (or by the caller, with
// run()). Start: construct, then start() or run(). End: stop(), then join(); work still queued is destroyed
// unrun. io() is for those who bring sockets of their own to this executor (admin's HTTP server, the UDP
// sockets).
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "platform/executor.h"
#include "platform_os/os_clock.h"

namespace everframe::platform_os {

class AsioExecutor final : public platform::Executor {
 public:
  // SOON: its thread has little to do at a time and others wait for it (short_slice.h).
  enum class Wake { NORMAL, SOON };
  // The thread's name: 15 characters at most are shown by the kernel.
  explicit AsioExecutor(std::string name, Wake wake = Wake::NORMAL);
  ~AsioExecutor() override;

  void start();  // runs on a new thread
  void run();    // runs on this thread, until stop()
  void stop();   // any thread
  void join();

  void post(Function<void()> work) override;
  platform::TimerId after(Duration delay, Function<void()> callback) override;
  void cancel(platform::TimerId timer) override;
  bool is_current() const override;
  const platform::Clock& clock() const override { return clock_; }

  boost::asio::io_context& io() { return io_; }

 private:
  const std::string name_;
  const Wake wake_;
  const OsClock clock_{};
  // Not with the concurrency hint 1: Asio then keeps what this thread posts aside until its handler has
  // ended, and what another thread posts after that overtakes it.
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;

  // owned by this executor's thread
  std::unordered_map<std::uint64_t, std::unique_ptr<boost::asio::steady_timer>> timers_;
  std::uint64_t timer_last_ = 0;
};

}  // namespace everframe::platform_os
