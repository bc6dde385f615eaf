// ICE's ufrags and passwords (RFC 8445 section 5.3), and numbers, drawn from a seed by SHA-256: one that was
// shown to a peer tells nothing about the others.
#pragma once
#include <cstdint>
#include <string>

namespace everframe::transport {

class IceText {
 public:
  explicit IceText(std::uint64_t seed) : seed_(seed) {}
  std::string ufrag();     // 8 characters: 48 bits
  std::string password();  // 24 characters: 144 bits
  std::uint64_t number();

 private:
  std::string draw(std::size_t characters);
  const std::uint64_t seed_;
  std::uint64_t drawn_ = 0;
};

}  // namespace everframe::transport
