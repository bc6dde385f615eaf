// Subscriber: whom limits per address count. An IPv4 address is one; of IPv6 it is a /64, since that is what
// one customer gets (RFC 6177), and he can use all of it.
#pragma once
#include <algorithm>
#include <array>

#include "base/address.h"

namespace everframe {

using Subscriber = std::array<std::uint8_t, 16>;

inline Subscriber subscriber_of(const Address& address) {
  Subscriber out = address.ip;
  if (!address.is_v4()) std::fill(out.begin() + 8, out.end(), std::uint8_t{0});
  return out;
}

}  // namespace everframe
