#include "store/world_keys.h"

#include "base/codec.h"

namespace everframe::store {

namespace {

TuplePacker kind(const KeyBytes& prefix, std::string_view name) {
  TuplePacker packer(prefix);
  packer.text(name);
  return packer;
}

}  // namespace

WorldKeys::WorldKeys(std::string_view world) : prefix_(std::move(TuplePacker().text(world)).key()) {}

KeyBytes WorldKeys::entity(ChunkCode chunk, EntityId id) const {
  return kind(prefix_, "chunk").integer(raw(chunk)).integer(raw(id)).key();
}
KeyRange WorldKeys::chunk(ChunkCode code) const {
  return range_of(kind(prefix_, "chunk").integer(raw(code)).key());
}
KeyRange WorldKeys::chunks() const {
  return range_of(kind(prefix_, "chunk").key());
}
KeyBytes WorldKeys::player(PlayerId id) const {
  return kind(prefix_, "player").integer(raw(id)).key();
}
KeyRange WorldKeys::players() const {
  return range_of(kind(prefix_, "player").key());
}
KeyBytes WorldKeys::session(PlayerId id) const {
  return kind(prefix_, "session").integer(raw(id)).key();
}
KeyBytes WorldKeys::account(ByteView token_hash) const {
  return kind(prefix_, "account").bytes(chars_of(token_hash)).key();
}
KeyBytes WorldKeys::input(RegionId region, PlayerId player, ActionSeq seq) const {
  return kind(prefix_, "input").integer(raw(region)).integer(raw(player)).integer(raw(seq)).key();
}
KeyRange WorldKeys::inputs(RegionId region) const {
  return range_of(kind(prefix_, "input").integer(raw(region)).key());
}
KeyBytes WorldKeys::frame(RegionId region, FrameNo no) const {
  return kind(prefix_, "frame").integer(raw(region)).integer(raw(no)).key();
}
KeyRange WorldKeys::frames(RegionId region) const {
  return range_of(kind(prefix_, "frame").integer(raw(region)).key());
}
KeyBytes WorldKeys::region(RegionId id) const {
  return kind(prefix_, "region").integer(raw(id)).key();
}
KeyBytes WorldKeys::region_head(RegionId id) const {
  return kind(prefix_, "region").integer(raw(id)).text("head").key();
}
KeyBytes WorldKeys::ledger_total(ItemType item) const {
  return kind(prefix_, "ledger").text("total").integer(raw(item)).key();
}
KeyRange WorldKeys::ledger_totals() const {
  return range_of(kind(prefix_, "ledger").text("total").key());
}
KeyBytes WorldKeys::ledger_entries(RegionId region, FrameNo no) const {
  return kind(prefix_, "ledger").text("entry").integer(raw(region)).integer(raw(no)).key();
}
KeyRange WorldKeys::ledger_log(RegionId region) const {
  return range_of(kind(prefix_, "ledger").text("entry").integer(raw(region)).key());
}
KeyBytes WorldKeys::meta(std::string_view name) const {
  return kind(prefix_, "meta").text(name).key();
}
KeyRange WorldKeys::all() const {
  return range_of(prefix_);
}

std::string u64_value(std::uint64_t value) {
  Bytes bytes;
  ByteWriter(bytes).u64(value);
  return std::string(chars_of(bytes));
}

std::optional<std::uint64_t> read_u64_value(std::string_view bytes) {
  ByteReader reader(bytes_of(bytes));
  const std::uint64_t value = reader.u64();
  if (!reader.done()) return std::nullopt;
  return value;
}

}  // namespace everframe::store
