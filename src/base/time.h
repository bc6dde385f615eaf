// Time: instants and spans. Both are arguments everywhere; only platform_os reads a clock.
#pragma once
#include <chrono>
#include <cstdint>

namespace everframe {

using Duration = std::chrono::microseconds;
using namespace std::chrono_literals;

struct MonotonicClock;  // a tag: microseconds since some start, never going back
using Time = std::chrono::time_point<MonotonicClock, Duration>;

// Milliseconds since the Unix epoch. Persistent: due times and frame records are in it.
enum class WallMs : std::int64_t {};

}  // namespace everframe
