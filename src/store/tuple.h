// Tuple: FoundationDB's tuple encoding, bit for bit (foundationdb design/tuple.md), so that any language's
// bindings can read our keys. Order of encoded tuples as bytes = order of the tuples: by element, and by type
// first: null, bytes, text, nested, numbers, floats, doubles, booleans, UUIDs, versionstamps. Packing appends
// and cannot fail; unpacking is total and refuses what no packer writes or what it does not know. Integers:
// -2^64 + 1 to 2^64 - 1 (larger ones, which the format allows, are refused by unpack).
#pragma once
#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace everframe::store {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
};

struct Versionstamp {
  std::array<std::uint8_t, 10> transaction{};  // commit version and order within its batch, big-endian
  std::uint16_t user = 0;                      // order within the transaction
  auto operator<=>(const Versionstamp&) const = default;
};

// An integer by sign and magnitude, so that both int64 and uint64 fit.
struct Integer {
  bool negative = false;  // never with magnitude 0
  std::uint64_t magnitude = 0;

  Integer() = default;
  template <std::integral T>
  Integer(T value)
      : negative(value < 0),
        magnitude(value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value)) {}
  bool operator==(const Integer&) const = default;
};

struct Null {
  bool operator==(const Null&) const = default;
};
struct ByteString {
  std::string bytes;
  bool operator==(const ByteString&) const = default;
};

struct Element;
using Tuple = std::vector<Element>;

struct Element
    : std::variant<Null, ByteString, std::string, Tuple, Integer, float, double, bool, Uuid, Versionstamp> {
  using variant::variant;
};

// Appends elements to a key, one call each, without building a Tuple first.
class TuplePacker {
 public:
  explicit TuplePacker(std::string prefix = {}) : key_(std::move(prefix)) {}

  TuplePacker& null();
  TuplePacker& bytes(std::string_view value);
  TuplePacker& text(std::string_view value);
  TuplePacker& integer(Integer value);
  TuplePacker& single(float value);
  TuplePacker& real(double value);
  TuplePacker& boolean(bool value);
  TuplePacker& uuid(const Uuid& value);
  TuplePacker& versionstamp(const Versionstamp& value);
  TuplePacker& nested(const Tuple& value);
  TuplePacker& element(const Element& value);

  const std::string& key() const& { return key_; }
  std::string key() && { return std::move(key_); }

 private:
  void element_in(const Element& value, bool nested);
  std::string key_;
};

std::string pack(const Tuple& tuple);
Result<Tuple> unpack(std::string_view key);

// All keys that begin with this tuple and have more elements: [prefix 00, prefix ff).
struct KeyRange {
  std::string begin;
  std::string end;
};
KeyRange range_of(std::string_view packed_prefix);

// For people: ("W", "chunk", 12, b"\x00\xff").
std::string to_text(const Tuple& tuple);

}  // namespace everframe::store
