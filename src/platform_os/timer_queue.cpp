#include "platform_os/timer_queue.h"

namespace everframe::platform_os {

platform::TimerId TimerQueue::add(Time due, Function<void()> callback) {
  if (free_.empty()) {
    EF_ASSERT(places_.size() < TIMERS_MAX);
    free_.push_back(static_cast<Place>(places_.size()));
    places_.emplace_back();
  }
  const Place place = free_.back();
  free_.pop_back();
  Callback& held = places_[place];
  held.callback = std::move(callback);
  ++held.uses;
  heap_.emplace_back();
  rise(heap_.size() - 1, {due, ++last_, place});
  return platform::TimerId{held.uses * TIMERS_MAX + place};
}

void TimerQueue::cancel(platform::TimerId timer) {
  const auto id = static_cast<std::uint64_t>(timer);
  const std::uint64_t place = id % TIMERS_MAX;
  if (place >= places_.size()) return;
  const Callback& held = places_[place];
  if (held.uses == id / TIMERS_MAX && held.callback) remove(held.at);
}

std::optional<Time> TimerQueue::first() const {
  return heap_.empty() ? std::nullopt : std::optional(heap_.front().due);
}

Function<void()> TimerQueue::take_due(Time now) {
  if (heap_.empty() || heap_.front().due > now) return nullptr;
  return remove(0);
}

void TimerQueue::clear() {
  while (!heap_.empty()) remove(heap_.size() - 1);
}

Function<void()> TimerQueue::remove(std::size_t at) {
  const Place place = heap_[at].place;
  Function<void()> callback = std::move(places_[place].callback);
  free_.push_back(place);
  const Timer last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return callback;
  if (at > 0 && last < heap_[(at - 1) / 2]) {
    rise(at, last);
  } else {
    sink(at, last);
  }
  return callback;
}

void TimerQueue::put(std::size_t at, const Timer& timer) {
  heap_[at] = timer;
  places_[timer.place].at = at;
}

void TimerQueue::rise(std::size_t at, const Timer& timer) {
  while (at > 0 && timer < heap_[(at - 1) / 2]) {
    put(at, heap_[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  put(at, timer);
}

void TimerQueue::sink(std::size_t at, const Timer& timer) {
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1] < heap_[child]) ++child;
    if (timer < heap_[child]) break;
    put(at, heap_[child]);
    at = child;
  }
  put(at, timer);
}

}  // namespace everframe::platform_os
