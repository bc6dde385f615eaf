#include "transport/ice_text.h"

#include <openssl/sha.h>

#include <cstring>

namespace everframe::transport {

namespace {

constexpr char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hash(std::uint64_t seed, std::uint64_t count, unsigned char (&out)[SHA256_DIGEST_LENGTH]) {
  unsigned char in[16];
  std::memcpy(in, &seed, 8);
  std::memcpy(in + 8, &count, 8);
  SHA256(in, sizeof in, out);
}

}  // namespace

std::string IceText::draw(std::size_t characters) {
  unsigned char random[SHA256_DIGEST_LENGTH];
  hash(seed_, ++drawn_, random);
  std::string out;
  for (std::size_t i = 0; i < characters; ++i) out.push_back(ALPHABET[random[i] & 63]);
  return out;
}

std::string IceText::ufrag() {
  return draw(8);
}
std::string IceText::password() {
  return draw(24);
}

std::uint64_t IceText::number() {
  unsigned char random[SHA256_DIGEST_LENGTH];
  hash(seed_, ++drawn_, random);
  std::uint64_t out = 0;
  std::memcpy(&out, random, sizeof out);
  return out;
}

}  // namespace everframe::transport
