#include "store/records/stored_type.h"

namespace everframe::store::records {

Tag take_tag(ByteReader& in) {
  const std::uint64_t bits = in.varint_up_to(std::uint64_t{FIELD_ID_MAX} << 3 | 7);
  Tag tag{static_cast<std::uint32_t>(bits >> 3), static_cast<Kind>(bits & 7)};
  if (tag.id == 0 || tag.kind > Kind::FIXED64) in.fail();
  return tag;
}

void skip_payload(ByteReader& in, Kind kind) {
  switch (kind) {
    case Kind::VARINT:
    case Kind::ZIGZAG:
      in.varint();
      break;
    case Kind::BYTES:
      in.bytes(detail::ANY_LENGTH);
      break;
    case Kind::FIXED32:
      in.u32();
      break;
    case Kind::FIXED64:
      in.u64();
      break;
  }
}

}  // namespace everframe::store::records
