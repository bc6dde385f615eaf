// Interest: which chunks a session sees: those within a radius of its body's chunk, nearest first; one that
// is seen stays until it is a chunk farther than the radius, so that walking along a border does not load and
// forget.
#pragma once
#include <optional>
#include <set>
#include <vector>

#include "base/geometry.h"

namespace everframe::gateway {

class Interest {
 public:
  // `radius` in chunks, square; `edge_mm`: half the world's side, beyond which there is nothing to see.
  Interest(std::int32_t radius, std::int32_t edge_mm) : radius_(radius), edge_mm_(edge_mm) {}

  struct Change {
    std::vector<ChunkCode> gained;  // nearest first
    std::vector<ChunkCode> lost;
  };
  Change move_to(const Vec3& position);
  bool sees(ChunkCode code) const { return seen_.contains(code); }

 private:
  const std::int32_t radius_;
  const std::int32_t edge_mm_;
  std::optional<ChunkPos> centre_;
  std::set<ChunkCode> seen_;
};

}  // namespace everframe::gateway
