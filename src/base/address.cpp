#include "base/address.h"

#include <arpa/inet.h>

#include <charconv>

namespace everframe {

Result<Address> Address::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  if (colon == std::string_view::npos || (bracketed && text[colon - 1] != ']')) {
    return fail("'{}' is not an address: expected ADDR:PORT such as 127.0.0.1:8080 or [::1]:8080", text);
  }
  const std::string host(bracketed ? text.substr(1, colon - 2) : text.substr(0, colon));
  const std::string_view digits = text.substr(colon + 1);
  Address address;
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty() || port > 65535) {
    return fail("'{}' has no port from 0 to 65535 after its last ':'", text);
  }
  address.port = static_cast<std::uint16_t>(port);
  in_addr v4_address{};
  if (!bracketed && inet_pton(AF_INET, host.c_str(), &v4_address) == 1) {
    address.ip[10] = address.ip[11] = 0xff;
    std::memcpy(address.ip.data() + 12, &v4_address, 4);
    return address;
  }
  if (bracketed && inet_pton(AF_INET6, host.c_str(), address.ip.data()) == 1) return address;
  return fail("'{}' is not a numeric IPv4 address, nor an IPv6 address in brackets", text);
}

std::string Address::ip_text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  if (is_v4()) {
    inet_ntop(AF_INET, ip.data() + 12, buffer, sizeof buffer);
  } else {
    inet_ntop(AF_INET6, ip.data(), buffer, sizeof buffer);
  }
  return buffer;
}

std::string Address::text() const {
  return is_v4() ? fmt::format("{}:{}", ip_text(), port) : fmt::format("[{}]:{}", ip_text(), port);
}

}  // namespace everframe
