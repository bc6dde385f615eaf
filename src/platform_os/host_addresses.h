// HostAddresses: where others reach a socket of this machine. For an unspecified address (0.0.0.0, [::])
// those of all interfaces that are up, of its families ([::] takes IPv4 too); without link-local ones, which
// mean nothing elsewhere; loopback only if there is nothing else. Ports are `local`'s. Limit:
// HOST_ADDRESSES_MAX.
#pragma once
#include <vector>

#include "base/address.h"

namespace everframe::platform_os {

inline constexpr std::size_t HOST_ADDRESSES_MAX = 8;

bool is_unspecified(const Address& address);
std::vector<Address> host_addresses(const Address& local);

}  // namespace everframe::platform_os
