// What would break these: any byte that differs from RFC 5769's vectors, a message believed though one bit
// was changed, a length trusted.
#include <gtest/gtest.h>

#include "base/random.h"
#include "transport/stun.h"

using namespace everframe;
using namespace everframe::transport;

namespace {

constexpr std::string_view PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt";
const StunTransaction TRANSACTION = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

// RFC 5769 section 2.1
const Bytes REQUEST = {0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                       0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e,
                       0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24,
                       0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1,
                       0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68,
                       0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c,
                       0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5,
                       0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};

// RFC 5769 section 2.2
const Bytes RESPONSE = {0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                        0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74,
                        0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01,
                        0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43, 0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99,
                        0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b,
                        0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96};

}  // namespace

TEST(Stun, ReadsTheRequestOfRfc5769) {
  const auto message = read_stun(REQUEST);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->kind, StunClass::REQUEST);
  EXPECT_EQ(message->transaction, TRANSACTION);
  EXPECT_EQ(message->username, "evtj:h6vY");
  EXPECT_EQ(message->priority, 0x6e0001ffU);
  EXPECT_EQ(message->controlled, 0x932ff9b151263b36U);
  EXPECT_FALSE(message->unknown_required.has_value());
  EXPECT_TRUE(has_integrity(REQUEST, PASSWORD));
  EXPECT_FALSE(has_integrity(REQUEST, "another"));
}

TEST(Stun, ReadsTheResponseOfRfc5769) {
  const auto message = read_stun(RESPONSE);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->kind, StunClass::SUCCESS);
  EXPECT_EQ(message->mapped, Address::v4(192, 0, 2, 1, 32'853));
  EXPECT_TRUE(has_integrity(RESPONSE, PASSWORD));
}

TEST(Stun, ReadsWhatItWrites) {
  const Bytes request =
      write_stun_request(TRANSACTION, "local:remote", PASSWORD, 77, 0x1122334455667788, true);
  const auto message = read_stun(request);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->username, "local:remote");
  EXPECT_EQ(message->priority, 77U);
  EXPECT_EQ(message->controlling, 0x1122334455667788U);
  EXPECT_TRUE(message->use_candidate);
  EXPECT_TRUE(has_integrity(request, PASSWORD));
  for (const char* text : {"10.1.2.3:4000", "[2001:db8::9]:65535"}) {
    const Address address = Address::parse(text).value();
    const Bytes answer = write_stun_success(TRANSACTION, address, PASSWORD);
    EXPECT_EQ(read_stun(answer).value().mapped, address);
    EXPECT_TRUE(has_integrity(answer, PASSWORD));
  }
  const Bytes error = write_stun_error(TRANSACTION, 487, "Role Conflict", PASSWORD);
  EXPECT_EQ(read_stun(error).value().error, 487);
}

TEST(Stun, BelievesNoChangedByte) {
  for (std::size_t i = 0; i < REQUEST.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes changed = REQUEST;
      changed[i] = static_cast<std::uint8_t>(changed[i] ^ 1 << bit);
      EXPECT_FALSE(read_stun(changed).has_value() && has_integrity(changed, PASSWORD)) << "byte " << i;
    }
  }
  for (std::size_t length = 0; length < REQUEST.size(); ++length) {
    const ByteView cut = ByteView(REQUEST).first(length);
    EXPECT_FALSE(read_stun(cut).has_value());
    EXPECT_FALSE(length < 96 && has_integrity(cut, PASSWORD)) << length;
  }
}

TEST(Stun, SurvivesAnyBytes) {
  for (std::uint64_t seed = 1; seed <= 50'000; ++seed) {
    Prng prng(seed);
    Bytes bytes = seed % 2 == 0 ? REQUEST : RESPONSE;
    for (std::uint64_t i = 0; i < 1 + prng.below(6); ++i) {
      bytes[20 + prng.below(bytes.size() - 20)] = static_cast<std::uint8_t>(prng.next());
    }
    EXPECT_FALSE(read_stun(bytes).has_value() && has_integrity(bytes, PASSWORD) && bytes != REQUEST &&
                 bytes != RESPONSE)
        << "seed " << seed;
  }
}
