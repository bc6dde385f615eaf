// Generation: the first state of a world, from its seed and content alone; the same everywhere. A chunk can
// be made by itself, so a large world can be filled piece by piece.
#pragma once
#include <vector>

#include "world/entity.h"

namespace everframe::world {

inline constexpr std::int32_t NEW_WORLD_CHUNKS = 32;  // along each side: 1,024 m
inline constexpr std::uint64_t ENTITY_IDS_A_CHUNK = 4'096;

// All chunks of a new world, in code order.
std::vector<ChunkCode> new_world_chunks();

// The entities of one chunk of a new world, by id. Ids are fixed by the chunk's place, so chunks do not
// depend on each other.
std::vector<Entity> generate_chunk(const Content& content, std::uint64_t seed, ChunkCode code);

// The first id that no generated entity has.
EntityId first_free_entity();

// Where new bodies appear: `n` counts players, so that they do not stand in each other.
Vec3 spawn_position(std::uint64_t n);

}  // namespace everframe::world
