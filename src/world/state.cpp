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
  return found == chunks_.end() ? nullptr : &found->second.rows;
}

State::Cell& State::cell_of(LoadedChunk& chunk, const Vec3& position) {
  const ChunkPos at = chunk_pos_of(position);
  const std::int64_t column = (position.x - std::int64_t{at.x} * CHUNK_SIZE_MM) / CELL_MM;
  const std::int64_t row = (position.z - std::int64_t{at.z} * CHUNK_SIZE_MM) / CELL_MM;
  return chunk.cells[static_cast<std::size_t>(row * CELLS_A_SIDE + column)];
}

void State::leave_cell(LoadedChunk& chunk, const Entity& entity) {
  Cell& cell = cell_of(chunk, entity.position);
  const auto found = std::find(cell.begin(), cell.end(), &entity);
  EF_ASSERT(found != cell.end());
  *found = cell.back();
  cell.pop_back();
}

// Puts an entity that is nowhere into a chunk.
void State::insert(ChunkCode code, LoadedChunk& chunk, Entity entity) {
  const EntityId id = entity.id;
  EF_ASSERT(where_.emplace(id, code).second);
  if (raw(entity.due) != 0) due_.emplace(entity.due, id);
  const auto placed = chunk.rows.entities.emplace(id, std::move(entity)).first;
  cell_of(chunk, placed->second.position).push_back(&placed->second);
}

void State::load_chunk(ChunkCode code, std::vector<Entity> entities) {
  EF_ASSERT(!chunks_.contains(code));
  LoadedChunk& chunk = chunks_[code];
  for (Entity& entity : entities) {
    EF_ASSERT(chunk_of(entity.position) == code);
    insert(code, chunk, std::move(entity));
  }
}

void State::drop_chunk(ChunkCode code) {
  const auto found = chunks_.find(code);
  EF_ASSERT(found != chunks_.end());
  for (const auto& [id, entity] : found->second.rows.entities) {
    where_.erase(id);
    if (raw(entity.due) != 0) due_.erase({entity.due, id});
  }
  chunks_.erase(found);
}

const Entity* State::entity(EntityId id) const {
  const auto where = where_.find(id);
  return where == where_.end() ? nullptr : &chunks_.at(where->second).rows.entities.at(id);
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
  const auto where = where_.find(entity.id);
  if (where != where_.end() && where->second == code) {
    Entity& old = chunk->second.rows.entities.at(entity.id);
    hash_ ^= hash_of(old);
    if (raw(old.due) != 0) due_.erase({old.due, old.id});
    leave_cell(chunk->second, old);
    old = entity;
    cell_of(chunk->second, old.position).push_back(&old);
    if (raw(old.due) != 0) due_.emplace(old.due, old.id);
  } else {
    if (where != where_.end()) remove(entity.id);
    insert(code, chunk->second, entity);
  }
  hash_ ^= hash_of(entity);
}

void State::remove(EntityId id) {
  const auto where = where_.find(id);
  EF_ASSERT(where != where_.end());
  LoadedChunk& chunk = chunks_.at(where->second);
  const auto old = chunk.rows.entities.find(id);
  hash_ ^= hash_of(old->second);
  if (raw(old->second.due) != 0) due_.erase({old->second.due, id});
  leave_cell(chunk, old->second);
  chunk.rows.entities.erase(old);
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
  const Vec3 low{clamped(centre.x - radius), 0, clamped(centre.z - radius)};
  const Vec3 high{clamped(centre.x + radius), 0, clamped(centre.z + radius)};
  const ChunkPos first = chunk_pos_of(low);
  const ChunkPos last = chunk_pos_of(high);
  std::vector<const Entity*> out;
  for (std::int32_t z = first.z; z <= last.z; ++z) {
    for (std::int32_t x = first.x; x <= last.x; ++x) {
      const auto found = chunks_.find(code_of({x, z}));
      if (found != chunks_.end()) near_in(found->second, {x, z}, centre, radius, out);
    }
  }
  std::sort(out.begin(), out.end(), [](const Entity* a, const Entity* b) { return a->id < b->id; });
  return out;
}

void State::near_in(const LoadedChunk& chunk, ChunkPos at, const Vec3& centre, std::int64_t radius,
                    std::vector<const Entity*>& out) {
  // The cells of this chunk that the square around the circle meets, along one axis.
  const auto cells = [radius](std::int32_t middle, std::int32_t chunk_at) {
    const std::int64_t start = std::int64_t{chunk_at} * CHUNK_SIZE_MM;
    const auto cell = [start](std::int64_t v) {
      return std::clamp<std::int64_t>((std::max(v, start) - start) / CELL_MM, 0, CELLS_A_SIDE - 1);
    };
    return std::pair{cell(middle - radius), cell(middle + radius)};
  };
  const auto [west, east] = cells(centre.x, at.x);
  const auto [north, south] = cells(centre.z, at.z);
  for (std::int64_t row = north; row <= south; ++row) {
    for (std::int64_t column = west; column <= east; ++column) {
      for (const Entity* entity : chunk.cells[static_cast<std::size_t>(row * CELLS_A_SIDE + column)]) {
        const std::int64_t dx = std::int64_t{entity->position.x} - centre.x;
        const std::int64_t dz = std::int64_t{entity->position.z} - centre.z;
        if (std::abs(dx) > radius || std::abs(dz) > radius) continue;  // so that the squares cannot overflow
        if (dx * dx + dz * dz <= radius * radius) out.push_back(entity);
      }
    }
  }
}

}  // namespace everframe::world
