// The nouns of the engine: versions, key ranges, mutations, rows.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace everframe::embedded {

// A point in the database's history: strictly increasing, about one a microsecond (FoundationDB's pace).
// Persistent. NO_VERSION where none is known yet.
using Version = std::int64_t;
inline constexpr Version NO_VERSION = -1;

// How far back a transaction may read or commit: 5 seconds, FoundationDB's
// MAX_READ_TRANSACTION_LIFE_VERSIONS.
inline constexpr Version WINDOW_VERSIONS = 5'000'000;

inline constexpr std::size_t KEY_BYTES_MAX = 10'000;               // FoundationDB's KEY_SIZE_LIMIT
inline constexpr std::size_t SYSTEM_KEY_BYTES_MAX = 30'000;        // of keys that begin with FF
inline constexpr std::size_t VALUE_BYTES_MAX = 100'000;            // VALUE_SIZE_LIMIT
inline constexpr std::int64_t TRANSACTION_BYTES_MAX = 10'000'000;  // TRANSACTION_SIZE_LIMIT

// What a mutation and a conflict range count besides their bytes (FoundationDB's sizeof of each).
inline constexpr std::int64_t MUTATION_OVERHEAD = 40;
inline constexpr std::int64_t RANGE_OVERHEAD = 24;

// Readable by all; written only by SET_VERSIONSTAMPED_VALUE with 14 zero bytes (design/metadata-version.md).
inline constexpr std::string_view METADATA_VERSION_KEY = "\xff/metadataVersion";

// No key begins so: the end of all.
inline constexpr std::string_view BEHIND_ALL_KEYS = "\xff\xff\xff";

// [begin, end)
struct KeyRange {
  std::string begin;
  std::string end;
  bool operator==(const KeyRange&) const = default;
};

// The same of bytes that someone else owns.
struct RangeView {
  std::string_view begin;
  std::string_view end;
  RangeView(std::string_view from, std::string_view to) : begin(from), end(to) {}
  RangeView(const KeyRange& range) : begin(range.begin), end(range.end) {}
};

inline std::string key_after(std::string_view key) {
  std::string next;
  next.reserve(key.size() + 1);
  next.append(key).push_back('\0');
  return next;
}
inline bool is_key_after(std::string_view next, std::string_view key) {
  return next.size() == key.size() + 1 && next.back() == '\0' && next.substr(0, key.size()) == key;
}

// FoundationDB's mutation types. Those from ADD on are the atomic operations of fdb_transaction_atomic_op.
enum class MutationType : std::uint8_t {
  SET = 0,
  CLEAR_RANGE = 1,  // key and value hold begin and end
  ADD = 2,
  BIT_AND = 6,
  BIT_OR = 7,
  BIT_XOR = 8,
  APPEND_IF_FITS = 9,
  MAX = 12,
  MIN = 13,
  SET_VERSIONSTAMPED_KEY = 14,
  SET_VERSIONSTAMPED_VALUE = 15,
  BYTE_MIN = 16,
  BYTE_MAX = 17,
  COMPARE_AND_CLEAR = 20,
};

struct Mutation {
  MutationType type = MutationType::SET;
  std::string key;
  std::string value;
  bool conflict = true;  // SET_VERSIONSTAMPED_KEY: does its key, once known, conflict with others' reads?
};

// The same of bytes that someone else owns.
struct MutationView {
  MutationType type;
  std::string_view key;
  std::string_view value;
  bool conflict = true;
};

// Rows of a range read, packed into one block, so that a row costs no allocation.
class Rows {
 public:
  void add(std::string_view key, std::string_view value) {
    rows_.push_back(
        {bytes_.size(), static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(value.size())});
    bytes_.append(key).append(value);
  }
  // Rows [first, last) of others.
  void add(const Rows& others, std::size_t first, std::size_t last) {
    if (first == last) return;
    const std::size_t from = others.rows_[first].offset;
    const std::size_t to = last == others.size() ? others.bytes() : others.rows_[last].offset;
    const std::size_t shift = bytes_.size() - from;  // modulo 2^64
    bytes_.append(others.bytes_, from, to - from);
    rows_.insert(rows_.end(), others.rows_.begin() + static_cast<std::ptrdiff_t>(first),
                 others.rows_.begin() + static_cast<std::ptrdiff_t>(last));
    for (std::size_t i = rows_.size() - (last - first); i < rows_.size(); ++i) rows_[i].offset += shift;
  }
  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  std::size_t bytes() const { return bytes_.size(); }
  std::size_t bytes_from(std::size_t first) const {
    return first == rows_.size() ? 0 : bytes_.size() - rows_[first].offset;
  }
  std::size_t memory() const { return bytes_.capacity() + rows_.capacity() * sizeof(Row); }
  // Of rows in the order of their keys: the first one at or behind `key`.
  std::size_t lower_bound(std::string_view key) const {
    const auto found =
        std::lower_bound(rows_.begin(), rows_.end(), key, [this](const Row& row, std::string_view wanted) {
          return std::string_view(bytes_).substr(row.offset, row.key_size) < wanted;
        });
    return static_cast<std::size_t>(found - rows_.begin());
  }
  std::string_view key(std::size_t i) const {
    return std::string_view(bytes_).substr(rows_[i].offset, rows_[i].key_size);
  }
  std::string_view value(std::size_t i) const {
    return std::string_view(bytes_).substr(rows_[i].offset + rows_[i].key_size, rows_[i].value_size);
  }
  void clear() {
    bytes_.clear();
    rows_.clear();
  }
  void reserve(std::size_t rows, std::size_t bytes) {
    rows_.reserve(rows);
    bytes_.reserve(bytes);
  }

 private:
  struct Row {
    std::size_t offset;
    std::uint32_t key_size;
    std::uint32_t value_size;
  };
  std::string bytes_;
  std::vector<Row> rows_;
};

// Where a range read stops by size. A row counts its key, its value and 8 bytes, as in FoundationDB; the
// first row is given whatever its size.
struct ReadLimits {
  std::int64_t rows;
  std::int64_t bytes;
  static constexpr std::int64_t UNLIMITED = INT64_MAX;
  bool reached() const { return rows <= 0 || bytes <= 0; }
  void count(std::size_t key, std::size_t value) {
    if (rows != UNLIMITED) --rows;
    if (bytes != UNLIMITED) bytes -= static_cast<std::int64_t>(key + value + 8);
  }
};

}  // namespace everframe::embedded
