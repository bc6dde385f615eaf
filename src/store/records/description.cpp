#include "store/records/description.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "base/codec.h"

namespace everframe::store::records {

namespace {

constexpr std::uint8_t FORMAT = 1;  // persistent

template <class T>
bool holds(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

void write_ids(ByteWriter& out, const std::vector<std::uint32_t>& ids) {
  out.varint(ids.size());
  for (const std::uint32_t id : ids) out.varint(id);
}
std::vector<std::uint32_t> read_ids(ByteReader& in) {
  std::vector<std::uint32_t> ids(in.varint_up_to(std::min(DESCRIPTION_FIELDS_MAX, in.remaining())));
  for (std::uint32_t& id : ids) id = static_cast<std::uint32_t>(in.varint_up_to(UINT32_MAX));
  return ids;
}

// "u16" may become "u64", and any type "optional(it)".
bool may_become(std::string_view from, std::string_view to) {
  if (from == to) return true;
  if (to.starts_with("optional(") && !from.starts_with("optional(")) {
    return may_become(from, to.substr(9, to.size() - 10));
  }
  if (from.empty() || to.empty() || from[0] != to[0] || (from[0] != 'u' && from[0] != 'i')) return false;
  int narrow = 0;
  int wide = 0;
  const auto a = std::from_chars(from.data() + 1, from.data() + from.size(), narrow);
  const auto b = std::from_chars(to.data() + 1, to.data() + to.size(), wide);
  const bool numbers = a.ptr == from.data() + from.size() && b.ptr == to.data() + to.size();
  return numbers && narrow > 0 && narrow <= wide;
}

bool is_in_a_key(const Description& d, std::uint32_t id) {
  if (holds(d.key, id)) return true;
  return std::any_of(d.indexes.begin(), d.indexes.end(), [id](const IndexDescription& index) {
    return holds(index.keyed, id) || holds(index.covered, id);
  });
}

Result<void> check_fields(std::string_view table, const Description& stored, const Description& ours) {
  for (const FieldDescription& field : ours.fields) {
    if (holds(stored.retired, field.id)) {
      return fail(
          "table {}: field id {} was used by an older version and cannot be used again; take a new id", table,
          field.id);
    }
    const FieldDescription* before = stored.field(field.id);
    if (before == nullptr || before->type == field.type) continue;
    if (!may_become(before->type, field.type)) {
      return fail("table {}: field {} is stored as {} and cannot be read as {}; give the new type a new id",
                  table, field.id, before->type, field.type);
    }
    const bool to_optional = field.type.starts_with("optional(") && !before->type.starts_with("optional(");
    if (to_optional && is_in_a_key(ours, field.id)) {
      return fail("table {}: field {} is in a key or an index and cannot become optional", table, field.id);
    }
  }
  for (const FieldDescription& before : stored.fields) {
    if (ours.field(before.id) == nullptr && is_in_a_key(ours, before.id)) {
      return fail("table {}: field {} is gone but an index names it", table, before.id);
    }
  }
  return {};
}

Result<void> check_indexes(std::string_view table, const Description& stored, const Description& ours) {
  for (const IndexDescription& index : ours.indexes) {
    const IndexDescription* before = stored.index(index.name);
    if (before != nullptr && *before != index) {
      return fail(
          "table {}: index \"{}\" has other fields or another kind than the stored one; give it a new name",
          table, index.name);
    }
  }
  for (const IndexDescription& before : stored.indexes) {
    if (ours.index(before.name) == nullptr && !holds(ours.dropped, before.name)) {
      return fail(
          "table {}: the stored index \"{}\" is not in the schema; say dropped<\"{}\">() to remove it", table,
          before.name, before.name);
    }
  }
  return {};
}

Evolution merge(const Description& stored, const Description& ours) {
  Evolution out;
  out.changes = true;
  out.merged = ours;
  out.merged.dropped.clear();
  out.merged.retired = stored.retired;
  for (const FieldDescription& before : stored.fields) {
    if (ours.field(before.id) == nullptr) out.merged.retired.push_back(before.id);
  }
  for (const IndexDescription& index : ours.indexes) {
    if (stored.index(index.name) == nullptr) out.added.push_back(index);
  }
  for (const IndexDescription& before : stored.indexes) {
    if (ours.index(before.name) == nullptr) out.removed.push_back(before);
  }
  return out;
}

// What `d` says but for what a header alone knows or a program alone says.
Description plain(Description d) {
  d.retired.clear();
  d.dropped.clear();
  return d;
}

bool same_index_names(const Description& a, const Description& b) {
  return a.indexes.size() == b.indexes.size() &&
         std::all_of(a.indexes.begin(), a.indexes.end(),
                     [&b](const IndexDescription& index) { return b.index(index.name) != nullptr; });
}

Result<Evolution> check_forward(std::string_view table, const Description& stored, const Description& ours) {
  if (stored.key != ours.key) {
    return fail("table {}: the primary key has changed; a new key needs a new table", table);
  }
  if (stored.chunked && !ours.chunked) {
    return fail("table {}: large records may be stored in chunks, the schema must go on saying chunked()",
                table);
  }
  if (auto fields = check_fields(table, stored, ours); !fields) return tl::unexpected(fields.error());
  if (auto indexes = check_indexes(table, stored, ours); !indexes) return tl::unexpected(indexes.error());
  return merge(stored, ours);
}

}  // namespace

const FieldDescription* Description::field(std::uint32_t id) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [id](const auto& f) { return f.id == id; });
  return found == fields.end() ? nullptr : &*found;
}
const IndexDescription* Description::index(std::string_view name) const {
  const auto found =
      std::find_if(indexes.begin(), indexes.end(), [name](const auto& i) { return i.name == name; });
  return found == indexes.end() ? nullptr : &*found;
}

