// Both makers of AES-128-GCM against the published vectors and each other. What would break these: a maker
// that seals otherwise than the other opens at some length, or opens what was changed.
#include "transport/aes_gcm.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace everframe::transport {
namespace {

constexpr AesGcm::Maker MAKERS[] = {AesGcm::Maker::BEST, AesGcm::Maker::OPENSSL};

Bytes hex(std::string_view digits) {
  Bytes out;
  for (std::size_t i = 0; i < digits.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoul(std::string(digits.substr(i, 2)), nullptr, 16)));
  return out;
}

struct Sealed {
  Bytes text;
  std::array<std::uint8_t, AesGcm::TAG_SIZE> tag;
};
Sealed seal(AesGcm& cipher, const Bytes& nonce, const Bytes& covered, Bytes text) {
  Sealed out{std::move(text), {}};
  cipher.seal(AesGcm::Nonce(nonce), covered, out.text, out.tag);
  return out;
}

// Test case 4 of McGrew and Viega, "The Galois/Counter Mode of Operation".
TEST(AesGcm, SealsAsPublished) {
  const Bytes key = hex("feffe9928665731c6d6a8f9467308308");
  const Bytes nonce = hex("cafebabefacedbaddecaf888");
  const Bytes covered = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const Bytes plain =
      hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
          "b16aedf5aa0de657ba637b39");
  for (const AesGcm::Maker maker : MAKERS) {
    AesGcm::Schedule schedule;
    AesGcm cipher(AesGcm::Key(key), schedule, maker);
    const Sealed sealed = seal(cipher, nonce, covered, plain);
    EXPECT_EQ(sealed.text, hex("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b2"
                               "5466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"));
    EXPECT_EQ(Bytes(sealed.tag.begin(), sealed.tag.end()), hex("5bc94fbc3221a5db94fae95ae7121a47"));
  }
}

TEST(AesGcm, OneMakerOpensWhatTheOtherSealedAndNeitherWhatWasChanged) {
  Prng random(1);
  const auto draw = [&random](std::size_t size) {
    Bytes out(size);
    for (auto& byte : out) byte = static_cast<std::uint8_t>(random.next());
    return out;
  };
  for (std::size_t size = 1; size < 1'300; size += size < 300 ? 1 : 37) {
    const Bytes key = draw(AesGcm::KEY_SIZE);
    const Bytes nonce = draw(AesGcm::NONCE_SIZE);
    const Bytes covered = draw(13);
    const Bytes plain = draw(size);
    for (const AesGcm::Maker maker : MAKERS) {
      const auto other = maker == AesGcm::Maker::BEST ? AesGcm::Maker::OPENSSL : AesGcm::Maker::BEST;
      AesGcm::Schedule schedules[2];
      AesGcm sealing(AesGcm::Key(key), schedules[0], maker);
      AesGcm opening(AesGcm::Key(key), schedules[1], other);
      Sealed sealed = seal(sealing, nonce, covered, plain);
      Bytes out(size);
      ASSERT_TRUE(opening.open(AesGcm::Nonce(nonce), covered, sealed.text, sealed.tag, out.data()));
      EXPECT_EQ(out, plain);
      Bytes& changed = sealed.text;
      changed[random.below(size)] ^= static_cast<std::uint8_t>(1 + random.below(255));
      EXPECT_FALSE(opening.open(AesGcm::Nonce(nonce), covered, changed, sealed.tag, out.data()));
      EXPECT_FALSE(sealing.open(AesGcm::Nonce(nonce), covered, changed, sealed.tag, out.data()));
    }
  }
}

}  // namespace
}  // namespace everframe::transport
