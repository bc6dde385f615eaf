// Ring: a first-in first-out queue whose first INLINE elements lie in it, beside what else its owner touches,
// and more of them in one block, which it gives back when it runs empty after having been large. (An empty
// std::deque costs 576 bytes, and an association has five queues.) Its users set the limits of what they put
// in. T needs a default value; popping resets a slot to it, so that what it owned is freed.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include "base/assert.h"

namespace everframe::transport::sctp {

template <class T, std::size_t INLINE = 0>
class Ring {
  static_assert((INLINE & (INLINE - 1)) == 0, "a power of two, or none");

 public:
  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& operator[](std::size_t i) { return slots()[slot(i)]; }
  const T& operator[](std::size_t i) const { return slots()[slot(i)]; }

  T& push_back(T value) {
    if (count_ == capacity_) grow();
    T& to = slots()[(head_ + count_++) & (capacity_ - 1)];
    to = std::move(value);
    return to;
  }
  T pop_front() {
    T value = std::move(front());
    drop_front();
    return value;
  }
  void drop_front() {
    front() = T{};
    head_ = (head_ + 1) & (capacity_ - 1);
    if (--count_ > 0) return;
    head_ = 0;  // the same few slots again: they are in the caches
    if (capacity_ > KEEP_SLOTS) clear();
  }
  void clear() {
    for (std::size_t i = 0; i < count_; ++i) (*this)[i] = T{};
    block_.reset();
    capacity_ = INLINE;
    head_ = count_ = 0;
  }

 private:
  static constexpr std::size_t FIRST_SLOTS = 4;
  static constexpr std::size_t KEEP_SLOTS = 64;

  T* slots() { return block_ ? block_.get() : inline_.data(); }
  const T* slots() const { return block_ ? block_.get() : inline_.data(); }
  std::size_t slot(std::size_t i) const {
    EF_ASSERT(i < count_);
    return (head_ + i) & (capacity_ - 1);
  }
  void grow() {
    const std::size_t larger = capacity_ == 0 ? FIRST_SLOTS : capacity_ * 2;
    auto block = std::make_unique<T[]>(larger);
    for (std::size_t i = 0; i < count_; ++i) block[i] = std::exchange((*this)[i], T{});
    block_ = std::move(block);
    capacity_ = larger;
    head_ = 0;
  }

  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::size_t capacity_ = INLINE;  // a power of two
  std::unique_ptr<T[]> block_;     // null while the inline ones suffice
  std::array<T, INLINE> inline_{};
};

}  // namespace everframe::transport::sctp
