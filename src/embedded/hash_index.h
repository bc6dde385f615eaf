// HashIndex: from a key's hash to a place (an iterator or pointer), in one flat table with linear probing, so
// that a lookup touches one line of the table and then the place itself. Whoever owns it compares the keys.
//
// Threads: none inside. It grows by doubling, which moves everything: keep many small ones rather than one.
#pragma once
#include <cstdint>
#include <vector>

#include "base/assert.h"

namespace everframe::embedded {

template <class Place>
class HashIndex {
 public:
  // The place under `hash` for which is_it(place) holds, or null.
  template <class IsIt>
  const Place* find(std::uint64_t hash, IsIt is_it) const {
    if (slots_.empty()) return nullptr;
    for (std::size_t i = home(mark(hash));; i = next(i)) {
      const Slot& slot = slots_[i];
      if (slot.hash == EMPTY) return nullptr;
      if (slot.hash == mark(hash) && is_it(slot.place)) return &slot.place;
    }
  }

  // Has the line of the table that find(hash) will look at first brought near.
  void prefetch(std::uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[home(mark(hash))]);
  }

  std::size_t size() const { return count_; }

  // Visits up to `count` places; which ones says nothing about their keys. Gives how many it visited.
  template <class Visit>
  std::size_t sample(std::size_t count, Visit visit) const {
    std::size_t visited = 0;
    for (std::size_t i = 0; i < slots_.size() && visited < count; ++i) {
      if (slots_[i].hash == EMPTY) continue;
      visit(slots_[i].place);
      ++visited;
    }
    return visited;
  }

  // Of a key that is not in it.
  void insert(std::uint64_t hash, Place place) {
    if ((count_ + 1) * 4 > slots_.size() * 3) grow();
    put(mark(hash), place);
    ++count_;
  }

  // Of one that is.
  void erase(std::uint64_t hash, Place place) {
    std::size_t hole = home(mark(hash));
    while (slots_[hole].hash != mark(hash) || slots_[hole].place != place) {
      EF_ASSERT(slots_[hole].hash != EMPTY);
      hole = next(hole);
    }
    // Those behind the hole that may lie in it move up, so that no probe ends too early.
    for (std::size_t i = next(hole); slots_[i].hash != EMPTY; i = next(i)) {
      const std::size_t from = home(slots_[i].hash);
      const std::size_t mask = slots_.size() - 1;
      if (((i - from) & mask) < ((i - hole) & mask)) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole].hash = EMPTY;
    --count_;
  }

 private:
  static constexpr std::uint64_t EMPTY = 0;
  static constexpr std::size_t SLOTS_MIN = 16;
  struct Slot {
    std::uint64_t hash = EMPTY;
    Place place{};
  };

  static std::uint64_t mark(std::uint64_t hash) { return hash == EMPTY ? 1 : hash; }
  std::size_t home(std::uint64_t marked) const { return marked & (slots_.size() - 1); }
  std::size_t next(std::size_t i) const { return (i + 1) & (slots_.size() - 1); }

  void put(std::uint64_t marked, Place place) {
    std::size_t i = home(marked);
    while (slots_[i].hash != EMPTY) i = next(i);
    slots_[i] = {marked, place};
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? SLOTS_MIN : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.hash != EMPTY) put(slot.hash, slot.place);
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, or none
  std::size_t count_ = 0;
};

}  // namespace everframe::embedded
