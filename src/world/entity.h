// Entity, Player: the rows of the world. Persistent: records.h gives their bytes.
#pragma once
#include <array>
#include <deque>
#include <string>
#include <vector>

#include "base/geometry.h"
#include "base/ids.h"
#include "base/time.h"
#include "world/content.h"
#include "world/refusal.h"

namespace everframe::world {

// Bits of Entity::state, also on the wire (spec/wire.md section 3).
inline constexpr std::uint32_t STATE_DEPLETED = 1;
inline constexpr std::uint32_t STATE_OPEN = 2;
inline constexpr std::uint32_t STATE_LIT = 4;

struct Entity {
  EntityId id{};
  EntityType type{};
  Vec3 position;
  std::int32_t yaw = 0;  // thousandths of a degree
  std::int32_t hp = 0;
  std::uint32_t state = 0;
  PlayerId owner{};               // who built it; of a body: whose it is
  WallMs due{};                   // when time next changes it (regrowth); 0: never
  std::vector<ItemCount> stacks;  // what it holds, at most its type's slots
  bool operator==(const Entity&) const = default;
};

inline constexpr std::size_t OUTCOMES_KEPT =
    64;  // of a player's last actions, to answer a resend as the first

struct Outcome {
  ActionSeq seq{};
  FrameNo frame{};
  Refusal refusal = Refusal::NONE;
  bool operator==(const Outcome&) const = default;
};

struct Player {
  PlayerId id{};
  std::string name;
  EntityId body{};
  ChunkCode chunk{};             // where the body is
  ActionSeq last_seq{};          // the last that took effect or was refused in a frame
  std::deque<Outcome> outcomes;  // of the last OUTCOMES_KEPT actions, oldest first
  bool operator==(const Player&) const = default;
};

}  // namespace everframe::world
