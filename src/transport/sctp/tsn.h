// Serial numbers of 32 and 16 bits that wrap (RFC 1982; RFC 9260 section 1.6), and their 64-bit unwrapped
// form, which does not.
#pragma once
#include <cstdint>

namespace everframe::transport::sctp {

inline bool serial_less(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) < 0;
}

// The unwrapped number whose low bits are `serial` and which is nearest to `reference`.
inline std::uint64_t unwrap(std::uint32_t serial, std::uint64_t reference) {
  const auto distance = static_cast<std::int32_t>(serial - static_cast<std::uint32_t>(reference));
  return reference + static_cast<std::uint64_t>(std::int64_t{distance});
}
inline std::uint64_t unwrap16(std::uint16_t serial, std::uint64_t reference) {
  const auto distance = static_cast<std::int16_t>(serial - static_cast<std::uint16_t>(reference));
  return reference + static_cast<std::uint64_t>(std::int64_t{distance});
}

inline constexpr std::uint64_t UNWRAP_BASE = std::uint64_t{1}
                                             << 32;  // first numbers start above it: no underflow

}  // namespace everframe::transport::sctp
