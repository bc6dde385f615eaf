// Description: a schema as data, as the store's header keeps it, so that a program finds out that it is about
// to read a table wrongly before it does. check_evolution() says whether a table written by one schema may be
// used by another. Persistent: spec/store_format.md.
#pragma once
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace everframe::store::records {

// Persistent.
enum class IndexKind : std::uint8_t {
  VALUE = 1,
  UNIQUE = 2,
  SPATIAL = 3,
  COUNT = 4,
  SUM = 5,
  MIN_EVER = 6,
  MAX_EVER = 7,
  FEED = 8,
  CUSTOM = 9
};

// Is it a number per group, kept by atomic operations? If not, it has an entry per record.
constexpr bool is_aggregate(IndexKind kind) {
  return kind >= IndexKind::COUNT && kind <= IndexKind::MAX_EVER;
}

struct FieldDescription {
  std::uint32_t id = 0;
  std::string type;  // StoredType<V>::type_name()
  bool operator==(const FieldDescription&) const = default;
};

struct IndexDescription {
  std::string name;
  IndexKind kind = IndexKind::VALUE;
  std::vector<std::uint32_t> keyed;    // field ids, in order
  std::vector<std::uint32_t> covered;  // what its entries carry besides; of an aggregate: what is added up
  std::uint64_t parameter = 0;         // SPATIAL: the cell's side, mm; CUSTOM: its version
  bool operator==(const IndexDescription&) const = default;
};

struct Description {
  std::uint32_t version = 0;
  std::vector<FieldDescription> fields;
  std::vector<std::uint32_t> key;
  std::vector<IndexDescription> indexes;
  bool chunked = false;
  std::vector<std::uint32_t> retired;  // ids of fields that an older version had: never used again
  std::vector<std::string> dropped;    // indexes that this program knows to be gone; not kept

  const FieldDescription* field(std::uint32_t id) const;
  const IndexDescription* index(std::string_view name) const;
  bool operator==(const Description&) const = default;
};

inline constexpr std::size_t DESCRIPTION_FIELDS_MAX = 10'000;
inline constexpr std::size_t DESCRIPTION_NAME_MAX = 128;  // bytes

std::string write_description(const Description& description);
Result<Description> read_description(std::string_view bytes);

struct Evolution {
  bool changes = false;                   // is there anything to write down?
  Description merged;                     // the new header
  std::vector<IndexDescription> added;    // to be built
  std::vector<IndexDescription> removed;  // to be cleared
};

// `table`: for the texts. Refused, each with what to do: a field that changed its type (numbers may grow in
// width, a field may become optional, unless it is in a key), an id that is used again, another primary key,
// an index that is gone without dropped<>, one that changed under its name, changes without a new version. A
// program older than the table may go on using it if the newer schema has only added fields, so that a
// cluster can be upgraded node by node.
Result<Evolution> check_evolution(std::string_view table, const Description& stored, const Description& ours);

}  // namespace everframe::store::records
