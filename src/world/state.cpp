#include "world/state.h"

#include <algorithm>

#include "base/assert.h"
#include "world/records.h"

namespace everframe::world {

State::State(const Content& content, EntityId next_entity, std::uint64_t hash)
    : content_(content), next_entity_(next_entity), hash_(hash) {}

bool State::has_chunk(ChunkCode code) const {
  return chunks_.contains(code);
}

const ChunkState* State::chunk(ChunkCode code) const {
  const auto found = chunks_.find(code);
  return found == chunks_.end() ? nullptr : &found->second;
}

void State::load_chunk(ChunkCode code, std::vector<Entity> entities) {
  EF_ASSERT(!chunks_.contains(code));
  ChunkState& chunk = chunks_[code];
  for (Entity& entity : entities) {
    EF_ASSERT(chunk_of(entity.position) == code);
    const EntityId id = entity.id;
    EF_ASSERT(where_.emplace(id, code).second);
    if (raw(entity.due) != 0) due_.emplace(entity.due, id);
    chunk.entities.emplace_hint(chunk.entities.end(), id, std::move(entity));
  }
}

void State::drop_chunk(ChunkCode code) {
  const auto found = chunks_.find(code);
  EF_ASSERT(found != chunks_.end());
  for (const auto& [id, entity] : found->second.entities) {
    where_.erase(id);
    if (raw(entity.due) != 0) due_.erase({entity.due, id});
  }
  chunks_.erase(found);
}

const Entity* State::entity(EntityId id) const {
  const auto where = where_.find(id);
  return where == where_.end() ? nullptr : &chunks_.at(where->second).entities.at(id);
}

const Player* State::player(PlayerId id) const {
  const auto found = players_.find(id);
  return found == players_.end() ? nullptr : &found->second;
}

void State::load_player(Player player) {
  const PlayerId id = player.id;
  EF_ASSERT(players_.emplace(id, std::move(player)).second);
}

void State::drop_player(PlayerId id) {
  EF_ASSERT(players_.erase(id) == 1);
}

std::vector<EntityId> State::due(WallMs now, std::size_t limit) const {
  std::vector<EntityId> out;
  for (const auto& [when, id] : due_) {
    if (when > now || out.size() == limit) break;
    out.push_back(id);
  }
  return out;
}

std::optional<WallMs> State::next_due() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

void State::put(const Entity& entity) {
  const ChunkCode code = chunk_of(entity.position);
  const auto chunk = chunks_.find(code);
  EF_ASSERT(chunk != chunks_.end());
  if (const auto where = where_.find(entity.id); where != where_.end()) {
    auto& old_chunk = chunks_.at(where->second).entities;
    const auto old = old_chunk.find(entity.id);
    hash_ ^= hash_of(old->second);
    if (raw(old->second.due) != 0) due_.erase({old->second.due, entity.id});
    if (where->second == code) {
      old->second = entity;
    } else {
      old_chunk.erase(old);
      chunk->second.entities.emplace(entity.id, entity);
      where->second = code;
    }
  } else {
    chunk->second.entities.emplace(entity.id, entity);
    where_.emplace(entity.id, code);
  }
  if (raw(entity.due) != 0) due_.emplace(entity.due, entity.id);
  hash_ ^= hash_of(entity);
}

void State::remove(EntityId id) {
  const auto where = where_.find(id);
  EF_ASSERT(where != where_.end());
  auto& entities = chunks_.at(where->second).entities;
  const auto old = entities.find(id);
  hash_ ^= hash_of(old->second);
  if (raw(old->second.due) != 0) due_.erase({old->second.due, id});
  entities.erase(old);
  where_.erase(where);
}

void State::put(const Player& player) {
  const auto [found, is_new] = players_.try_emplace(player.id);
  if (!is_new) hash_ ^= hash_of(found->second);
  found->second = player;
  hash_ ^= hash_of(player);
}

void State::remove(PlayerId id) {
  const auto found = players_.find(id);
  EF_ASSERT(found != players_.end());
  hash_ ^= hash_of(found->second);
  players_.erase(found);
}

EntityId State::take_entity_id() {
  return std::exchange(next_entity_, next(next_entity_));
}

std::vector<const Entity*> State::near(const Vec3& centre, std::int32_t radius_mm) const {
  const auto clamped = [](std::int64_t v) {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(v, INT32_MIN, INT32_MAX));
  };
  const std::int64_t radius = radius_mm;
  const ChunkPos low = chunk_pos_of({clamped(centre.x - radius), 0, clamped(centre.z - radius)});
  const ChunkPos high = chunk_pos_of({clamped(centre.x + radius), 0, clamped(centre.z + radius)});
  std::vector<const Entity*> out;
  for (std::int32_t z = low.z; z <= high.z; ++z) {
    for (std::int32_t x = low.x; x <= high.x; ++x) {
      const ChunkState* here = chunk(code_of({x, z}));
      if (here == nullptr) continue;
      for (const auto& [id, entity] : here->entities) {
        const std::int64_t dx = std::int64_t{entity.position.x} - centre.x;
        const std::int64_t dz = std::int64_t{entity.position.z} - centre.z;
        if (std::abs(dx) > radius || std::abs(dz) > radius) continue;  // so that the squares cannot overflow
        if (dx * dx + dz * dz <= radius * radius) out.push_back(&entity);
      }
    }
  }
  std::sort(out.begin(), out.end(), [](const Entity* a, const Entity* b) { return a->id < b->id; });
  return out;
}

}  // namespace everframe::world
