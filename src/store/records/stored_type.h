// StoredType<V>: how a field of type V stands in a record's value. A field is a tag, (id << 3) | kind, then a
// payload whose end can be found from the kind alone, so that a program skips and keeps fields that it does
// not know.
//
//   kind 0  varint           bool, unsigned numbers and enums
//   kind 1  zigzag           signed numbers and enums
//   kind 2  varint length, then bytes: text, bytes, lists, groups
//   kind 3  4 bytes          float, little-endian
//   kind 4  8 bytes          double, little-endian
//
// A list is its elements' kind, then their payloads; a group (a struct of a few members, told by StoredGroup)
// is its members as fields 1, 2, 3 ... An optional that holds nothing is not written at all. Persistent:
// spec/store_format.md. type_name() is what the store's header keeps to notice that a field changed its type.
#pragma once
#include <array>
#include <bit>
#include <concepts>
#include <optional>
#include <tuple>

#include "base/codec.h"
#include "base/geometry.h"
#include "store/tuple.h"

namespace everframe::store::records {

enum class Kind : std::uint8_t { VARINT = 0, ZIGZAG = 1, BYTES = 2, FIXED32 = 3, FIXED64 = 4 };

inline constexpr std::uint32_t FIELD_ID_MAX = (1U << 29) - 1;

inline void put_tag(ByteWriter& out, std::uint32_t id, Kind kind) {
  out.varint(std::uint64_t{id} << 3 | static_cast<std::uint64_t>(kind));
}
struct Tag {
  std::uint32_t id = 0;
  Kind kind = Kind::VARINT;
};
Tag take_tag(ByteReader& in);  // fails `in` if it is none
void skip_payload(ByteReader& in, Kind kind);

template <class V>
struct StoredType;  // no definition: V cannot be a field

template <class V>
concept Storable = requires {
  { StoredType<V>::KIND } -> std::convertible_to<Kind>;
};

// Specialise it with `static constexpr auto MEMBERS = std::tuple(&V::a, ...)` for a struct to be stored as a
// group. Members may be added behind the others, never removed.
template <class V>
struct StoredGroup;
template <>
struct StoredGroup<Vec3> {
  static constexpr auto MEMBERS = std::tuple(&Vec3::x, &Vec3::y, &Vec3::z);
};

namespace detail {

template <class V>
struct NumberOf {
  using Type = V;
};
template <class V>
requires std::is_enum_v<V>
struct NumberOf<V> {
  using Type = std::underlying_type_t<V>;
};
template <class V>
using Number = typename NumberOf<V>::Type;

template <class V>
concept Whole = (std::integral<V> || std::is_enum_v<V>)&&!std::same_as<V, bool>;
template <class V>
concept Unsigned = Whole<V> && std::is_unsigned_v<Number<V>>;
template <class V>
concept Signed = Whole<V> && std::is_signed_v<Number<V>>;

template <class V>
concept FixedBytes = requires(V v) {
  { v.bytes.size() } -> std::convertible_to<std::size_t>;
  requires std::same_as<std::remove_cvref_t<decltype(v.bytes[0])>, std::uint8_t>;
};

inline constexpr std::size_t ANY_LENGTH = SIZE_MAX;  // what is left of the bytes limits it

}  // namespace detail

template <>
struct StoredType<bool> {
  static constexpr Kind KIND = Kind::VARINT;
  static std::string type_name() { return "bool"; }
  static void write(ByteWriter& out, bool v) { out.varint(v ? 1 : 0); }
  static void read(ByteReader& in, bool& v) { v = in.varint_up_to(1) == 1; }
};

template <detail::Unsigned V>
struct StoredType<V> {
  using Number = detail::Number<V>;
  static constexpr Kind KIND = Kind::VARINT;
  static std::string type_name() { return fmt::format("u{}", 8 * sizeof(V)); }
  static void write(ByteWriter& out, V v) { out.varint(static_cast<std::uint64_t>(v)); }
  static void read(ByteReader& in, V& v) {
    v = static_cast<V>(static_cast<Number>(in.varint_up_to(static_cast<Number>(~Number{0}))));
  }
};

template <detail::Signed V>
struct StoredType<V> {
  using Number = detail::Number<V>;
  static constexpr Kind KIND = Kind::ZIGZAG;
  static std::string type_name() { return fmt::format("i{}", 8 * sizeof(V)); }
  static void write(ByteWriter& out, V v) { out.zigzag(static_cast<std::int64_t>(v)); }
  static void read(ByteReader& in, V& v) {
    const std::int64_t wide = in.zigzag();
    if (wide != static_cast<std::int64_t>(static_cast<Number>(wide))) in.fail();
    v = static_cast<V>(static_cast<Number>(wide));
  }
};

template <>
struct StoredType<float> {
  static constexpr Kind KIND = Kind::FIXED32;
  static std::string type_name() { return "f32"; }
  static void write(ByteWriter& out, float v) { out.u32(std::bit_cast<std::uint32_t>(v)); }
  static void read(ByteReader& in, float& v) { v = std::bit_cast<float>(in.u32()); }
};
template <>
struct StoredType<double> {
  static constexpr Kind KIND = Kind::FIXED64;
  static std::string type_name() { return "f64"; }
  static void write(ByteWriter& out, double v) { out.u64(std::bit_cast<std::uint64_t>(v)); }
  static void read(ByteReader& in, double& v) { v = std::bit_cast<double>(in.u64()); }
};

template <>
struct StoredType<std::string> {
  static constexpr Kind KIND = Kind::BYTES;
  static std::string type_name() { return "text"; }
  static void write(ByteWriter& out, const std::string& v) { out.text(v); }
  static void read(ByteReader& in, std::string& v) { v = in.text(detail::ANY_LENGTH); }
};
template <>
struct StoredType<Bytes> {
  static constexpr Kind KIND = Kind::BYTES;
  static std::string type_name() { return "bytes"; }
  static void write(ByteWriter& out, const Bytes& v) { out.bytes(v); }
  static void read(ByteReader& in, Bytes& v) {
    const ByteView bytes = in.bytes(detail::ANY_LENGTH);
    v.assign(bytes.begin(), bytes.end());
  }
};

// Uuid, TransactionStamp, and structs like them.
template <detail::FixedBytes V>
struct StoredType<V> {
  static constexpr Kind KIND = Kind::BYTES;
  static std::string type_name() { return fmt::format("bytes{}", V{}.bytes.size()); }
  static void write(ByteWriter& out, const V& v) { out.bytes(v.bytes); }
  static void read(ByteReader& in, V& v) {
    const ByteView bytes = in.bytes(detail::ANY_LENGTH);
    if (bytes.size() != v.bytes.size()) return in.fail();
    std::copy(bytes.begin(), bytes.end(), v.bytes.begin());
  }
};

template <>
struct StoredType<Versionstamp> {
  static constexpr Kind KIND = Kind::BYTES;
  static std::string type_name() { return "stamp"; }
  static void write(ByteWriter& out, const Versionstamp& v) {
    out.varint(v.transaction.size() + 2);
    out.raw_bytes(v.transaction);
    out.u16(v.user);
  }
  static void read(ByteReader& in, Versionstamp& v) {
    ByteReader inner(in.bytes(detail::ANY_LENGTH));
    const ByteView bytes = inner.raw_bytes(v.transaction.size());
    std::copy(bytes.begin(), bytes.end(), v.transaction.begin());
    v.user = inner.u16();
    if (!inner.done()) in.fail();
  }
};

template <Storable V>
struct StoredType<std::vector<V>> {
  static constexpr Kind KIND = Kind::BYTES;
  static std::string type_name() { return "list(" + StoredType<V>::type_name() + ")"; }
  static void write(ByteWriter& out, const std::vector<V>& v) {
    Bytes inner;
    ByteWriter elements(inner);
    elements.u8(static_cast<std::uint8_t>(StoredType<V>::KIND));
    for (const V& element : v) StoredType<V>::write(elements, element);
    out.bytes(inner);
  }
  static void read(ByteReader& in, std::vector<V>& v) {
    ByteReader elements(in.bytes(detail::ANY_LENGTH));
    v.clear();
    if (elements.u8() != static_cast<std::uint8_t>(StoredType<V>::KIND)) in.fail();
    while (elements.ok() && elements.remaining() > 0) StoredType<V>::read(elements, v.emplace_back());
    if (!elements.done()) in.fail();
  }
};

template <Storable V>
struct StoredType<std::optional<V>> {
  static constexpr Kind KIND = StoredType<V>::KIND;
  static std::string type_name() { return "optional(" + StoredType<V>::type_name() + ")"; }
  static void write(ByteWriter& out, const std::optional<V>& v) { StoredType<V>::write(out, *v); }
  static void read(ByteReader& in, std::optional<V>& v) { StoredType<V>::read(in, v.emplace()); }
};

template <class V>
inline constexpr bool IS_OPTIONAL = false;
template <class V>
inline constexpr bool IS_OPTIONAL<std::optional<V>> = true;

// A field with its tag, unless it is an optional that holds nothing.
template <Storable V>
void write_field(ByteWriter& out, std::uint32_t id, const V& v) {
  if constexpr (IS_OPTIONAL<V>) {
    if (!v) return;
  }
  put_tag(out, id, StoredType<V>::KIND);
  StoredType<V>::write(out, v);
}

template <class V>
requires requires {
  StoredGroup<V>::MEMBERS;
}
struct StoredType<V> {
  static constexpr Kind KIND = Kind::BYTES;
  static std::string type_name() { return "group"; }  // its members may grow in number
  static void write(ByteWriter& out, const V& v) {
    Bytes inner;
    ByteWriter members(inner);
    std::uint32_t id = 0;
    std::apply([&](auto... member) { (write_field(members, ++id, v.*member), ...); },
               StoredGroup<V>::MEMBERS);
    out.bytes(inner);
  }
  static void read(ByteReader& in, V& v) {
    ByteReader members(in.bytes(detail::ANY_LENGTH));
    while (members.ok() && members.remaining() > 0) {
      const Tag tag = take_tag(members);
      bool known = false;
      std::uint32_t id = 0;
      const auto one = [&](auto& member) {
        using Type = StoredType<std::remove_cvref_t<decltype(member)>>;
        if (++id != tag.id) return;
        known = true;
        if (tag.kind != Type::KIND) return members.fail();
        Type::read(members, member);
      };
      std::apply([&](auto... member) { (one(v.*member), ...); }, StoredGroup<V>::MEMBERS);
      if (!known) skip_payload(members, tag.kind);
    }
    if (!members.done()) in.fail();
  }
};

}  // namespace everframe::store::records
