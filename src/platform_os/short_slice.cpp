#include "platform_os/short_slice.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace everframe::platform_os {

namespace {

// sched_setattr(2); glibc has no wrapper for it before 2.41.
struct SchedulerAttributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime_ns;
  std::uint64_t deadline_ns;
  std::uint64_t period_ns;
};

constexpr std::uint64_t SLICE_NS = 100'000;

}  // namespace

void use_short_slice() {
  // A thread that someone gave a real-time class is left in it: this would take it away.
  SchedulerAttributes attributes{};
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0 || attributes.policy != 0) return;
  attributes.size = sizeof attributes;
  attributes.flags = 0;
  attributes.runtime_ns = SLICE_NS;
  // Of an unknown or forbidden request the kernel changes nothing, and neither do we.
  static_cast<void>(syscall(SYS_sched_setattr, 0, &attributes, 0));
}

}  // namespace everframe::platform_os
