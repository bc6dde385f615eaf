// schema<T>(): a table described once, in C++, by T's members. What it says is checked when it is compiled:
// ids that repeat, members of keys and indexes that are no fields, names used twice, feeds grouped by what
// may change.
//
//   struct Thing { std::uint64_t region; std::uint64_t id; std::uint32_t kind; std::string name; Vec3 pos; };
//   inline constexpr auto THINGS = records::schema<Thing>("thing", 1,
//       field<1>(&Thing::region), field<2>(&Thing::id), field<3>(&Thing::kind), field<4>(&Thing::name),
//       field<5>(&Thing::pos), primary_key(&Thing::region, &Thing::id),
//       index<"kind">(&Thing::kind).covering(&Thing::name), unique<"name">(&Thing::name),
//       spatial<"pos", 32'000>(&Thing::pos), count<"of_kind">(&Thing::kind),
//       feed<"changes">(&Thing::region));
//
// Ids and names of indexes are persistent. A schema lives at namespace scope; Table<THINGS> is named after
// it.
#pragma once
#include <algorithm>

#include "store/records/description.h"
#include "store/records/key_type.h"

namespace everframe::store::records {

// A name as a template's argument.
template <std::size_t N>
struct Name {
  char text[N];
  consteval Name(const char (&literal)[N]) { std::copy_n(literal, N, text); }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

namespace detail {
template <class T>
inline constexpr bool KEYABLE_TUPLE = false;
template <Keyable... V>
inline constexpr bool KEYABLE_TUPLE<std::tuple<V...>> = sizeof...(V) > 0;
}  // namespace detail

template <std::uint32_t ID, class T, class V>
struct Field {
  using Type = V;
  static constexpr std::uint32_t id = ID;
  V T::*member;
};
template <std::uint32_t ID, class T, Storable V>
requires(ID > 0 && ID <= FIELD_ID_MAX) consteval Field<ID, T, V> field(V T::*member) {
  return {member};
}

template <class Members>
struct PrimaryKey {
  Members members;
};
template <class T, Keyable... V>
requires(sizeof...(V) > 0) consteval PrimaryKey<std::tuple<V T::*...>> primary_key(V T::*... members) {
  return {{members...}};
}

template <Name NAME, IndexKind KIND, class Keyed, class Covered = std::tuple<>>
struct Index {
  static constexpr std::string_view name = NAME.view();
  static constexpr IndexKind kind = KIND;
  Keyed keyed;
  Covered covered{};
  std::uint64_t parameter = 0;

