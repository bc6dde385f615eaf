// Derived: what a record puts into its table's indexes, as keys and values; derive<SCHEMA>() computes it from
// the record alone. Keeping an index up to date is then a comparison of two lists (table_core.cpp).
#pragma once
#include <set>

#include "store/records/body.h"
#include "store/records/layout.h"
#include "store/records/morton.h"

namespace everframe::store::records {

// One key of an index. Of a UNIQUE one the value is the packed primary key.
struct Entry {
  std::size_t index = 0;
  bool unique = false;
  KeyBytes key;
  std::string value;
};
// A group's share in an aggregate.
struct Amount {
  std::size_t index = 0;
  IndexKind kind = IndexKind::COUNT;
  KeyBytes key;
  std::uint64_t value =
      0;  // COUNT: 1; SUM: a signed number's bits; the EVER ones: bits that order as the numbers do
};
struct Derived {
  std::vector<Entry> entries;
  std::vector<Amount> amounts;
};

inline constexpr std::uint64_t SIGN_BIT = std::uint64_t{1} << 63;

namespace detail {

template <class T, class Members>
void put_members(TuplePacker& packer, const T& record, const Members& members) {
  std::apply(
      [&](auto... m) { (KeyType<std::remove_cvref_t<decltype(record.*m)>>::put(packer, record.*m), ...); },
      members);
}

template <class T, class Members>
bool lacks_one(const T& record, const Members& members) {
  const auto lacks = [&](auto member) {
    if constexpr (IS_OPTIONAL<std::remove_cvref_t<decltype(record.*member)>>) {
      return !(record.*member).has_value();
    } else {
      return false;
    }
  };
  return std::apply([&](auto... m) { return (lacks(m) || ... || false); }, members);
}

template <class Tuple>
KeyBytes pack_values(KeyBytes prefix, const Tuple& values) {
  TuplePacker packer(std::move(prefix));
  std::apply([&](const auto&... v) { (KeyType<std::remove_cvref_t<decltype(v)>>::put(packer, v), ...); },
             values);
  return std::move(packer).key();
}

// The covered fields as those of a body, so that one reader serves both.
template <const auto& SCHEMA, class Members>
std::string write_covered(const RecordOf<SCHEMA>& record, const Members& members) {
  Bytes bytes;
  ByteWriter out(bytes);
  const auto one = [&](const auto& f, auto member) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(f.member)>, decltype(member)>) {
      if (f.member == member) write_field(out, f.id, record.*member);
    }
  };
  const auto each = [&](auto member) {
    std::apply([&](const auto&... f) { (one(f, member), ...); }, SCHEMA.fields);
  };
  out.varint(SCHEMA.version);
  std::apply([&](auto... m) { (each(m), ...); }, members);
  return std::string(chars_of(bytes));
}

template <const auto& SCHEMA, class I>
void derive_one(const Layout& layout, std::size_t number, const I& index, std::string_view packed_key,
                const RecordOf<SCHEMA>& record, Derived& out) {
  TuplePacker packer(layout.index(number));
  if constexpr (I::kind == IndexKind::VALUE) {
    put_members(packer, record, index.keyed);
    std::string value;
    if constexpr (std::tuple_size_v < std::remove_cvref_t < decltype(index.covered) >>> 0) {
      value = write_covered<SCHEMA>(record, index.covered);
    }
    out.entries.push_back({number, false, std::move(packer).key() + packed_key, std::move(value)});
  } else if constexpr (I::kind == IndexKind::UNIQUE) {
    if (lacks_one(record, index.keyed)) return;
    put_members(packer, record, index.keyed);
    out.entries.push_back({number, true, std::move(packer).key(), std::string(packed_key)});
  } else if constexpr (I::kind == IndexKind::SPATIAL) {
    const Vec3& position = record.*std::get<0>(index.keyed);
    packer.integer(morton_of(position, static_cast<std::int32_t>(index.parameter)));
    out.entries.push_back(
        {number, false, std::move(packer).key() + packed_key, write_covered<SCHEMA>(record, index.keyed)});
  } else if constexpr (I::kind == IndexKind::CUSTOM) {
    std::set<KeyBytes> keys;  // it may say the same twice
    for (const auto& key : I::Maker::entries(record)) {
      keys.insert(pack_values(layout.index(number), key) + packed_key);
    }
    for (const KeyBytes& key : keys) out.entries.push_back({number, false, key, {}});
  } else if constexpr (is_aggregate(I::kind)) {
    put_members(packer, record, index.keyed);
    std::uint64_t value = 1;
    if constexpr (I::kind != IndexKind::COUNT) {
      const auto number_of = record.*std::get<0>(index.covered);
      value = static_cast<std::uint64_t>(number_of);
      if constexpr (I::kind != IndexKind::SUM && Signed<decltype(number_of)>) value ^= SIGN_BIT;
    }
    out.amounts.push_back({number, I::kind, std::move(packer).key(), value});
  }
}

}  // namespace detail

template <const auto& SCHEMA>
Derived derive(const Layout& layout, std::string_view packed_key, const RecordOf<SCHEMA>& record) {
  Derived out;
  std::size_t number = 0;
  std::apply(
      [&](const auto&... i) {
        (detail::derive_one<SCHEMA>(layout, number++, i, packed_key, record, out), ...);
      },
      SCHEMA.indexes);
  return out;
}

// The groups of its feeds in which a change of the record with this key is told.
template <const auto& SCHEMA>
std::vector<KeyBytes> feed_groups(const Layout& layout, const RecordOf<SCHEMA>& record) {
  std::vector<KeyBytes> out;
  std::size_t number = 0;
  const auto one = [&](const auto& index) {
    if constexpr (std::remove_cvref_t<decltype(index)>::kind == IndexKind::FEED) {
      TuplePacker packer(layout.index(number));
      detail::put_members(packer, record, index.keyed);
      out.push_back(std::move(packer).key());
    }
    ++number;
  };
  std::apply([&](const auto&... i) { (one(i), ...); }, SCHEMA.indexes);
  return out;
}

}  // namespace everframe::store::records
