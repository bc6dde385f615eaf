// State: what is loaded of a world: chunks with their entities, and players. One owner, one thread. The rules
// change it through apply() (frame.h); its owner loads and drops chunks and players as they come into use,
// which never changes the world's hash.
#pragma once
#include <array>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "world/entity.h"

namespace everframe::world {

struct ChunkState {
  std::map<EntityId, Entity> entities;  // bodies too
};

class State {
 public:
  // `content` outlives the state. `next_entity` and `hash` are those of the last committed frame.
  State(const Content& content, EntityId next_entity, std::uint64_t hash);

  State(State&&) = default;
  State(const State&) = delete;  // its cells point into its rows
  State& operator=(const State&) = delete;

  const Content& content() const { return content_; }
  EntityId next_entity() const { return next_entity_; }
  std::uint64_t hash() const { return hash_; }

  bool has_chunk(ChunkCode code) const;
  const ChunkState* chunk(ChunkCode code) const;  // nullptr: not loaded
  // Not loaded so far; the entities lie in it and are loaded nowhere else (asserted).
  void load_chunk(ChunkCode code, std::vector<Entity> entities);
  void drop_chunk(ChunkCode code);
  std::size_t chunk_count() const { return chunks_.size(); }

  const Entity* entity(EntityId id) const;  // among loaded chunks
  const Player* player(PlayerId id) const;
  void load_player(Player player);
  void drop_player(PlayerId id);

  // The loaded entities that are due at or before `now`, at most `limit`, earliest first.
  std::vector<EntityId> due(WallMs now, std::size_t limit) const;
  std::optional<WallMs> next_due() const;

  // ---- for the rules (frame.cpp) ----
  // Sets, replaces (also across chunks) or removes a row and keeps the hash; `after` must lie in a loaded
  // chunk.
  void put(const Entity& entity);
  void remove(EntityId id);
  void put(const Player& player);
  void remove(PlayerId id);
  EntityId take_entity_id();
  void set_next_entity(EntityId id) { next_entity_ = id; }
  // The loaded entities whose position is within radius_mm of `centre` (horizontally), by id. Valid until the
  // next change.
  std::vector<const Entity*> near(const Vec3& centre, std::int32_t radius_mm) const;

 private:
  // Squares of 8 m, so that near() need not look at a whole chunk. Each in no order: near() sorts.
  static constexpr std::int32_t CELLS_A_SIDE = 4;
  static constexpr std::int32_t CELL_MM = CHUNK_SIZE_MM / CELLS_A_SIDE;
  using Cell = std::vector<const Entity*>;
  struct LoadedChunk {
    ChunkState rows;  // whose entities stay where they are in memory
    std::array<Cell, std::size_t{CELLS_A_SIDE} * CELLS_A_SIDE> cells;
  };
  static Cell& cell_of(LoadedChunk& chunk, const Vec3& position);
  static void leave_cell(LoadedChunk& chunk, const Entity& entity);
  void insert(ChunkCode code, LoadedChunk& chunk, Entity entity);
  static void near_in(const LoadedChunk& chunk, ChunkPos at, const Vec3& centre, std::int64_t radius,
                      std::vector<const Entity*>& out);

  const Content& content_;
  EntityId next_entity_;
  std::uint64_t hash_;
  std::unordered_map<ChunkCode, LoadedChunk> chunks_;
  std::unordered_map<EntityId, ChunkCode> where_;
  std::unordered_map<PlayerId, Player> players_;
  std::set<std::pair<WallMs, EntityId>> due_;
};

}  // namespace everframe::world
