#include "store/records/body.h"

namespace everframe::store::records {

Result<std::string> unknown_fields(std::string_view body, const std::vector<std::uint32_t>& known) {
  ByteReader in(bytes_of(body));
  in.varint_up_to(UINT32_MAX);
  std::string out;
  while (in.ok() && in.remaining() > 0) {
    const std::size_t from = body.size() - in.remaining();
    const Tag tag = take_tag(in);
    skip_payload(in, tag.kind);
    const std::size_t to = body.size() - in.remaining();
    if (std::find(known.begin(), known.end(), tag.id) == known.end()) out += body.substr(from, to - from);
  }
  if (!in.done())
    return fail("a record's fields are damaged at byte {} of {}", body.size() - in.remaining(), body.size());
  return out;
}

}  // namespace everframe::store::records
