#include "bots/replica.h"

#include <algorithm>

namespace everframe::bots {

void Replica::clear() {
  chunks_.clear();
  carried.clear();
}

void Replica::take(const wire::ChunkSnapshot& snapshot) {
  Chunk chunk{snapshot.version, false, {}};
  for (const wire::EntityView& entity : snapshot.entities) chunk.entities.emplace(entity.id, entity);
  chunks_[snapshot.chunk] = std::move(chunk);
}

bool Replica::take(const wire::ChunkChanges& changes) {
  const auto found = chunks_.find(changes.chunk);
  if (found == chunks_.end() || found->second.stale) return true;
  Chunk& chunk = found->second;
  if (changes.from_version != chunk.version) {
    chunk.stale = true;
    return false;
  }
  chunk.version = changes.version;
  for (const wire::EntityView& entity : changes.upserts) chunk.entities[entity.id] = entity;
  for (const EntityId id : changes.removed) chunk.entities.erase(id);
  return true;
}

const wire::EntityView* Replica::find(ChunkCode code, EntityId id) const {
  const auto chunk = chunks_.find(code);
  if (chunk == chunks_.end()) return nullptr;
  const auto entity = chunk->second.entities.find(id);
  return entity == chunk->second.entities.end() ? nullptr : &entity->second;
}

std::vector<const wire::EntityView*> Replica::near(const Vec3& centre, std::int32_t radius_mm) const {
  std::vector<const wire::EntityView*> out;
  const ChunkPos low = chunk_pos_of({centre.x - radius_mm, 0, centre.z - radius_mm});
  const ChunkPos high = chunk_pos_of({centre.x + radius_mm, 0, centre.z + radius_mm});
  for (std::int32_t z = low.z; z <= high.z; ++z) {
    for (std::int32_t x = low.x; x <= high.x; ++x) {
      const auto chunk = chunks_.find(code_of({x, z}));
      if (chunk == chunks_.end()) continue;
      for (const auto& [id, entity] : chunk->second.entities) {
        const Vec3 level{entity.position.x, centre.y, entity.position.z};
        if (distance_squared(centre, level) <= std::int64_t{radius_mm} * radius_mm) out.push_back(&entity);
      }
    }
  }
  return out;
}

std::uint64_t Replica::count(ItemType item) const {
  std::uint64_t sum = 0;
  for (const wire::Stack& stack : carried) sum += stack.item == item ? stack.count : 0;
  return sum;
}

bool Replica::carries(const std::vector<wire::Stack>& all) const {
  return std::all_of(all.begin(), all.end(),
                     [this](const wire::Stack& each) { return count(each.item) >= each.count; });
}

}  // namespace everframe::bots
