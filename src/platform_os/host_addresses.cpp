#include "platform_os/host_addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <memory>
#include <optional>

namespace everframe::platform_os {

namespace {

bool is_link_local(const Address& address) {
  if (address.is_v4()) return address.ip[12] == 169 && address.ip[13] == 254;  // RFC 3927
  return address.ip[0] == 0xfe && (address.ip[1] & 0xc0) == 0x80;              // RFC 4291 section 2.5.6
}

std::optional<Address> address_of(const sockaddr* native, std::uint16_t port) {
  if (native == nullptr) return std::nullopt;
  Address out;
  out.port = port;
  if (native->sa_family == AF_INET) {
    out.ip[10] = out.ip[11] = 0xff;
    std::memcpy(out.ip.data() + 12, &reinterpret_cast<const sockaddr_in*>(native)->sin_addr, 4);
    return out;
  }
  if (native->sa_family != AF_INET6) return std::nullopt;
  std::memcpy(out.ip.data(), &reinterpret_cast<const sockaddr_in6*>(native)->sin6_addr, 16);
  return out;
}

}  // namespace

bool is_unspecified(const Address& address) {
  const Address any = address.is_v4() ? Address::v4(0, 0, 0, 0, 0) : Address{};
  return address.ip == any.ip;
}

std::vector<Address> host_addresses(const Address& local) {
  if (!is_unspecified(local)) return {local};
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {local};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  std::vector<Address> found;
  std::vector<Address> loopback;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if ((each->ifa_flags & IFF_UP) == 0) continue;
    const std::optional<Address> address = address_of(each->ifa_addr, local.port);
    if (!address || is_link_local(*address) || (local.is_v4() && !address->is_v4())) continue;
    ((each->ifa_flags & IFF_LOOPBACK) != 0 ? loopback : found).push_back(*address);
  }
  if (found.empty()) found = std::move(loopback);
  if (found.size() > HOST_ADDRESSES_MAX) found.resize(HOST_ADDRESSES_MAX);
  return found;
}

}  // namespace everframe::platform_os
