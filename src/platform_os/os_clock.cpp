#include "platform_os/os_clock.h"

#include <sys/random.h>
#include <time.h>

#include <cerrno>
#include <cstdlib>

#include "base/log.h"

namespace everframe::platform_os {

namespace {

std::int64_t read_microseconds(clockid_t id) {
  timespec spec{};
  clock_gettime(id, &spec);
  return std::int64_t{spec.tv_sec} * 1'000'000 + spec.tv_nsec / 1'000;
}

}  // namespace

Time OsClock::now() const {
  return Time(Duration(read_microseconds(CLOCK_MONOTONIC)));
}

WallMs OsClock::wall() const {
  return WallMs{read_microseconds(CLOCK_REALTIME) / 1'000};
}

Time OsClock::coarse_now() const {
  return Time(Duration(read_microseconds(CLOCK_MONOTONIC_COARSE)));
}

void OsEntropy::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      log::error("the kernel gives no random bytes (getrandom); nothing here is safe without them");
      std::abort();
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace everframe::platform_os
