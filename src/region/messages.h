// Messages of a region: what sessions ask of it and what it tells them. Plain values and shared immutable
// bytes; they travel between executors.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/function.h"
#include "base/histogram.h"
#include "base/ids.h"
#include "wire/messages.h"

namespace everframe::region {

using SharedBytes = std::shared_ptr<const Bytes>;

// ---- what a region tells ----

struct Entered {  // the body is in the world
  PlayerId player{};
  EntityId body{};
  std::string name;
  Vec3 position;
  std::int32_t yaw = 0;
  FrameNo frame{};
  ActionSeq last_seq{};
  std::vector<wire::Stack> inventory;
};
struct Told {  // to this player alone
  wire::ServerEvent event;
};
struct ToldAll {  // an encoded event about a chunk, the same for all who see it
  ChunkCode chunk{};
  SharedBytes bytes;
};
struct Ended {  // the region is done with this session
  wire::GoodbyeReason reason{};
  std::string detail;
};
using ToSession = std::variant<Entered, Told, ToldAll, Ended>;

// Where a region reaches a session. Any thread. Its destruction by the region without an Ended before it
// means that the region crashed: the session has to be entered again.
class SessionPort {
 public:
  virtual ~SessionPort() = default;
  virtual void tell(ToSession message) = 0;
};

// Where everybody is, once a tick; made once and shared by all. Sessions take turns: each looks at every
// TABLE_TURNS-th table, so that the work that a table makes is spread over time and never holds up an action.
inline constexpr std::uint64_t TABLE_TURNS = 4;
struct PoseRow {
  EntityId body{};
  PlayerId player{};
  std::uint32_t slot =
      0;  // small, of this body as long as it is here, then another's: an index for who follows
  Vec3 position;
  std::uint64_t pose_seq = 0;
  std::uint64_t changed = 0;  // the tick in which it last moved
  std::shared_ptr<const std::string> name;
  std::uint32_t begin = 0;  // of its encoded avatar_pose in PoseTable::encoded
  std::uint32_t size = 0;
};
struct PoseTable {
  std::uint64_t tick = 0;
  WallMs wall{};
  FrameNo frame{};
  std::vector<PoseRow> rows;  // by chunk code, then body
  Bytes encoded;
  struct Chunk {
    ChunkPos place;
    std::uint32_t begin = 0;  // of its rows
    std::uint32_t count = 0;
  };
  std::vector<Chunk> chunks;  // those with anybody in them, by code
  std::unordered_map<ChunkCode, std::uint32_t> by_chunk;
  std::unordered_map<PlayerId, std::uint32_t> by_player;

  ByteView encoded_of(const PoseRow& row) const { return ByteView(encoded).subspan(row.begin, row.size); }
};
// Shared by all sessions of one gateway, which hands the table on to them. Any thread.
class PosePort {
 public:
  virtual ~PosePort() = default;
  virtual void tell(std::shared_ptr<const PoseTable> table) = 0;
};

// ---- what a region is asked ----

struct Admission {
  PlayerId player{};
  std::string token;  // the one that was shown, or a new one
};
struct Admit {  // who is this, or: make a new player
  std::optional<std::string> token;
  std::string name;                                               // of a new player; empty: one is chosen
  Function<void(std::variant<Admission, std::string>)> answered;  // on the region's executor; text: refused
};
// Texts of a refused admission.
inline constexpr char UNKNOWN_TOKEN[] = "unknown_token";
inline constexpr char DRAINING[] = "draining";
inline constexpr char STORE[] = "store";

struct Enter {
  SessionId session{};
  PlayerId player{};
  std::shared_ptr<SessionPort> port;
  std::shared_ptr<PosePort> poses;
};
struct Leave {
  SessionId session{};
};
struct Act {
  SessionId session{};
  wire::Action action;
};
struct PoseMade {
  SessionId session{};
  wire::PoseUpdate update;
};
struct Watch {  // chunks whose snapshot and changes this session wants from now on
  SessionId session{};
  std::vector<ChunkCode> chunks;
};
struct Unwatch {
  SessionId session{};
  std::vector<ChunkCode> chunks;
};
struct Resync {
  SessionId session{};
  ChunkCode chunk{};
};
struct Drain {            // takes nothing new, finishes what was accepted, saves where everybody is
  Function<void()> done;  // on the region's executor
};

struct Figures {
  std::uint64_t frame = 0;
  std::uint64_t sessions = 0;
  std::uint64_t players_loaded = 0;
  std::uint64_t chunks_loaded = 0;
  std::uint64_t actions_accepted = 0;
  std::uint64_t actions_applied = 0;
  std::uint64_t actions_refused = 0;
  std::uint64_t resends = 0;
  std::uint64_t poses = 0;
  std::uint64_t poses_refused = 0;
  std::uint64_t ticks = 0;
  std::uint64_t conflicts = 0;        // commits that had to be made again
  std::uint64_t unknown_results = 0;  // commits whose result had to be looked up
  Histogram t1;                       // first arrival to 'accepted'
  Histogram apply;                    // the rules
  Histogram t2;                       // commit of a frame
  Histogram action;                   // arrival to 'applied'
};
struct AskFigures {
  Function<void(const Figures&)> answered;  // on the region's executor
};

using Message = std::variant<Admit, Enter, Leave, Act, PoseMade, Watch, Unwatch, Resync, Drain, AskFigures>;

}  // namespace everframe::region
