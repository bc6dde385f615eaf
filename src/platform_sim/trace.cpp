#include "platform_sim/trace.h"

#include <fmt/format.h>

#include <cstdio>

namespace everframe::platform_sim {

void Trace::note(Time at, std::string_view words) {
  const std::int64_t us = at.time_since_epoch().count();
  add(static_cast<std::uint64_t>(us));
  add(bytes_of(words));
  ++notes_;
  last_.push_back(fmt::format("{:4}.{:06} {}", us / 1'000'000, us % 1'000'000, words));
  if (printing_) std::puts(last_.back().c_str());
  if (last_.size() > KEPT) last_.pop_front();
}

}  // namespace everframe::platform_sim
