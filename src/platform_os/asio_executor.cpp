#include "platform_os/asio_executor.h"

#include <pthread.h>

#include <boost/asio/post.hpp>

#include "base/log.h"
#include "platform_os/short_slice.h"

namespace everframe::platform_os {

namespace {
thread_local const AsioExecutor* current_executor = nullptr;
}

AsioExecutor::AsioExecutor(std::string name, Wake wake)
    : name_(std::move(name)), wake_(wake), work_(io_.get_executor()) {}

AsioExecutor::~AsioExecutor() {
  stop();
  join();
}

void AsioExecutor::start() {
  EF_ASSERT(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), name_.substr(0, 15).c_str());
}

void AsioExecutor::run() {
  current_executor = this;
  if (wake_ == Wake::SOON) use_short_slice();
  // Work that throws is a bug that no actor caught: the process is in an unknown state, and durable state is
  // on disk.
  try {
    io_.run();
  } catch (const std::exception& failure) {
    log::error("executor {}: {}; the process ends, so that nothing wrong is written", name_, failure.what());
    std::abort();
  }
  current_executor = nullptr;
}

void AsioExecutor::stop() {
  io_.stop();
}

void AsioExecutor::join() {
  if (thread_.joinable() && thread_.get_id() != std::this_thread::get_id()) thread_.join();
}

void AsioExecutor::post(Function<void()> work) {
  // Asio wants handlers that it may move only; a Function is one.
  boost::asio::post(io_, [work = std::move(work)] { work(); });
}

platform::TimerId AsioExecutor::after(Duration delay, Function<void()> callback) {
  EF_ASSERT(is_current());
  const std::uint64_t id = ++timer_last_;
  auto timer = std::make_unique<boost::asio::steady_timer>(io_, delay);
  timer->async_wait([this, id, callback = std::move(callback)](const boost::system::error_code& error) {
    // A cancelled timer may already have been queued as expired: its entry decides.
    if (error || timers_.erase(id) == 0) return;
    callback();
  });
  timers_.emplace(id, std::move(timer));
  return platform::TimerId{id};
}

void AsioExecutor::cancel(platform::TimerId timer) {
  EF_ASSERT(is_current());
  timers_.erase(static_cast<std::uint64_t>(timer));
}

bool AsioExecutor::is_current() const {
  return current_executor == this;
}

}  // namespace everframe::platform_os
