// WorldKeys: where everything of one world lies in the store (design.md section 5), as tuple-encoded keys
// that begin with the world's name. Keys of a chunk are ordered by its code, so a region is one range.
// Persistent.
//
//   (W, "chunk", code, entity_id)            entity record
//   (W, "player", player_id)                 player record
//   (W, "session", player_id)                session epoch, u64
//   (W, "account", token_hash)               player id, u64
//   (W, "input", region_id, player_id, seq)  durable input queue (T1)
//   (W, "frame", region_id, frame_no)        frame record
//   (W, "region", region_id)                 who owns it
//   (W, "region", region_id, "head")         its last frame
//   (W, "ledger", "total", item)             sum of all ledger entries, i64: kept by atomic adds
//   (W, "ledger", "entry", region_id, frame_no)  a frame's entries
//   (W, "meta", name)                        what the world was made from: format, seed, content hash, next
//   player
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "store/tuple.h"

namespace everframe::store {

class WorldKeys {
 public:
  explicit WorldKeys(std::string_view world);

  KeyBytes entity(ChunkCode chunk, EntityId id) const;
  KeyRange chunk(ChunkCode code) const;
  KeyRange chunks() const;
  KeyBytes player(PlayerId id) const;
  KeyRange players() const;
  KeyBytes session(PlayerId id) const;
  KeyBytes account(ByteView token_hash) const;
  KeyBytes input(RegionId region, PlayerId player, ActionSeq seq) const;
  KeyRange inputs(RegionId region) const;
  KeyBytes frame(RegionId region, FrameNo no) const;
  KeyRange frames(RegionId region) const;
  KeyBytes region(RegionId id) const;
  KeyBytes region_head(RegionId id) const;
  KeyBytes ledger_total(ItemType item) const;
  KeyRange ledger_totals() const;
  KeyBytes ledger_entries(RegionId region, FrameNo no) const;
  KeyRange ledger_log(RegionId region) const;
  KeyBytes meta(std::string_view name) const;
  KeyRange all() const;

 private:
  KeyBytes prefix_;
};

// Values of counters and ids: 8 bytes, little-endian (as atomic ADD takes them).
std::string u64_value(std::uint64_t value);
std::optional<std::uint64_t> read_u64_value(std::string_view bytes);

}  // namespace everframe::store
