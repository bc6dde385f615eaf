#include "gateway/interest.h"

#include <algorithm>

namespace everframe::gateway {

namespace {

std::int32_t apart(ChunkPos a, ChunkPos b) {
  return std::max(std::abs(a.x - b.x), std::abs(a.z - b.z));
}

}  // namespace

Interest::Change Interest::move_to(const Vec3& position) {
  Change change;
  const ChunkPos centre = chunk_pos_of(position);
  if (centre_ == centre) return change;
  centre_ = centre;
  for (const ChunkCode code : seen_) {
    if (apart(pos_of(code), centre) > radius_ + 1) change.lost.push_back(code);
  }
  for (const ChunkCode code : change.lost) seen_.erase(code);
  const ChunkPos low = chunk_pos_of({-edge_mm_, 0, -edge_mm_});
  const ChunkPos high = chunk_pos_of({edge_mm_ - 1, 0, edge_mm_ - 1});
  std::vector<ChunkPos> gained;
  for (std::int32_t z = std::max(low.z, centre.z - radius_); z <= std::min(high.z, centre.z + radius_); ++z) {
    for (std::int32_t x = std::max(low.x, centre.x - radius_); x <= std::min(high.x, centre.x + radius_);
         ++x) {
      if (seen_.insert(code_of({x, z})).second) gained.push_back({x, z});
    }
  }
  std::stable_sort(gained.begin(), gained.end(),
                   [centre](ChunkPos a, ChunkPos b) { return apart(a, centre) < apart(b, centre); });
  for (const ChunkPos& pos : gained) change.gained.push_back(code_of(pos));
  return change;
}

}  // namespace everframe::gateway
