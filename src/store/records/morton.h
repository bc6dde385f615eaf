// Morton codes of square cells on the ground: x and z interleaved, 32 bits each (Morton 1966), so that cells
// that are near each other are mostly near in key order; and a rectangle as few ranges of codes.
#pragma once
#include <vector>

#include "base/geometry.h"

namespace everframe::store::records {

std::uint64_t morton_of(const Vec3& position, std::int32_t cell_mm);

// A box on the ground, both ends included, mm.
struct Box {
  std::int32_t x_low = 0;
  std::int32_t z_low = 0;
  std::int32_t x_high = 0;
  std::int32_t z_high = 0;
  bool contains(const Vec3& p) const {
    return p.x >= x_low && p.x <= x_high && p.z >= z_low && p.z <= z_high;
  }
};

struct CodeRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // included
};

// Ascending ranges that together hold every cell of the box, and others too once the box would take more than
// `ranges_max`.
std::vector<CodeRange> ranges_of(const Box& box, std::int32_t cell_mm, std::size_t ranges_max);

}  // namespace everframe::store::records
