#include "platform_os/asio_executor.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <mutex>

#include "base/log.h"
#include "platform_os/short_slice.h"

namespace everframe::platform_os {

namespace {

thread_local const AsioExecutor* current_executor = nullptr;

}  // namespace

AsioExecutor::AsioExecutor(std::string name, Wake wake)
    : name_(std::move(name)), wake_(wake), work_(io_.get_executor()), alarm_(io_) {}

// What is left is destroyed unrun; it may post more while it goes.
AsioExecutor::~AsioExecutor() {
  stop();
  join();
  do {
    timers_.clear();
    next_.clear();
  } while (take_posted());
  const std::lock_guard lock(lock_);
  closed_ = true;
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
  stopped_ = true;
  io_.stop();
}

void AsioExecutor::join() {
  if (thread_.joinable() && thread_.get_id() != std::this_thread::get_id()) thread_.join();
}

void AsioExecutor::post(Function<void()> work) {
  if (is_current() && working_off_ && !any_posted_.load(std::memory_order_acquire)) {
    next_.push_back(std::move(work));
  } else {
    post_behind_others(std::move(work));
  }
}

void AsioExecutor::post_behind_others(Function<void()> work) {
  bool wake = false;
  {
    const std::lock_guard lock(lock_);
    if (closed_) return;
    posted_.push_back(std::move(work));
    any_posted_.store(true, std::memory_order_release);
    wake = !std::exchange(awake_, true);
  }
  if (wake) boost::asio::post(io_, [this] { work_off(); });
}

// Once nothing is left of what was taken before.
bool AsioExecutor::take_posted() {
  const std::lock_guard lock(lock_);
  next_.swap(posted_);
  any_posted_.store(false, std::memory_order_release);
  return awake_ = working_off_ = !next_.empty();
}

void AsioExecutor::work_off() {
  working_off_ = true;
  for (std::size_t i = 0; i < ROUND; ++i) {
    if (next_.empty() && !take_posted()) return;
    const Function<void()> work = std::move(next_.front());
    next_.pop_front();
    work();
    if (stopped_.load(std::memory_order_relaxed)) return;
  }
  boost::asio::post(io_, [this] { work_off(); });
}

platform::TimerId AsioExecutor::after(Duration delay, Function<void()> callback) {
  EF_ASSERT(is_current());
  const platform::TimerId timer = timers_.add(now() + std::max(delay, Duration(0)), std::move(callback));
  arm();
  return timer;
}

void AsioExecutor::cancel(platform::TimerId timer) {
  EF_ASSERT(is_current());
  timers_.cancel(timer);  // the alarm may ring for nobody
}

// One alarm for all timers; it is only ever set forward, since that is a system call.
void AsioExecutor::arm() {
  const std::optional<Time> first = timers_.first();
  if (!first || (armed_for_ && *armed_for_ <= *first)) return;
  armed_for_ = first;
  alarm_.expires_after(*first - now());
  alarm_.async_wait([this](const boost::system::error_code& error) {
    if (!error) fire();
  });
}

void AsioExecutor::fire() {
  armed_for_.reset();
  const Time time = now();
  for (std::size_t i = 0; i < ROUND && !stopped_.load(std::memory_order_relaxed); ++i) {
    const Function<void()> callback = timers_.take_due(time);
    if (!callback) break;
    callback();
  }
  arm();
}

bool AsioExecutor::is_current() const {
  return current_executor == this;
}

}  // namespace everframe::platform_os
