// KeyType<V>: how a field of type V stands in a key, as one element of a tuple, so that keys have the fields'
// order. Numbers and enums as integers, text as text, Bytes and fixed bytes as bytes, UUIDs and versionstamps
// as what they are, an optional that holds nothing as null (before all else).
#pragma once
#include "store/records/stored_type.h"

namespace everframe::store::records {

template <class V>
struct KeyType;  // no definition: V cannot be in a key

template <class V>
concept Keyable = requires(TuplePacker& packer, const V& v, const Element& element, V& out) {
  KeyType<V>::put(packer, v);
  { KeyType<V>::take(element, out) } -> std::same_as<bool>;  // false: it is not one
};

template <>
struct KeyType<bool> {
  static void put(TuplePacker& packer, bool v) { packer.boolean(v); }
  static bool take(const Element& element, bool& out) {
    const auto* found = std::get_if<bool>(&element);
    if (found != nullptr) out = *found;
    return found != nullptr;
  }
};

template <detail::Whole V>
struct KeyType<V> {
  using Number = detail::Number<V>;
  static void put(TuplePacker& packer, V v) { packer.integer(static_cast<Number>(v)); }
  static bool take(const Element& element, V& out) {
    const auto* found = std::get_if<Integer>(&element);
    if (found == nullptr) return false;
    const auto number = static_cast<Number>(found->negative ? 0 - found->magnitude : found->magnitude);
    if (Integer(number) != *found) return false;
    out = static_cast<V>(number);
    return true;
  }
};

namespace detail {
template <class V, auto PUT>
struct PlainKey {
  static void put(TuplePacker& packer, const V& v) { (packer.*PUT)(v); }
  static bool take(const Element& element, V& out) {
    const auto* found = std::get_if<V>(&element);
    if (found != nullptr) out = *found;
    return found != nullptr;
  }
};
}  // namespace detail

template <>
struct KeyType<float> : detail::PlainKey<float, &TuplePacker::single> {};
template <>
struct KeyType<double> : detail::PlainKey<double, &TuplePacker::real> {};
template <>
struct KeyType<Uuid> : detail::PlainKey<Uuid, &TuplePacker::uuid> {};
template <>
struct KeyType<Versionstamp> : detail::PlainKey<Versionstamp, &TuplePacker::versionstamp> {};
template <>
struct KeyType<std::string> : detail::PlainKey<std::string, &TuplePacker::text> {};

template <>
struct KeyType<Bytes> {
  static void put(TuplePacker& packer, const Bytes& v) { packer.bytes(chars_of(v)); }
  static bool take(const Element& element, Bytes& out) {
    const auto* found = std::get_if<ByteString>(&element);
    if (found != nullptr) out.assign(found->bytes.begin(), found->bytes.end());
    return found != nullptr;
  }
};

template <Keyable V>
struct KeyType<std::optional<V>> {
  static void put(TuplePacker& packer, const std::optional<V>& v) {
    if (v) {
      KeyType<V>::put(packer, *v);
    } else {
      packer.null();
    }
  }
  static bool take(const Element& element, std::optional<V>& out) {
    if (std::holds_alternative<Null>(element)) return out.reset(), true;
    return KeyType<V>::take(element, out.emplace());
  }
};

}  // namespace everframe::store::records