  // Its entries carry these fields too, so that a query for no others reads no records.
  template <class T, Storable... V>
  requires(KIND == IndexKind::VALUE) consteval auto covering(V T::*... members) const {
    return Index<NAME, KIND, Keyed, std::tuple<V T::*...>>{keyed, {members...}, parameter};
  }
};

// In the order of these fields; the primary key stands behind them.
template <Name NAME, class T, Keyable... V>
requires(sizeof...(V) > 0) consteval auto index(V T::*... members) {
  return Index<NAME, IndexKind::VALUE, std::tuple<V T::*...>>{{members...}};
}
// No two records have the same; one in which an optional of them holds nothing is not in it.
template <Name NAME, class T, Keyable... V>
requires(sizeof...(V) > 0) consteval auto unique(V T::*... members) {
  return Index<NAME, IndexKind::UNIQUE, std::tuple<V T::*...>>{{members...}};
}
// By position on the ground (x, z), along a Morton curve of square cells.
template <Name NAME, std::int32_t CELL_MM, class T>
requires(CELL_MM > 0) consteval auto spatial(Vec3 T::*member) {
  return Index<NAME, IndexKind::SPATIAL, std::tuple<Vec3 T::*>>{{member}, {}, std::uint64_t{CELL_MM}};
}
// How many records there are of each group; no fields: of all.
template <Name NAME, class T, Keyable... V>
consteval auto count(V T::*... group) {
  return Index<NAME, IndexKind::COUNT, std::tuple<V T::*...>>{{group...}};
}
template <Name NAME>
consteval auto count() {
  return Index<NAME, IndexKind::COUNT, std::tuple<>>{};
}
template <Name NAME, class T, detail::Whole N, Keyable... V>
consteval auto sum(N T::*added, V T::*... group) {
  return Index<NAME, IndexKind::SUM, std::tuple<V T::*...>, std::tuple<N T::*>>{{group...}, {added}};
}
// The largest and the smallest that ever were, kept without a read. Those that are now: first() or last()
// along an index.
template <Name NAME, class T, detail::Whole N, Keyable... V>
consteval auto max_ever(N T::*watched, V T::*... group) {
  return Index<NAME, IndexKind::MAX_EVER, std::tuple<V T::*...>, std::tuple<N T::*>>{{group...}, {watched}};
}
template <Name NAME, class T, detail::Whole N, Keyable... V>
consteval auto min_ever(N T::*watched, V T::*... group) {
  return Index<NAME, IndexKind::MIN_EVER, std::tuple<V T::*...>, std::tuple<N T::*>>{{group...}, {watched}};
}
// A line for each change, in the order of commits (versionstamped keys), by fields of the primary key.
template <Name NAME, class T, Keyable... V>
consteval auto feed(V T::*... group) {
  return Index<NAME, IndexKind::FEED, std::tuple<V T::*...>>{{group...}};
}
template <Name NAME>
consteval auto feed() {
  return Index<NAME, IndexKind::FEED, std::tuple<>>{};
}

// What makes the entries of an index of one's own, for what no list of members can say:
//
//   struct ByTag {
//     using Key = std::tuple<std::uint32_t, std::int32_t>;       // of an entry; the primary key stands
//     behind static constexpr std::uint64_t VERSION = 1; static std::vector<Key> entries(const Thing& thing);
//     // none or many; what is there twice counts once
//   };
//
// When entries() comes to mean something else, VERSION must change, and the index's name.
template <class I, class T>
concept Indexer = detail::KEYABLE_TUPLE<typename I::Key> && requires(const T& record) {
  { I::VERSION } -> std::convertible_to<std::uint64_t>;
  { I::entries(record) } -> std::same_as<std::vector<typename I::Key>>;
};

template <Name NAME, class INDEXER>
struct Custom {
  static constexpr std::string_view name = NAME.view();
  static constexpr IndexKind kind = IndexKind::CUSTOM;
  using Maker = INDEXER;
  std::tuple<> keyed{};
  std::tuple<> covered{};
  std::uint64_t parameter = INDEXER::VERSION;
};
template <Name NAME, class INDEXER>
consteval auto custom() {
  return Custom<NAME, INDEXER>{};
}

// An index that an older version had: its entries are to be cleared.
template <Name NAME>
struct Dropped {
  static constexpr std::string_view name = NAME.view();
};
template <Name NAME>
consteval Dropped<NAME> dropped() {
  return {};
}

// Records of more than CHUNK_BYTES are split over several keys, up to RECORD_BYTES_MAX. Reading one is a
// range read.
struct Chunked {};
consteval Chunked chunked() {
  return {};
}
// Values of more than `above` bytes are compressed with zstd.
struct Compressed {
  std::uint32_t above;
};
consteval Compressed compressed(std::uint32_t above) {
  return {above};
}
// Every value carries a checksum, which is compared when it is read.
struct Checked {};
consteval Checked checked() {
  return {};
}

struct RowStyle {
  bool chunked = false;
  bool checked = false;
  std::uint32_t compress_above = UINT32_MAX;
};

namespace detail {

template <class P>
inline constexpr bool IS_FIELD = false;
template <std::uint32_t ID, class T, class V>
inline constexpr bool IS_FIELD<Field<ID, T, V>> = true;
template <class P>
inline constexpr bool IS_KEY = false;
template <class M>
inline constexpr bool IS_KEY<PrimaryKey<M>> = true;
template <class P>
inline constexpr bool IS_INDEX = false;
template <Name N, IndexKind K, class A, class B>
inline constexpr bool IS_INDEX<Index<N, K, A, B>> = true;
template <Name N, class I>
inline constexpr bool IS_INDEX<Custom<N, I>> = true;
template <class P>
inline constexpr bool IS_DROPPED = false;
template <Name N>
inline constexpr bool IS_DROPPED<Dropped<N>> = true;

// A custom index can be made of records of type T; true of all other parts.
template <class T, class P>
inline constexpr bool SUITS = true;
template <class T, Name N, class I>
inline constexpr bool SUITS<T, Custom<N, I>> = Indexer<I, T>;

template <class A, class B>
constexpr bool same_member(A a, B b) {
  if constexpr (std::is_same_v<A, B>) {
    return a == b;
  } else {
    return false;
  }
}

// Those of `parts` for which IS is true, as a tuple.
template <template <class> class Is, class... Parts>
constexpr auto only(const Parts&... parts) {
  return std::tuple_cat([&] {
    if constexpr (Is<Parts>::value) {
      return std::tuple<Parts>(parts);
    } else {
      return std::tuple<>();
    }
  }()...);
}
template <class P>
struct IsField : std::bool_constant<IS_FIELD<P>> {};
template <class P>
struct IsKey : std::bool_constant<IS_KEY<P>> {};
template <class P>
struct IsIndex : std::bool_constant<IS_INDEX<P>> {};
template <class P>
struct IsDropped : std::bool_constant<IS_DROPPED<P>> {};

}  // namespace detail

inline constexpr std::size_t NO_POSITION = SIZE_MAX;

template <class T, class Fields, class KeyMembers, class Indexes, class DroppedOnes>
struct Schema {
  using Record = T;
  static constexpr std::size_t FIELD_COUNT = std::tuple_size_v<Fields>;
  static constexpr std::size_t KEY_COUNT = std::tuple_size_v<KeyMembers>;
  static constexpr std::size_t INDEX_COUNT = std::tuple_size_v<Indexes>;

