// Tuple: FoundationDB's tuple encoding, bit for bit (foundationdb design/tuple.md), so that any language's
// bindings can read our keys. Order of encoded tuples as bytes = order of the tuples: by element, and by type
// first: null, bytes, text, nested, numbers, floats, doubles, booleans, UUIDs, versionstamps, user's types.
// Packing appends and cannot fail; unpacking is total and refuses what no packer writes or what it does not
// know: the deprecated codes 03, 04, 25 and the decimals 23, 24, whose bytes the specification leaves open.
// Limits: integers of 255 bytes, nesting of DEPTH_MAX. Integers of up to 8 bytes are written in their short
// form, as Java, Go and C++ do; Python's long form of exactly 2^64 - 1 is read too.
#pragma once
#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "store/key_bytes.h"

namespace everframe::store {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
};

// Commit version and order within its batch, big-endian: what FoundationDB stamps.
struct TransactionStamp {
  std::array<std::uint8_t, 10> bytes{};
  auto operator<=>(const TransactionStamp&) const = default;
};

struct Versionstamp {
  std::array<std::uint8_t, 10> transaction{};  // as in TransactionStamp; all ff: not yet known
  std::uint16_t user = 0;                      // order within the transaction
  auto operator<=>(const Versionstamp&) const = default;

  static Versionstamp incomplete(std::uint16_t user = 0);
  bool is_complete() const;
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

// An integer that does not fit in 8 bytes.
struct BigInteger {
  bool negative = false;
  std::string magnitude;  // big-endian, 9 to 255 bytes, the first one not 0
  bool operator==(const BigInteger&) const = default;
};

struct Null {
  bool operator==(const Null&) const = default;
};
struct ByteString {
  std::string bytes;
  bool operator==(const ByteString&) const = default;
};

// x87's 80 bits, big-endian. Reserved by the specification; no binding of FoundationDB's makes one.
struct LongDouble {
  std::array<std::uint8_t, 10> bytes{};
  bool operator==(const LongDouble&) const = default;
};
// Code 31: a 64-bit identifier. Reserved likewise.
struct Identifier {
  std::uint64_t value = 0;
  auto operator<=>(const Identifier&) const = default;
};
// Codes 40 to 4f: bytes that only their user can read. Not delimited: always the last element of a tuple that
// is not nested.
struct UserType {
  std::uint8_t code = 0x40;
  std::string bytes;
  bool operator==(const UserType&) const = default;
};

struct Element;
using Tuple = std::vector<Element>;

struct Element : std::variant<Null, ByteString, std::string, Tuple, Integer, BigInteger, float, double,
                              LongDouble, bool, Uuid, Identifier, TransactionStamp, Versionstamp, UserType> {
  using variant::variant;
};

// Appends elements to a key, one call each, without building a Tuple first.
class TuplePacker {
 public:
  explicit TuplePacker(KeyBytes prefix = {}) : key_(std::move(prefix)) {}

  TuplePacker& null();
  TuplePacker& bytes(std::string_view value);
  TuplePacker& text(std::string_view value);
  TuplePacker& integer(Integer value);
  TuplePacker& integer(const BigInteger& value);
  TuplePacker& single(float value);
  TuplePacker& real(double value);
  TuplePacker& boolean(bool value);
  TuplePacker& uuid(const Uuid& value);
  TuplePacker& versionstamp(const Versionstamp& value);
  TuplePacker& user_type(const UserType& value);  // and nothing behind it
  TuplePacker& nested(const Tuple& value);
  TuplePacker& element(const Element& value);

  const KeyBytes& key() const& { return key_; }
  KeyBytes key() && { return std::move(key_); }

  // For SET_VERSIONSTAMPED_KEY: the key, then the place of its one incomplete versionstamp as 4 bytes,
  // little-endian. An Error if there is none, or more than one.
  Result<KeyBytes> versionstamped_key() &&;

 private:
  void element_in(const Element& value, bool inside);
  KeyBytes key_;
  std::size_t stamp_at_ = 0;    // of the last incomplete versionstamp
  std::size_t incomplete_ = 0;  // incomplete versionstamps
};

std::string pack(const Tuple& tuple);
Result<Tuple> unpack(std::string_view key);
// As TuplePacker::versionstamped_key().
Result<KeyBytes> pack_versionstamped(const Tuple& tuple, KeyBytes prefix = {});
// What is left of a packed tuple behind its first `count` elements.
Result<std::string_view> skip_elements(std::string_view packed, std::size_t count);

// All keys that begin with this tuple and have more elements: [prefix 00, prefix ff).
struct KeyRange {
  std::string begin;
  std::string end;
};
KeyRange range_of(std::string_view packed_prefix);

// For people: ("W", "chunk", 12, b"\x00\xff").
std::string to_text(const Tuple& tuple);
std::string key_text(std::string_view key);  // likewise; of what is no tuple its bytes, in hex

}  // namespace everframe::store
