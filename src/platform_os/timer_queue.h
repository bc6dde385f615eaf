// TimerQueue: callbacks by due time, those of one time by age. An indexed binary heap: cancelling costs as
// little as setting, and frees at once what the callback holds. One thread. Limit: TIMERS_MAX at a time.
#pragma once
#include <optional>
#include <vector>

#include "platform/executor.h"

namespace everframe::platform_os {

inline constexpr std::size_t TIMERS_MAX = std::size_t{1} << 20;  // a hundred for each of 10,000 sessions

class TimerQueue {
 public:
  platform::TimerId add(Time due, Function<void()> callback);
  void cancel(platform::TimerId timer);  // of one that is not here: nothing happens
  std::optional<Time> first() const;     // when the next one is due
  Function<void()> take_due(Time now);   // the next one if it is due; else none
  void clear();

 private:
  using Place = std::uint32_t;  // in places_
  struct Timer {
    Time due{};
    std::uint64_t age = 0;
    Place place = 0;
    bool operator<(const Timer& other) const { return due != other.due ? due < other.due : age < other.age; }
  };
  struct Callback {
    Function<void()> callback;
    std::uint64_t uses = 0;  // of this place: an id names one of them
    std::size_t at = 0;      // in heap_
  };
  void put(std::size_t at, const Timer& timer);
  void rise(std::size_t at, const Timer& timer);
  void sink(std::size_t at, const Timer& timer);
  Function<void()> remove(std::size_t at);

  std::vector<Timer> heap_;
  std::vector<Callback> places_;
  std::vector<Place> free_;
  std::uint64_t last_ = 0;
};

}  // namespace everframe::platform_os
