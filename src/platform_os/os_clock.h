// The real clock and the kernel's entropy. Stateless; any thread.
#pragma once
#include "platform/clock.h"

namespace everframe::platform_os {

class OsClock final : public platform::Clock {
 public:
  Time now() const override;     // CLOCK_MONOTONIC
  WallMs wall() const override;  // CLOCK_REALTIME
};

class OsEntropy final : public platform::Entropy {
 public:
  void fill(std::span<std::uint8_t> out) override;  // getrandom(2); ends the process if the kernel refuses
};

}  // namespace everframe::platform_os
