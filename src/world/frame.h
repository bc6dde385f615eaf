// Frame: the pure function at the heart (P8): (state, inputs in their order, world time, seed) → effects.
// No clock, no dice but the frame's seed, no I/O, integers only: the same on every machine. What one input
// does is complete or nothing. Effects can be undone until they are committed. Items come and go only by
// ledger entries (P4).
// What an action can see and change lies in the chunk of its player's body and the eight around it, whatever
// else is loaded; so a replay that loads more, or less, comes to the same.
#pragma once
#include <optional>
#include <variant>
#include <vector>

#include "world/entity.h"
#include "world/state.h"

namespace everframe::world {

// Entities other than bodies in a chunk, beyond which nothing can be built or dropped in it: with it a
// chunk's snapshot fits one message (spec/wire.md section 2) even if all of them are full containers.
inline constexpr std::size_t CHUNK_ENTITIES_MAX = 1'024;
// Above the ground (y = 0); bodies and buildings stay below.
inline constexpr std::int32_t WORLD_HEIGHT_MM = 256'000;

// ---- what players ask for: spec/wire.md section 3.1 ----
struct Harvest {
  EntityId target{};
  bool operator==(const Harvest&) const = default;
};
struct Build {
  EntityType what{};
  Vec3 position;
  std::int32_t yaw = 0;
  bool operator==(const Build&) const = default;
};
struct PickUp {
  EntityId target{};
  bool operator==(const PickUp&) const = default;
};
struct Drop {
  ItemCount stack;
  bool operator==(const Drop&) const = default;
};
struct Craft {
  RecipeId recipe{};
  std::uint64_t times = 0;
  bool operator==(const Craft&) const = default;
};
struct Interact {
  EntityId target{};
  bool operator==(const Interact&) const = default;
};
struct Transfer {
  EntityId target{};
  ItemCount stack;
  bool out = false;  // out of the container
  bool operator==(const Transfer&) const = default;
};
struct Idle {
  bool operator==(const Idle&) const = default;
};
// ---- what the server itself puts into a frame ----
struct Join {  // a new player: gets a body at the spawn place and the starting items
  std::string name;
  bool operator==(const Join&) const = default;
};
struct Move {  // the body is here now (a pose that the region accepted), or as near to it as the world's edge
               // and the chunks around it allow: one Move leads into a neighbouring chunk at most
  Vec3 position;
  std::int32_t yaw = 0;
  bool operator==(const Move&) const = default;
};
struct Due {  // time changes this entity, if its due time has come
  EntityId target{};
  bool operator==(const Due&) const = default;
};
// The alternatives' order is persistent: it is in frame logs.
using InputBody =
    std::variant<Harvest, Build, PickUp, Drop, Craft, Interact, Transfer, Idle, Join, Move, Due>;

struct Input {
  PlayerId player{};  // nobody for Due
  ActionSeq seq{};    // 0 for what the server itself puts in: it has no outcome
  InputBody body;
  bool operator==(const Input&) const = default;
};

struct Frame {
  FrameNo no{};
  WallMs now{};  // world time; never before the last frame's
  std::uint64_t seed = 0;
  std::vector<Input> inputs;
  bool operator==(const Frame&) const = default;
};

struct EntityChange {
  std::optional<Entity> before;  // none: it came into being
  std::optional<Entity> after;   // none: it is gone
};
struct PlayerChange {
  std::optional<Player> before;
  std::optional<Player> after;
};
struct PlayerOutcome {
  PlayerId player{};
  Outcome outcome;
};
// Persistent numbers: they are in the ledger.
enum class LedgerCause : std::uint8_t {
  JOIN = 1,
  HARVEST = 2,
  BUILD = 3,
  CRAFT = 4,
  COLLECT = 5,
  GENESIS = 6,
};
struct LedgerEntry {
  ItemType item{};
  std::int64_t delta = 0;
  LedgerCause cause{};
  PlayerId player{};
  bool operator==(const LedgerEntry&) const = default;
};

// All that a frame changed, each entity and player once, in the order of first change.
struct Effects {
  FrameNo frame{};
  std::vector<EntityChange> entities;
  std::vector<PlayerChange> players;
  std::vector<PlayerOutcome> outcomes;
  std::vector<LedgerEntry> ledger;
  EntityId next_entity_before{};
  EntityId next_entity_after{};
  std::uint64_t hash_before = 0;  // of the whole world: XOR of its records' hashes
  std::uint64_t hash_after = 0;
};

// Applies the frame to the state. An action whose seq is not its player's last_seq + 1 is left out without an
// outcome (the caller's queue already holds each seq once); so is one whose player or body is not loaded, a
// Join of a player who exists, or whose spawn chunk is not loaded. Players and the 3 x 3 chunks around their
// bodies must be loaded; what is not loaded is not there for the rules.
Effects apply(State& state, const Frame& frame);

// Takes the effects of the last applied frame back. The newest first, each once.
void undo(State& state, const Effects& effects);

}  // namespace everframe::world
