// TimerWheel: very many timers of which few run out, each set anew again and again: setting and cancelling
// cost the same however many there are, and those that wait cost nothing (Varghese and Lauck 1987). Two
// wheels, of 256 ms in steps of 1 ms and of 65 s in steps of 256 ms. A timer of the second runs out up to 256
// ms too soon (and later than 65 s even sooner): whoever is woken looks whether it is time, and sets it
// again. Ownership: none; a node is part of whatever it wakes, and must be cancelled before that goes away.
// Time: only what callers say; it does not go back.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace everframe::transport {

class TimerWheel {
 public:
  struct Node {
    Node* next = nullptr;
    Node* previous = nullptr;
    std::uint16_t slot = IDLE;
    Time at{};  // what it was set to
    bool armed() const { return slot != IDLE; }
  };

  void arm(Node& node, Time at, Time now) {
    cancel(node);
    node.at = at;
    if (const std::int64_t today = now.time_since_epoch().count() / STEP_US;
        heads_[DUE] == nullptr && next_tick() > today)
      cursor_ = std::max(cursor_, today);
    const std::int64_t wanted = std::max(ceiling(at), cursor_ + 1);
    const std::int64_t block = std::min((wanted >> BITS), (cursor_ >> BITS) + SLOTS - 1);
    const bool soon = wanted - cursor_ < SLOTS;
    put(node, static_cast<std::uint16_t>(soon ? wanted & MASK : SLOTS + (block & MASK)));
  }

  void cancel(Node& node) {
    if (!node.armed()) return;
    (node.previous != nullptr ? node.previous->next : heads_[node.slot]) = node.next;
    if (node.next != nullptr) node.next->previous = node.previous;
    if (heads_[node.slot] == nullptr && node.slot < DUE)
      bits_[node.slot / 64] &= ~(std::uint64_t{1} << node.slot % 64);
    node.next = node.previous = nullptr;
    node.slot = IDLE;
  }

  // The next that has run out, not armed any more.
  Node* take(Time now) {
    const std::int64_t target = now.time_since_epoch().count() / STEP_US;
    while (heads_[DUE] == nullptr) {
      const std::int64_t tick = next_tick();
      if (tick > target) {
        cursor_ = std::max(cursor_, target);
        return nullptr;
      }
      cursor_ = tick;
      expire(static_cast<std::uint16_t>(tick & MASK));
      if ((tick & MASK) == 0) expire(static_cast<std::uint16_t>(SLOTS + (tick >> BITS & MASK)));
    }
    Node* const node = heads_[DUE];
    cancel(*node);
    return node;
  }

  std::optional<Time> next() const {
    if (heads_[DUE] != nullptr) return Time(Duration(cursor_ * STEP_US));
    const std::int64_t tick = next_tick();
    if (tick == NEVER) return std::nullopt;
    return Time(Duration(tick * STEP_US));
  }

 private:
  static constexpr int BITS = 8;
  static constexpr std::int64_t SLOTS = 1 << BITS;  // of each wheel
  static constexpr std::int64_t MASK = SLOTS - 1;
  static constexpr std::uint16_t DUE = 2 * SLOTS;  // what has run out and was not taken yet
  static constexpr std::uint16_t IDLE = DUE + 1;
  static constexpr std::int64_t STEP_US = 1'000;
  static constexpr std::int64_t NEVER = INT64_MAX;
  static constexpr std::size_t WORDS = SLOTS / 64;

  static std::int64_t ceiling(Time at) { return (at.time_since_epoch().count() + STEP_US - 1) / STEP_US; }

  void put(Node& node, std::uint16_t slot) {
    node.slot = slot;
    node.next = heads_[slot];
    if (node.next != nullptr) node.next->previous = &node;
    heads_[slot] = &node;
    if (slot < DUE) bits_[slot / 64] |= std::uint64_t{1} << slot % 64;
  }
  void expire(std::uint16_t slot) {
    while (Node* const node = heads_[slot]) {
      cancel(*node);
      put(*node, DUE);
    }
  }
  // How far behind `from` the first slot in use is, in its wheel; SLOTS if there is none.
  std::int64_t distance(std::size_t wheel, std::int64_t from) const {
    const std::uint64_t* const words = bits_.data() + wheel * WORDS;
    std::int64_t walked = 0;
    while (walked < SLOTS) {
      const std::int64_t slot = (from + walked) & MASK;
      const std::uint64_t rest = words[slot / 64] >> slot % 64;
      if (rest != 0) return std::min(walked + std::countr_zero(rest), SLOTS);
      walked += 64 - slot % 64;
    }
    return SLOTS;
  }
  std::int64_t next_tick() const {
    const std::int64_t soon = distance(0, cursor_ + 1);
    const std::int64_t late = distance(1, (cursor_ >> BITS) + 1);
    const std::int64_t first = soon < SLOTS ? cursor_ + 1 + soon : NEVER;
    return late < SLOTS ? std::min(first, ((cursor_ >> BITS) + 1 + late) << BITS) : first;
  }

  std::array<Node*, DUE + 1> heads_{};
  std::array<std::uint64_t, 2 * WORDS> bits_{};
  std::int64_t cursor_ = 0;  // all up to this step has run out
};

}  // namespace everframe::transport
