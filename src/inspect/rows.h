// Rows: every row of a world in the store, told apart by its key and decoded (store/world_keys.h says where
// each lies, spec/store_format.md their bytes). Reading is total: what no server writes gives an Error.
#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "region/records.h"
#include "store/database.h"
#include "world/records.h"

namespace everframe::inspect {

struct EntityRow {
  ChunkCode chunk{};
  EntityId id{};
  world::Entity entity;
};
struct PlayerRow {
  PlayerId id{};
  world::Player player;
};
struct SessionRow {
  PlayerId player{};
  std::uint64_t epoch = 0;
};
struct AccountRow {
  std::string token_hash;
  PlayerId player{};
};
struct InputRow {
  RegionId region{};
  PlayerId player{};
  ActionSeq seq{};
  world::Input input;
};
struct FrameRow {
  RegionId region{};
  FrameNo no{};
  world::FrameRecord record;
};
struct RegionRow {
  RegionId region{};
  region::Ownership ownership;
};
struct HeadRow {
  RegionId region{};
  region::Head head;
};
struct TotalRow {
  ItemType item{};
  std::int64_t total = 0;
};
struct LedgerRow {
  RegionId region{};
  FrameNo no{};
  std::vector<world::LedgerEntry> entries;
};
struct MetaRow {
  std::string name;
  std::uint64_t value = 0;
};
using Row = std::variant<EntityRow, PlayerRow, SessionRow, AccountRow, InputRow, FrameRow, RegionRow, HeadRow,
                         TotalRow, LedgerRow, MetaRow>;

// In the order of Row's alternatives: "entity", "player" …
inline constexpr std::string_view KIND_NAMES[] = {"entity",       "player",       "session", "account",
                                                  "input",        "frame",        "region",  "head",
                                                  "ledger_total", "ledger_entry", "meta"};
static_assert(std::size(KIND_NAMES) == std::variant_size_v<Row>);

Result<Row> read_row(const store::KeyValue& row);

using store::key_text;

}  // namespace everframe::inspect
