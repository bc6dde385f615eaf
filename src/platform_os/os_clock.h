// The real clock and the kernel's entropy. Stateless; any thread.
#pragma once
#include "platform/clock.h"

namespace everframe::platform_os {

class OsClock final : public platform::Clock {
 public:
  Time now() const override;         // CLOCK_MONOTONIC
  WallMs wall() const override;      // CLOCK_REALTIME
  Time coarse_now() const override;  // CLOCK_MONOTONIC_COARSE: the kernel's last tick; a fifth of the cost
};

class OsEntropy final : public platform::Entropy {
 public:
  void fill(std::span<std::uint8_t> out) override;  // getrandom(2); ends the process if the kernel refuses
};

}  // namespace everframe::platform_os
