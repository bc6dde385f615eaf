// Geometry: positions in integer millimetres, and chunks: square columns of the world, the unit of storage,
// caching and interest. x points east, z south, y up; a chunk is CHUNK_SIZE_MM square in (x, z) and has no
// top or bottom. A chunk's code interleaves the bits of its two coordinates (Morton 1966), so that neighbours
// are near in key order.
#pragma once
#include <compare>
#include <cstdint>
#include <cstdlib>

#include "base/ids.h"

namespace everframe {

inline constexpr std::int32_t CHUNK_SIZE_MM = 32'000;  // persistent: it is in every chunk key
inline constexpr std::int32_t CHUNK_COORD_BIAS =
    1 << 15;  // chunk coordinates run from -32768 to 32767 (1,048 km)

struct Vec3 {
  std::int32_t x = 0;  // mm
  std::int32_t y = 0;
  std::int32_t z = 0;
  auto operator<=>(const Vec3&) const = default;
};

inline std::int64_t distance_squared(const Vec3& a, const Vec3& b) {  // mm^2; 0 to 5.6e13 within a 2 km box
  const std::int64_t dx = std::int64_t{a.x} - b.x;
  const std::int64_t dy = std::int64_t{a.y} - b.y;
  const std::int64_t dz = std::int64_t{a.z} - b.z;
  return dx * dx + dy * dy + dz * dz;
}

struct ChunkPos {
  std::int32_t x = 0;
  std::int32_t z = 0;
  auto operator<=>(const ChunkPos&) const = default;
};

constexpr std::uint32_t spread_bits(std::uint32_t v) {  // 16 bits to the even places of 32
  v = (v | (v << 8)) & 0x00ff00ffU;
  v = (v | (v << 4)) & 0x0f0f0f0fU;
  v = (v | (v << 2)) & 0x33333333U;
  return (v | (v << 1)) & 0x55555555U;
}
constexpr std::uint32_t gather_bits(std::uint32_t v) {  // the inverse
  v &= 0x55555555U;
  v = (v | (v >> 1)) & 0x33333333U;
  v = (v | (v >> 2)) & 0x0f0f0f0fU;
  v = (v | (v >> 4)) & 0x00ff00ffU;
  return (v | (v >> 8)) & 0x0000ffffU;
}

constexpr ChunkPos chunk_pos_of(const Vec3& position) {
  const auto floor_div = [](std::int32_t v) {
    return v >= 0 ? v / CHUNK_SIZE_MM : -((-(v + 1)) / CHUNK_SIZE_MM) - 1;
  };
  return {floor_div(position.x), floor_div(position.z)};
}
constexpr ChunkCode code_of(ChunkPos chunk) {
  const auto biased = [](std::int32_t v) {
    return static_cast<std::uint32_t>(v + CHUNK_COORD_BIAS) & 0xffffU;
  };
  return ChunkCode{spread_bits(biased(chunk.x)) | (std::uint64_t{spread_bits(biased(chunk.z))} << 1)};
}
constexpr ChunkPos pos_of(ChunkCode code) {
  const auto bits = static_cast<std::uint32_t>(raw(code));
  return {static_cast<std::int32_t>(gather_bits(bits)) - CHUNK_COORD_BIAS,
          static_cast<std::int32_t>(gather_bits(bits >> 1)) - CHUNK_COORD_BIAS};
}
constexpr ChunkCode chunk_of(const Vec3& position) {
  return code_of(chunk_pos_of(position));
}

}  // namespace everframe
