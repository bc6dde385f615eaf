// Key: a key of the store, or a part of one, as bytes. INLINE_BYTES of them lie in the Key itself: a table's prefix, an
// index's name and half a dozen numbers, so that keys of fixed types cost no allocation; longer ones do.
// A value. Converts to and from the strings that callers and the store's answers have.
#pragma once
#include <boost/container/small_vector.hpp>
#include <compare>
#include <concepts>
#include <string>
#include <string_view>

namespace everframe::store {

class Key {
 public:
  static constexpr std::size_t INLINE_BYTES = 96;

  Key() = default;
  Key(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
  Key(const std::string& bytes) : Key(std::string_view(bytes)) {}
  Key(const char* text) : Key(std::string_view(text)) {}

  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }
  operator std::string_view() const { return view(); }
  operator std::string() const { return std::string(view()); }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

  Key& operator+=(std::string_view more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  Key& operator+=(char more) {
    bytes_.push_back(more);
    return *this;
  }
  friend Key operator+(Key key, std::string_view more) { return std::move(key += more); }
  friend Key operator+(Key key, char more) { return std::move(key += more); }

  template <std::convertible_to<std::string_view> T>
  friend bool operator==(const Key& a, const T& b) {
    return a.view() == std::string_view(b);
  }
  template <std::convertible_to<std::string_view> T>
  friend auto operator<=>(const Key& a, const T& b) {
    return a.view() <=> std::string_view(b);
  }

 private:
  boost::container::small_vector<char, INLINE_BYTES> bytes_;
};

}  // namespace everframe::store
