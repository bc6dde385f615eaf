#include "store/records/morton.h"

#include <algorithm>

#include "base/assert.h"

namespace everframe::store::records {

namespace {

constexpr std::int64_t BIAS = std::int64_t{1} << 31;  // so that all cells are 0 or more; persistent
constexpr int LEVELS = 32;

std::uint32_t cell_of(std::int32_t mm, std::int32_t cell_mm) {
  const std::int64_t v = mm;
  const std::int64_t cell = v >= 0 ? v / cell_mm : -((-(v + 1)) / cell_mm) - 1;
  return static_cast<std::uint32_t>(cell + BIAS);
}

// 32 bits to the even places of 64.
std::uint64_t spread(std::uint32_t bits) {
  return spread_bits(bits & 0xffffU) | std::uint64_t{spread_bits(bits >> 16)} << 32;
}
std::uint64_t interleave(std::uint32_t x, std::uint32_t z) {
  return spread(x) | spread(z) << 1;
}

// A square of 2^level cells; its codes are one range.
struct Square {
  std::uint32_t x = 0;
  std::uint32_t z = 0;
  int level = 0;
};

struct CellBox {
  std::uint32_t x_low, z_low, x_high, z_high;

  bool meets(const Square& s) const {
    const std::uint64_t side = std::uint64_t{1} << s.level;
    return s.x <= x_high && s.x + side - 1 >= x_low && s.z <= z_high && s.z + side - 1 >= z_low;
  }
  bool holds(const Square& s) const {
    const std::uint64_t side = std::uint64_t{1} << s.level;
    return s.x >= x_low && s.x + side - 1 <= x_high && s.z >= z_low && s.z + side - 1 <= z_high;
  }
};

CodeRange codes_of(const Square& s) {
  const std::uint64_t first = interleave(s.x, s.z);
  const std::uint64_t count_minus_1 =
      s.level == LEVELS ? ~std::uint64_t{0} : (std::uint64_t{1} << (2 * s.level)) - 1;
  return {first, first + count_minus_1};
}

// Each square that the box does not hold, split into its four quarters in code order; those that do not meet
// it gone.
std::vector<Square> split(const std::vector<Square>& squares, const CellBox& box) {
  std::vector<Square> out;
  for (const Square& s : squares) {
    if (s.level == 0 || box.holds(s)) {
      out.push_back(s);
      continue;
    }
    const auto half = static_cast<std::uint32_t>(std::uint64_t{1} << (s.level - 1));
    for (const std::uint32_t quarter : {0U, 1U, 2U, 3U}) {
      const Square part{s.x + (quarter & 1) * half, s.z + (quarter >> 1) * half, s.level - 1};
      if (box.meets(part)) out.push_back(part);
    }
  }
  return out;
}

std::vector<CodeRange> joined(const std::vector<Square>& squares) {
  std::vector<CodeRange> out;
  for (const Square& s : squares) {
    const CodeRange codes = codes_of(s);
    if (!out.empty() && out.back().last + 1 == codes.first) {
      out.back().last = codes.last;
    } else {
      out.push_back(codes);
    }
  }
  return out;
}

}  // namespace

std::uint64_t morton_of(const Vec3& position, std::int32_t cell_mm) {
  return interleave(cell_of(position.x, cell_mm), cell_of(position.z, cell_mm));
}

std::vector<CodeRange> ranges_of(const Box& box, std::int32_t cell_mm, std::size_t ranges_max) {
  EF_ASSERT(ranges_max > 0);
  if (box.x_low > box.x_high || box.z_low > box.z_high) return {};
  const CellBox cells{cell_of(box.x_low, cell_mm), cell_of(box.z_low, cell_mm), cell_of(box.x_high, cell_mm),
                      cell_of(box.z_high, cell_mm)};
  std::vector<Square> squares{{0, 0, LEVELS}};
  std::vector<CodeRange> best = joined(squares);
  for (int level = 0; level < LEVELS; ++level) {
    squares = split(squares, cells);
    const auto ranges = joined(squares);
    if (ranges.size() <= ranges_max) best = ranges;
    if (squares.size() > 4 * ranges_max) break;  // finer ones would only be more
  }
  return best;
}

}  // namespace everframe::store::records
