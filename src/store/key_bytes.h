// KeyBytes: a key of the store, or a part of one. Up to INLINE_BYTES lie in the object itself: a table's
// prefix, an index's name and half a dozen numbers, so that keys of fixed types cost no allocation; longer
// ones do. A value. Converts to and from the strings that callers and the store's answers have.
#pragma once
#include <array>
#include <compare>
#include <concepts>
#include <cstring>
#include <string>
#include <string_view>

namespace everframe::store {

class KeyBytes {
 public:
  static constexpr std::size_t INLINE_BYTES = 96;

  KeyBytes() = default;
  KeyBytes(std::string_view bytes) { *this += bytes; }
  KeyBytes(const std::string& bytes) { *this += bytes; }
  KeyBytes(const char* text) { *this += std::string_view(text); }

  std::string_view view() const { return long_.empty() ? std::string_view(short_.data(), size_) : long_; }
  operator std::string_view() const { return view(); }
  operator std::string() const { return std::string(view()); }
  std::size_t size() const { return view().size(); }
  bool empty() const { return size() == 0; }

  KeyBytes& operator+=(std::string_view more) {
    if (!long_.empty() || more.size() > INLINE_BYTES - size_) return append_long(more);
    if (!more.empty()) std::memcpy(short_.data() + size_, more.data(), more.size());
    size_ += more.size();
    return *this;
  }
  KeyBytes& operator+=(char more) { return *this += std::string_view(&more, 1); }
  friend KeyBytes operator+(KeyBytes key, std::string_view more) { return std::move(key += more); }
  friend KeyBytes operator+(KeyBytes key, char more) { return std::move(key += more); }

  template <std::convertible_to<std::string_view> T>
  friend bool operator==(const KeyBytes& a, const T& b) {
    return a.view() == std::string_view(b);
  }
  template <std::convertible_to<std::string_view> T>
  friend auto operator<=>(const KeyBytes& a, const T& b) {
    return a.view() <=> std::string_view(b);
  }

 private:
  KeyBytes& append_long(std::string_view more) {
    if (long_.empty()) long_.assign(short_.data(), size_);
    long_ += more;
    return *this;
  }

  std::array<char, INLINE_BYTES> short_{};
  std::size_t size_ = 0;  // of what lies in short_
  std::string long_;      // all of it, once it is longer
};

}  // namespace everframe::store
