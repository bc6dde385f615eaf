// Body: a record's fields as bytes: varint schema_version, then the fields that are not in the primary key,
// each a tag and a payload (stored_type.h). Fields that the reading program does not know are skipped, and
// kept when it writes the record again. A field that is not there (the record is older than it) is as in a
// T{}. Persistent.
#pragma once
#include "store/records/schema.h"

namespace everframe::store::records {

template <const auto& SCHEMA>
using RecordOf = typename std::remove_cvref_t<decltype(SCHEMA)>::Record;

// The fields of `body` with ids that are not among `known`, as they stand.
Result<std::string> unknown_fields(std::string_view body, const std::vector<std::uint32_t>& known);

template <const auto& SCHEMA>
std::string write_body(const RecordOf<SCHEMA>& record) {
  Bytes bytes;
  bytes.reserve(64);
  ByteWriter out(bytes);
  out.varint(SCHEMA.version);
  std::apply(
      [&](const auto&... f) {
        ((SCHEMA.is_in_key(f.member) ? void() : write_field(out, f.id, record.*f.member)), ...);
      },
      SCHEMA.fields);
  return std::string(chars_of(bytes));
}

template <const auto& SCHEMA>
KeyBytes write_key(const RecordOf<SCHEMA>& record) {
  TuplePacker packer;
  std::apply(
      [&](auto... k) { (KeyType<std::remove_cvref_t<decltype(record.*k)>>::put(packer, record.*k), ...); },
      SCHEMA.key);
  return std::move(packer).key();
}

// Fills the members from elements, in order, beginning with `at`.
template <class T, class Members>
bool take_members(const Tuple& tuple, std::size_t at, const Members& members, T& record) {
  const auto one = [&](auto member) {
    using V = std::remove_cvref_t<decltype(record.*member)>;
    return at < tuple.size() && KeyType<V>::take(tuple[at++], record.*member);
  };
  return std::apply([&](auto... m) { return (one(m) && ...); }, members);
}

// Adds what `body` says to `record`.
template <const auto& SCHEMA>
Result<void> read_body(std::string_view body, RecordOf<SCHEMA>& record) {
  ByteReader in(bytes_of(body));
  in.varint_up_to(UINT32_MAX);
  while (in.ok() && in.remaining() > 0) {
    const Tag tag = take_tag(in);
    bool known = false;
    const auto one = [&](const auto& f) {
      if (f.id != tag.id) return;
      known = true;
      using Type = StoredType<typename std::remove_cvref_t<decltype(f)>::Type>;
      if (tag.kind != Type::KIND) return in.fail();
      Type::read(in, record.*f.member);
    };
    std::apply([&](const auto&... f) { (one(f), ...); }, SCHEMA.fields);
    if (!known) skip_payload(in, tag.kind);
  }
  if (in.done()) return {};
  return fail("a record of table {} is damaged at byte {} of {}", SCHEMA.name, body.size() - in.remaining(),
              body.size());
}

template <const auto& SCHEMA>
Result<RecordOf<SCHEMA>> read_record(std::string_view packed_key, std::string_view body) {
  const auto key = unpack(packed_key);
  if (!key) return tl::unexpected(key.error());
  RecordOf<SCHEMA> record{};
  if (!take_members(*key, 0, SCHEMA.key, record)) {
    return fail("a key of table {} is damaged: {}", SCHEMA.name, to_text(*key));
  }
  if (auto read = read_body<SCHEMA>(body, record); !read) return tl::unexpected(read.error());
  return record;
}

}  // namespace everframe::store::records
