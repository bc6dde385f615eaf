// Ids: strong integer names for what the rooms speak about. Ids travel between rooms, pointers stay home.
// All are persistent: their widths reach the wire and the disk.
#pragma once
#include <cstdint>
#include <functional>

namespace everframe {

enum class EntityId : std::uint64_t {};   // stable for the life of the world; 0 is nobody
enum class PlayerId : std::uint64_t {};   // an account in the world; 0 is nobody
enum class SessionId : std::uint64_t {};  // one connection of a player; never reused within a process
enum class RegionId : std::uint64_t {};
enum class FrameNo : std::uint64_t {};     // of one region; the first frame is 1
enum class ActionSeq : std::uint64_t {};   // of one player; the first action is 1, each next one 1 more
enum class ChunkCode : std::uint64_t {};   // Morton code of a chunk's column, see geometry.h
enum class EntityType : std::uint16_t {};  // index into the content pack's [[entity]] list
enum class ItemType : std::uint16_t {};    // index into the content pack's [[item]] list
enum class RecipeId : std::uint16_t {};    // index into the content pack's [[recipe]] list

// The number inside an id.
template <class Id>
constexpr auto raw(Id id) {
  return static_cast<std::underlying_type_t<Id>>(id);
}
template <class Id>
constexpr Id next(Id id) {
  return Id{static_cast<std::underlying_type_t<Id>>(raw(id) + 1)};
}

}  // namespace everframe
