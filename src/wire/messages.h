// Messages: everything that client and server say on the data channels, as plain values. The bytes are
// spec/wire.md's, and the numbers in the enums are persistent: they are those bytes. Angles are thousandths
// of a degree, lengths millimetres.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/geometry.h"
#include "base/ids.h"
#include "base/time.h"

namespace everframe::wire {

inline constexpr std::uint16_t VERSION = 1;
inline constexpr char PROTOCOL[] = "everframe.1";
inline constexpr char EVENTS_LABEL[] = "events";
inline constexpr char STATE_LABEL[] = "state";

// Limits of spec/wire.md section 2, in bytes.
inline constexpr std::size_t CLIENT_EVENT_MAX = 1'024;
inline constexpr std::size_t CLIENT_STATE_MAX = 256;
inline constexpr std::size_t SERVER_STATE_MAX = 1'100;
inline constexpr std::size_t SERVER_EVENT_MAX = 256 << 10;
inline constexpr std::size_t PLAYER_NAME_MAX = 128;  // 32 characters of UTF-8
inline constexpr std::size_t DETAIL_MAX = 512;       // of a goodbye
inline constexpr std::size_t STACKS_MAX = 256;       // of one inventory
inline constexpr std::size_t UNANSWERED_MAX = 32;    // actions of one player

struct Stack {
  ItemType item{};
  std::uint64_t count = 0;
  bool operator==(const Stack&) const = default;
};

// What a client sees of an entity.
struct EntityView {
  EntityId id{};
  EntityType type{};
  Vec3 position;
  std::int32_t yaw = 0;
  std::int32_t hp = 0;
  std::uint32_t state = 0;  // bit 0 depleted, 1 open, 2 lit
  PlayerId owner{};
  std::vector<Stack> stacks;
  bool operator==(const EntityView&) const = default;
};

struct Part {  // head or hand
  Vec3 offset;
  std::uint32_t rotation = 0;  // a packed quaternion, passed on unread
  bool operator==(const Part&) const = default;
};
inline constexpr std::size_t PARTS = 3;  // head, left hand, right hand

struct Pose {
  Vec3 position;
  std::int32_t yaw = 0;
  std::int32_t pitch = 0;
  std::array<std::optional<Part>, PARTS> parts;
  bool operator==(const Pose&) const = default;
};

// ---- client to server, on `events` ----

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
  Stack stack;
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
  Stack stack;
  bool out = false;  // out of the container
  bool operator==(const Transfer&) const = default;
};
struct Idle {
  bool operator==(const Idle&) const = default;
};
// Alternative i is action kind i + 1 on the wire.
using ActionBody = std::variant<Harvest, Build, PickUp, Drop, Craft, Interact, Transfer, Idle>;

struct Action {
  ActionSeq seq{};
  ActionBody body;
  bool operator==(const Action&) const = default;
};
struct Ping {
  std::uint64_t nonce = 0;
  bool operator==(const Ping&) const = default;
};
struct Leave {
  bool operator==(const Leave&) const = default;
};
struct Resync {
  ChunkCode chunk{};
  bool operator==(const Resync&) const = default;
};
using ClientEvent = std::variant<Action, Ping, Leave, Resync>;

// ---- client to server, on `state` ----

struct PoseUpdate {
  std::uint64_t pose_seq = 0;
  Pose pose;
  bool operator==(const PoseUpdate&) const = default;
};

// ---- server to client, on `events` ----

struct Welcome {
  PlayerId player{};
  EntityId body{};
  std::string name;
  Vec3 position;
  std::int32_t yaw = 0;
  FrameNo frame{};
  ActionSeq last_seq{};
  std::uint8_t state_hz = 0;
  std::uint8_t view_chunks = 0;
  std::uint64_t chunk_size = 0;
  std::uint64_t content_hash = 0;
  WallMs wall{};
  bool operator==(const Welcome&) const = default;
};
struct Accepted {
  ActionSeq seq{};
  bool operator==(const Accepted&) const = default;
};
struct Applied {
  ActionSeq seq{};
  FrameNo frame{};
  bool operator==(const Applied&) const = default;
};
struct Refused {
  ActionSeq seq{};
  FrameNo frame{};  // 0: refused before it entered the queue
  std::uint8_t reason = 0;
  bool operator==(const Refused&) const = default;
};
struct Inventory {
  FrameNo frame{};
  std::vector<Stack> stacks;
  bool operator==(const Inventory&) const = default;
};
struct ChunkSnapshot {
  ChunkCode chunk{};
  std::uint64_t version = 0;
  std::vector<EntityView> entities;
  bool operator==(const ChunkSnapshot&) const = default;
};
struct ChunkChanges {
  ChunkCode chunk{};
  std::uint64_t from_version = 0;
  std::uint64_t version = 0;
  FrameNo frame{};
  std::vector<EntityView> upserts;
  std::vector<EntityId> removed;
  bool operator==(const ChunkChanges&) const = default;
};
struct ChunkForget {
  ChunkCode chunk{};
  bool operator==(const ChunkForget&) const = default;
};
struct Avatar {
  EntityId body{};
  PlayerId player{};
  std::string name;
  bool operator==(const Avatar&) const = default;
};
struct AvatarGone {
  EntityId body{};
  bool operator==(const AvatarGone&) const = default;
};
struct Pong {
  std::uint64_t nonce = 0;
  FrameNo frame{};
  WallMs wall{};
  bool operator==(const Pong&) const = default;
};
enum class GoodbyeReason : std::uint8_t {
  LEFT = 1,
  DRAINING = 2,
  REPLACED = 3,
  PROTOCOL_ERROR = 4,
  TOO_SLOW = 5,
  INTERNAL = 6,
  UNAVAILABLE = 7,
};
struct Goodbye {
  GoodbyeReason reason{};
  std::string detail;
  bool operator==(const Goodbye&) const = default;
};
struct Moved {
  std::uint64_t pose_seq = 0;
  Vec3 position;
  std::int32_t yaw = 0;
  bool operator==(const Moved&) const = default;
};
// Alternative i is message kind 0x40 + i on the wire.
using ServerEvent = std::variant<Welcome, Accepted, Applied, Refused, Inventory, ChunkSnapshot, ChunkChanges,
                                 ChunkForget, Avatar, AvatarGone, Pong, Goodbye, Moved>;

// ---- server to client, on `state` ----

struct AvatarPose {
  EntityId body{};
  Pose pose;
  bool operator==(const AvatarPose&) const = default;
};
struct State {
  std::uint64_t tick = 0;
  std::uint32_t wall_ms_low = 0;
  FrameNo frame{};
  std::uint64_t pose_seq = 0;  // the last of the receiver's that was processed
  std::vector<AvatarPose> avatars;
  bool operator==(const State&) const = default;
};

}  // namespace everframe::wire
