#include "region/records.h"

#include "base/codec.h"

namespace everframe::region {

namespace {

constexpr std::uint8_t VERSION = 1;

template <class Write>
std::string written(Write write) {
  Bytes out;
  ByteWriter to(out);
  to.u8(VERSION);
  write(to);
  return std::string(chars_of(out));
}

Result<ByteReader> opened(std::string_view bytes, const char* what) {
  ByteReader in(bytes_of(bytes));
  const std::uint8_t version = in.u8();
  if (!in.ok() || version != VERSION) {
    return fail("{} has version {}, this server reads {}: use the server that wrote it", what, version,
                VERSION);
  }
  return in;
}

}  // namespace

std::string write_ownership(const Ownership& ownership) {
  return written([&](ByteWriter& to) {
    to.varint(raw(ownership.low));
    to.varint(raw(ownership.high));
    to.varint(ownership.epoch);
  });
}

Result<Ownership> read_ownership(std::string_view bytes) {
  auto in = opened(bytes, "a region's record");
  if (!in) return tl::unexpected<Error>(in.error());
  Ownership out{ChunkCode{in->varint()}, ChunkCode{in->varint()}, in->varint()};
  if (!in->done()) return fail("a region's record is damaged");
  return out;
}

std::string write_head(const Head& head) {
  return written([&](ByteWriter& to) {
    to.varint(raw(head.frame));
    to.zigzag(static_cast<std::int64_t>(head.now));
    to.varint(raw(head.next_entity));
    to.varint(raw(head.next_player));
    to.u64(head.hash);
    to.varint(head.counter);
  });
}

Result<Head> read_head(std::string_view bytes) {
  auto in = opened(bytes, "a region's head");
  if (!in) return tl::unexpected<Error>(in.error());
  Head out;
  out.frame = FrameNo{in->varint()};
  out.now = WallMs{in->zigzag()};
  out.next_entity = EntityId{in->varint()};
  out.next_player = PlayerId{in->varint()};
  out.hash = in->u64();
  out.counter = in->varint();
  if (!in->done()) return fail("a region's head is damaged");
  return out;
}

}  // namespace everframe::region