  std::string_view name;
  std::uint32_t version;
  Fields fields;
  KeyMembers key;
  Indexes indexes;
  DroppedOnes dropped;
  RowStyle style;

  // Where among the fields a member stands.
  template <class M>
  constexpr std::size_t position_of(M member) const {
    std::size_t found = NO_POSITION;
    std::size_t at = 0;
    const auto one = [&](const auto& f) {
      if (detail::same_member(f.member, member)) found = at;
      ++at;
    };
    std::apply([&](const auto&... f) { (one(f), ...); }, fields);
    return found;
  }
  template <class M>
  constexpr bool is_in_key(M member) const {
    return std::apply([&](auto... k) { return (detail::same_member(k, member) || ...); }, key);
  }
  constexpr std::size_t index_named(std::string_view wanted) const {
    std::size_t found = NO_POSITION;
    std::size_t at = 0;
    std::apply([&](const auto&... i) { ((i.name == wanted ? void(found = at) : void(), ++at), ...); },
               indexes);
    return found;
  }
  // Does keeping an index up to date take the record that was there before?
  constexpr bool needs_old_record() const {
    return std::apply(
        [](const auto&... i) {
          return (
              (i.kind != IndexKind::FEED && i.kind != IndexKind::MIN_EVER && i.kind != IndexKind::MAX_EVER) ||
              ...);
        },
        indexes);
  }
};

namespace detail {

template <class S>
constexpr void check_fields(const S& schema) {
  std::array<std::uint32_t, S::FIELD_COUNT> ids{};
  std::size_t at = 0;
  std::apply([&](const auto&... f) { ((ids[at++] = f.id), ...); }, schema.fields);
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) throw "two fields have the same id";
  std::apply(
      [&](auto... k) {
        if (((schema.position_of(k) == NO_POSITION) || ...))
          throw "the primary key names a member that is no field";
      },
      schema.key);
}

template <class S, class I>
constexpr void check_index(const S& schema, const I& index) {
  const auto is_field = [&](auto... m) { return ((schema.position_of(m) != NO_POSITION) && ...); };
  if (!std::apply(is_field, index.keyed) || !std::apply(is_field, index.covered)) {
    throw "an index names a member that is no field";
  }
  const auto in_key = [&](auto... m) { return (schema.is_in_key(m) && ...); };
  if (index.kind == IndexKind::FEED && !std::apply(in_key, index.keyed)) {
    throw "a feed is grouped by fields of the primary key only";
  }
  const auto same_name = [&](const auto&... other) { return ((other.name == index.name ? 1 : 0) + ...); };
  if (std::apply(same_name, schema.indexes) != 1) throw "two indexes have the same name";
  if (index.name.empty() || index.name.size() > DESCRIPTION_NAME_MAX)
    throw "an index's name is empty or too long";
}

template <class T, class... Parts>
constexpr RowStyle style_of(const Parts&... parts) {
  RowStyle style;
  const auto one = [&](const auto& part) {
    using P = std::remove_cvref_t<decltype(part)>;
    if constexpr (std::is_same_v<P, Chunked>) style.chunked = true;
    if constexpr (std::is_same_v<P, Checked>) style.checked = true;
    if constexpr (std::is_same_v<P, Compressed>) style.compress_above = part.above;
  };
  (one(parts), ...);
  return style;
}

}  // namespace detail

template <class T, std::size_t N, class... Parts>
consteval auto schema(const char (&name)[N], std::uint32_t version, Parts... parts) {
  const auto fields = detail::only<detail::IsField>(parts...);
  const auto keys = detail::only<detail::IsKey>(parts...);
  const auto indexes = detail::only<detail::IsIndex>(parts...);
  const auto dropped_ones = detail::only<detail::IsDropped>(parts...);
  static_assert(std::tuple_size_v<decltype(keys)> == 1, "a schema has one primary_key(...)");
  static_assert((detail::SUITS<T, Parts> && ...), "a custom index has an Indexer of this schema's records");
  const auto key = std::get<0>(keys).members;
  using S = Schema<T, std::remove_const_t<decltype(fields)>, std::remove_const_t<decltype(key)>,
                   std::remove_const_t<decltype(indexes)>, std::remove_const_t<decltype(dropped_ones)>>;
  const S out{std::string_view(name, N - 1), version, fields, key, indexes, dropped_ones,
              detail::style_of<T>(parts...)};
  if (N < 2) throw "a table has a name";
  detail::check_fields(out);
  std::apply([&](const auto&... i) { (detail::check_index(out, i), ...); }, indexes);
  return out;
}

// The schema as data, for the store's header.
template <class S>
Description describe(const S& schema) {
  Description out;
  out.version = schema.version;
  std::vector<std::uint32_t> ids;
  std::apply(
      [&](const auto&... f) {
        ((out.fields.push_back(
              {f.id, StoredType<typename std::remove_cvref_t<decltype(f)>::Type>::type_name()}),
          ids.push_back(f.id)),
         ...);
      },
      schema.fields);
  const auto ids_of = [&](const auto& members) {
    std::vector<std::uint32_t> list;
    std::apply([&](auto... m) { (list.push_back(ids[schema.position_of(m)]), ...); }, members);
    return list;
  };
  out.key = ids_of(schema.key);
  std::apply(
      [&](const auto&... i) {
        (out.indexes.push_back(
             {std::string(i.name), i.kind, ids_of(i.keyed), ids_of(i.covered), i.parameter}),
         ...);
      },
      schema.indexes);
  out.chunked = schema.style.chunked;
  std::apply([&](const auto&... d) { (out.dropped.push_back(std::string(d.name)), ...); }, schema.dropped);
  return out;
}

}  // namespace everframe::store::records
