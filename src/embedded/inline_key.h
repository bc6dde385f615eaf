// InlineKey: a key that lies within its owner up to INLINE_BYTES, so that walking a map of keys touches one
// cache line a step instead of two. Longer ones are on the heap. Neither copied nor moved.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace everframe::embedded {

class InlineKey {
 public:
  static constexpr std::size_t INLINE_BYTES = 36;  // a world's keys have 15 to 35; the whole is 40 bytes

  explicit InlineKey(std::string_view key) : size_(static_cast<std::uint32_t>(key.size())) {
    char* to = bytes_;
    if (!is_inline()) {
      to = new char[key.size()];
      std::memcpy(bytes_, &to, sizeof to);
    }
    if (!key.empty()) std::memcpy(to, key.data(), key.size());
  }
  InlineKey(const InlineKey&) = delete;
  InlineKey& operator=(const InlineKey&) = delete;
  ~InlineKey() {
    if (!is_inline()) delete[] data();
  }

  std::string_view view() const { return {data(), size_}; }
  operator std::string_view() const { return view(); }
  std::size_t size() const { return size_; }

  struct Less {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a < b; }
  };

 private:
  bool is_inline() const { return size_ <= INLINE_BYTES; }
  const char* data() const {
    if (is_inline()) return bytes_;
    const char* heap = nullptr;
    std::memcpy(&heap, bytes_, sizeof heap);
    return heap;
  }

  const std::uint32_t size_;
  char bytes_[INLINE_BYTES];  // or a pointer to them
};

}  // namespace everframe::embedded