std::string write_description(const Description& d) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(FORMAT);
  out.varint(d.version);
  out.varint(d.fields.size());
  for (const FieldDescription& field : d.fields) {
    out.varint(field.id);
    out.text(field.type);
  }
  write_ids(out, d.key);
  out.varint(d.indexes.size());
  for (const IndexDescription& index : d.indexes) {
    EF_ASSERT(index.name.size() <= DESCRIPTION_NAME_MAX);
    out.text(index.name);
    out.u8(static_cast<std::uint8_t>(index.kind));
    write_ids(out, index.keyed);
    write_ids(out, index.covered);
    out.varint(index.parameter);
  }
  out.u8(d.chunked ? 1 : 0);
  write_ids(out, d.retired);
  return std::string(chars_of(bytes));
}

Result<Description> read_description(std::string_view bytes) {
  ByteReader in(bytes_of(bytes));
  const std::uint8_t format = in.u8();
  if (in.ok() && format != FORMAT) {
    return fail("a table's header has format {}, this program reads {}", format, FORMAT);
  }
  Description d;
  d.version = static_cast<std::uint32_t>(in.varint_up_to(UINT32_MAX));
  d.fields.resize(in.varint_up_to(std::min(DESCRIPTION_FIELDS_MAX, in.remaining())));
  for (FieldDescription& field : d.fields) {
    field.id = static_cast<std::uint32_t>(in.varint_up_to(UINT32_MAX));
    field.type = in.text(DESCRIPTION_NAME_MAX);
  }
  d.key = read_ids(in);
  d.indexes.resize(in.varint_up_to(std::min(DESCRIPTION_FIELDS_MAX, in.remaining())));
  for (IndexDescription& index : d.indexes) {
    index.name = in.text(DESCRIPTION_NAME_MAX);
    const std::uint8_t kind = in.u8();
    if (kind < static_cast<std::uint8_t>(IndexKind::VALUE) ||
        kind > static_cast<std::uint8_t>(IndexKind::CUSTOM)) {
      in.fail();
    }
    index.kind = static_cast<IndexKind>(kind);
    index.keyed = read_ids(in);
    index.covered = read_ids(in);
    index.parameter = in.varint();
  }
  d.chunked = in.u8() != 0;
  d.retired = read_ids(in);
  if (!in.done()) return fail("a table's header of {} bytes is damaged", bytes.size());
  return d;
}

Result<Evolution> check_evolution(std::string_view table, const Description& stored,
                                  const Description& ours) {
  if (ours.version == stored.version) {
    if (plain(ours) == plain(stored)) return Evolution{false, stored, {}, {}};
    return fail(
        "table {}: the schema is not the stored one, but has its version {}; give it the next version", table,
        ours.version);
  }
  if (ours.version > stored.version) return check_forward(table, stored, ours);
  if (!same_index_names(ours, stored)) {
    return fail(
        "table {}: it was written by version {} of its schema, which has other indexes; this program has {}",
        table, stored.version, ours.version);
  }
  const auto ahead = check_forward(table, ours, stored);
  if (!ahead) {
    return fail("table {}: it was written by version {} of its schema, this program has {} ({})", table,
                stored.version, ours.version, ahead.error().text);
  }
  return Evolution{false, stored, {}, {}};
}

}  // namespace everframe::store::records
