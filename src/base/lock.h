// Lock: a mutex of four bytes, two instructions where nobody contends (U. Drepper, Futexes Are Tricky, the
// second mutex). For std::lock_guard. Not recursive, not fair: for what is held a few instructions long and
// exists in great number.
#pragma once
#include <atomic>

namespace everframe {

class Lock {
 public:
  void lock() {
    int free = FREE;
    if (state_.compare_exchange_strong(free, HELD, std::memory_order_acquire)) return;
    while (state_.exchange(AWAITED, std::memory_order_acquire) != FREE)
      state_.wait(AWAITED, std::memory_order_relaxed);
  }
  void unlock() {
    if (state_.exchange(FREE, std::memory_order_release) == AWAITED) state_.notify_one();
  }

 private:
  static constexpr int FREE = 0;
  static constexpr int HELD = 1;
  static constexpr int AWAITED = 2;  // held, and somebody may wait
  std::atomic<int> state_ = FREE;
};

}  // namespace everframe
