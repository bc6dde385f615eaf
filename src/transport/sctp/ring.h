// Ring: a first-in first-out queue that owns no memory until it is used, then one block, which it gives back
// when it runs empty after having been large. (An empty std::deque costs 576 bytes, and an association has
// five queues.) Its users set the limits of what they put in. T needs a default value; popping resets a slot
// to it, so that what it owned is freed.
#pragma once
#include <cstddef>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace everframe::transport::sctp {

template <class T>
class Ring {
 public:
  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& operator[](std::size_t i) { return slots_[slot(i)]; }
  const T& operator[](std::size_t i) const { return slots_[slot(i)]; }

  void push_back(T value) {
    if (count_ == slots_.size()) grow();
    slots_[(head_ + count_++) & (slots_.size() - 1)] = std::move(value);
  }
  T pop_front() {
    T value = std::exchange(front(), T{});
    head_ = (head_ + 1) & (slots_.size() - 1);
    if (--count_ == 0 && slots_.size() > KEEP_SLOTS) clear();
    return value;
  }
  void clear() {
    slots_ = {};
    head_ = count_ = 0;
  }

 private:
  static constexpr std::size_t FIRST_SLOTS = 4;
  static constexpr std::size_t KEEP_SLOTS = 64;

  std::size_t slot(std::size_t i) const {
    EF_ASSERT(i < count_);
    return (head_ + i) & (slots_.size() - 1);
  }
  void grow() {
    std::vector<T> larger(slots_.empty() ? FIRST_SLOTS : slots_.size() * 2);
    for (std::size_t i = 0; i < count_; ++i) larger[i] = std::move((*this)[i]);
    slots_ = std::move(larger);
    head_ = 0;
  }

  std::vector<T> slots_;  // a power of two of them
  std::size_t head_ = 0;
  std::size_t count_ = 0;
};

}  // namespace everframe::transport::sctp
