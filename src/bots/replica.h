// Replica: the world as one client was told it: the chunks in its view and what it carries. Keeps to
// spec/wire.md section 4: a change applies to the version it was made from; otherwise the chunk waits for a
// new snapshot. One owner.
#pragma once
#include <map>
#include <vector>

#include "wire/messages.h"

namespace everframe::bots {

class Replica {
 public:
  void clear();
  void take(const wire::ChunkSnapshot& snapshot);
  // False: there is a gap, and the chunk must be asked for anew (Resync).
  bool take(const wire::ChunkChanges& changes);
  void forget(ChunkCode chunk) { chunks_.erase(chunk); }

  const wire::EntityView* find(ChunkCode chunk, EntityId id) const;
  // All within `radius_mm` (at most a chunk's side) of `centre`, on the ground plane.
  std::vector<const wire::EntityView*> near(const Vec3& centre, std::int32_t radius_mm) const;
  std::size_t chunks() const { return chunks_.size(); }

  std::vector<wire::Stack> carried;
  std::uint64_t count(ItemType item) const;
  bool carries(const std::vector<wire::Stack>& all) const;

 private:
  struct Chunk {
    std::uint64_t version = 0;
    bool stale = false;  // asked for anew
    std::map<EntityId, wire::EntityView> entities;
  };
  std::map<ChunkCode, Chunk> chunks_;
};

}  // namespace everframe::bots
