// Clock, Entropy: time and true randomness, as arguments. Only platform_os reads the real ones.
#pragma once
#include <cstdint>
#include <span>

#include "base/time.h"

namespace everframe::platform {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;     // monotonic; any thread
  virtual WallMs wall() const = 0;  // may jump; any thread
  // now(), or some milliseconds before it: for figures that are asked for very often. Any thread.
  virtual Time coarse_now() const { return now(); }
};

// Bytes fit for secrets. Any thread.
class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;
  std::uint64_t u64() {
    std::uint8_t b[8];
    fill(b);
    std::uint64_t v = 0;
    for (int i = 0; i < 8; ++i) v = (v << 8) | b[i];
    return v;
  }
};

}  // namespace everframe::platform
