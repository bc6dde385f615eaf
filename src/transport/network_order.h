// Numbers in network byte order, as STUN and SCTP write them.
#pragma once
#include <cstdint>

#include "base/bytes.h"

namespace everframe::transport {

inline std::uint16_t read_u16(const std::uint8_t* p) {
  return static_cast<std::uint16_t>(p[0] << 8 | p[1]);
}
inline std::uint32_t read_u32(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}
inline void write_u16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void write_u32(std::uint8_t* p, std::uint32_t v) {
  write_u16(p, static_cast<std::uint16_t>(v >> 16));
  write_u16(p + 2, static_cast<std::uint16_t>(v));
}
inline void put_u16(Bytes& out, std::uint16_t v) {
  out.resize(out.size() + 2);
  write_u16(out.data() + out.size() - 2, v);
}
inline void put_u32(Bytes& out, std::uint32_t v) {
  out.resize(out.size() + 4);
  write_u32(out.data() + out.size() - 4, v);
}

}  // namespace everframe::transport
