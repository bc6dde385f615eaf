#include "region/accounts.h"

#include <openssl/sha.h>

#include <array>

namespace everframe::region {

namespace {
constexpr char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
}

std::string new_token(platform::Entropy& entropy) {
  std::array<std::uint8_t, 33> random{};  // the 33rd stays zero: 43 characters carry 258 bits
  entropy.fill(std::span(random).first(32));
  std::string token;
  for (std::size_t i = 0; i < random.size(); i += 3) {
    const std::uint32_t bits =
        (std::uint32_t{random[i]} << 16) | (std::uint32_t{random[i + 1]} << 8) | random[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) token.push_back(ALPHABET[(bits >> shift) & 63]);
  }
  token.resize(TOKEN_LENGTH);
  return token;
}

std::optional<Bytes> token_hash(std::string_view token) {
  if (token.size() != TOKEN_LENGTH) return std::nullopt;
  if (token.find_first_not_of(ALPHABET) != std::string_view::npos) return std::nullopt;
  Bytes hash(SHA256_DIGEST_LENGTH);
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  return hash;
}

}  // namespace everframe::region
