// AsioExecutor: an Executor on a Boost.Asio io_context, run by one thread of its own (or by the caller, with
// run()). Start: construct, then start() or run(). End: stop(), then join(); work still queued is destroyed
// unrun. io() is for those who bring sockets of their own to this executor (admin's HTTP server, the UDP
// sockets).
#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <string>
#include <thread>

#include "base/lock.h"
#include "platform/executor.h"
#include "platform_os/os_clock.h"
#include "platform_os/timer_queue.h"

namespace everframe::platform_os {

inline constexpr std::size_t ROUND = 32;  // pieces of work, or timers: then sockets get their turn

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
  bool take_posted();
  void post_behind_others(Function<void()> work);
  void work_off();
  void fire();
  void arm();

  const std::string name_;
  const Wake wake_;
  const OsClock clock_{};
  std::atomic<bool> stopped_ = false;

  // What is posted waits here, not in Asio, which looks at its sockets between any two pieces of work and
  // makes a system call of it. One piece of Asio's works off up to ROUND of ours. While it is under way, what
  // this thread posts needs no lock, unless it has to stay behind what another thread posted before.
  Lock lock_;
  std::deque<Function<void()>> posted_;
  std::atomic<bool> any_posted_ = false;  // written under the lock
  bool awake_ = false;                    // work_off is under way
  bool closed_ = false;                   // its thread is gone: what comes is dropped

  // owned by this executor's thread
  std::deque<Function<void()>> next_;
  bool working_off_ = false;  // as awake_
  TimerQueue timers_;
  std::optional<Time> armed_for_;

  // Not with the concurrency hint 1: Asio then keeps what this thread posts aside until its handler has
  // ended, and what another thread posts after that overtakes it.
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer alarm_;
  std::thread thread_;
};

}  // namespace everframe::platform_os
