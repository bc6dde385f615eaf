// Busyness: how much of its time a thread has worked lately, 0 to 1: each stretch of work counts fully when
// it ends and half as much a second later. One thread notes, any thread asks.
#pragma once
#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/time.h"

namespace everframe::embedded {

class Busyness {
 public:
  void note(Time begin, Time end) {
    const std::lock_guard lock(mutex_);
    fade(end);
    worked_s_ += seconds(end - begin);
  }
  double share(Time now) {
    const std::lock_guard lock(mutex_);
    fade(now);
    return std::min(1.0, worked_s_ * LN_2);  // a thread that always works gathers 1 / ln 2 seconds
  }

 private:
  static constexpr double LN_2 = 0.6931471805599453;
  static double seconds(Duration span) { return static_cast<double>(span.count()) / 1e6; }
  void fade(Time now) {
    if (now <= last_) return;
    worked_s_ *= std::exp2(-seconds(now - last_));
    last_ = now;
  }

  std::mutex mutex_;
  double worked_s_ = 0;
  Time last_{};
};

}  // namespace everframe::embedded
