// Address: an IP address and UDP or TCP port, v4 or v6, as a plain value that can be a key.
// A v4 address is held v4-mapped (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), so both kinds compare alike.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace everframe {

struct Address {
  std::array<std::uint8_t, 16> ip{};
  std::uint16_t port = 0;  // host byte order

  static Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port) {
    return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, port};
  }
  // "127.0.0.1:8080", "[::1]:8080"; numbers only, no names.
  static Result<Address> parse(std::string_view text);

  bool is_v4() const { return std::memcmp(ip.data(), "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0; }
  std::string ip_text() const;
  std::string text() const;  // what parse() takes
  auto operator<=>(const Address&) const = default;
};

struct AddressHash {
  std::size_t operator()(const Address& address) const {
    std::uint64_t high;
    std::uint64_t low;
    std::memcpy(&high, address.ip.data(), 8);
    std::memcpy(&low, address.ip.data() + 8, 8);
    return (high ^ (low * 0x9e3779b97f4a7c15ULL) ^ address.port) * 0xff51afd7ed558ccdULL;
  }
};

}  // namespace everframe
