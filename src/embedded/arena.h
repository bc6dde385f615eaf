// Arena: memory for what lives and goes together: what one transaction wrote, what one batch put into the
// window. Taking is a step of a pointer, and nothing is given back before the whole.
//
// Threads: one takes at a time; what it took may be read by others.
#pragma once
#include <cstring>
#include <memory_resource>
#include <string_view>

namespace everframe::embedded {

class Arena final : public std::pmr::monotonic_buffer_resource {
 public:
  using std::pmr::monotonic_buffer_resource::monotonic_buffer_resource;

  std::string_view copy(std::string_view bytes) { return take(bytes, 0); }
  // With a zero byte behind it: so successor(key), the next key there can be, lies here, too.
  std::string_view copy_key(std::string_view key) { return take(key, 1); }
  static std::string_view successor(std::string_view copied_key) {
    return {copied_key.data(), copied_key.size() + 1};
  }

 private:
  std::string_view take(std::string_view bytes, std::size_t zeros) {
    char* place = static_cast<char*>(allocate(bytes.size() + zeros, 1));
    if (!bytes.empty()) std::memcpy(place, bytes.data(), bytes.size());
    if (zeros > 0) place[bytes.size()] = '\0';
    return {place, bytes.size()};
  }
};

}  // namespace everframe::embedded
