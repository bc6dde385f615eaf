// Records: the bytes of rows in the store and of frames in the frame log (spec/store_format.md). Reading is
// total: damaged bytes give an Error. Persistent; the first byte is the record's version.
#pragma once
#include "base/bytes.h"
#include "base/result.h"
#include "world/frame.h"

namespace everframe::world {

Bytes write_entity(const Entity& entity);
Result<Entity> read_entity(ByteView bytes);
Bytes write_player(const Player& player);
Result<Player> read_player(ByteView bytes);
Bytes write_input(const Input& input);
Result<Input> read_input(ByteView bytes);

// A frame's row in the log: what went in, and what must come out of it again (replay).
struct FrameRecord {
  Frame frame;
  std::uint64_t hash_after = 0;      // of the world
  std::uint64_t effects_digest = 0;  // of all changes, outcomes and ledger entries, in order
};
Bytes write_frame(const FrameRecord& record);
Result<FrameRecord> read_frame(ByteView bytes);
std::uint64_t digest(const Effects& effects);

// A frame's row in the ledger log.
Bytes write_ledger(const std::vector<LedgerEntry>& entries);
Result<std::vector<LedgerEntry>> read_ledger(ByteView bytes);

// Limits of what is read; writing more is a bug.
inline constexpr std::size_t RECORD_STACKS_MAX = 256;
inline constexpr std::size_t RECORD_NAME_MAX = 128;          // bytes of UTF-8
inline constexpr std::size_t RECORD_INPUTS_MAX = 16'384;     // of one frame
inline constexpr std::size_t RECORD_LEDGER_MAX = 1'048'576;  // entries of one frame

// What a row adds to the world's hash.
std::uint64_t hash_of(const Entity& entity);
std::uint64_t hash_of(const Player& player);

}  // namespace everframe::world
