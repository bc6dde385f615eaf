// What would break these: an offer of a real browser refused, a wrong one accepted or refused without its
// line, an answer that repeats what the offer said, attributes of another section taken for ours.
#include <gtest/gtest.h>

#include "base/random.h"
#include "transport/sdp.h"

using namespace everframe;
using namespace everframe::transport;

namespace {

// The shape of Chromium's offers: mDNS candidate, ice-options and extmap that we must not repeat.
const std::string OFFER =
    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE data\r\n"
    "a=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
    "a=candidate:1 1 udp 2113937151 2f6ed1a7-6e29-4f3c-9f9e-0d5b1d0c2b3a.local 50123 typ host generation "
    "0\r\n"
    "a=candidate:2 1 udp 2113937150 192.0.2.7 50124 typ host\r\n"
    "a=ice-ufrag:Ab+/\r\na=ice-pwd:0123456789abcdefghijkl\r\na=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
    "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\r\n"
    "a=setup:actpass\r\na=mid:data\r\na=sctp-port:5000\r\na=max-message-size:262144\r\na=sctp-init:AQAAKA=="
    "\r\n";

std::string with(std::string_view from, std::string_view to) {
  std::string out = OFFER;
  out.replace(out.find(from), from.size(), to);
  return out;
}

}  // namespace

TEST(Sdp, ReadsABrowsersOffer) {
  const auto offer = read_sdp(OFFER);
  ASSERT_TRUE(offer.has_value()) << offer.error().text;
  EXPECT_EQ(offer->ufrag, "Ab+/");
  EXPECT_EQ(offer->password, "0123456789abcdefghijkl");
  EXPECT_EQ(offer->mid, "data");
  EXPECT_EQ(offer->setup, DtlsSetup::ACTPASS);
  EXPECT_EQ(offer->message_size_max, 262'144U);
  EXPECT_EQ(offer->fingerprint[10], 0xaa);
  EXPECT_EQ(offer->fingerprint[31], 0xff);
  ASSERT_EQ(offer->candidates.size(), 1U);
  EXPECT_EQ(offer->candidates[0], Address::v4(192, 0, 2, 7, 50'124));
}

TEST(Sdp, ReadsWhatItWrites) {
  SessionDescription answer;
  answer.ufrag = "abcd";
  answer.password = std::string(24, 'p');
  answer.fingerprint.fill(0xa5);
  answer.setup = DtlsSetup::PASSIVE;
  answer.mid = "data";
  answer.message_size_max = 65'536;
  answer.ice_lite = true;
  answer.candidates = {Address::v4(127, 0, 0, 1, 9), Address::parse("[2001:db8::1]:10").value()};
  const std::string text = write_sdp(answer);
  const auto back = read_sdp(text);
  ASSERT_TRUE(back.has_value()) << back.error().text;
  EXPECT_EQ(write_sdp(*back), text);
  EXPECT_EQ(back->candidates, answer.candidates);
  EXPECT_TRUE(back->ice_lite);
}

TEST(Sdp, NamesTheLineThatIsWrong) {
  const auto text_of = [](const std::string& sdp) { return read_sdp(sdp).error().text; };
  EXPECT_NE(text_of(with("a=ice-ufrag:Ab+/", "a=ice-ufrag:A b")).find("line 12: 'a=ice-ufrag:A b'"),
            std::string::npos);
  EXPECT_NE(text_of(with("a=setup:actpass", "a=setup:both")).find("actpass, active or passive"),
            std::string::npos);
  EXPECT_NE(text_of(with("a=setup:actpass\r\n", "")).find("no a=setup"), std::string::npos);
  EXPECT_NE(text_of(with(":33:44", ":3:44")).find("32 hexadecimal bytes"), std::string::npos);
  EXPECT_NE(text_of(with("a=ice-pwd:0123456789abcdefghijkl", "a=ice-pwd:short")).find("22 to 256"),
            std::string::npos);
  EXPECT_NE(text_of(with("sctp-port:5000", "sctp-port:0")).find("1 to 65535"), std::string::npos);
  EXPECT_NE(text_of("v=0\r\n").find("no m=application"), std::string::npos);
  EXPECT_NE(text_of(std::string(SDP_SIZE_MAX + 1, 'a')).find("at most"), std::string::npos);
  EXPECT_EQ(text_of(with("a=ice-pwd:0123456789abcdefghijkl", "a=ice-pwd:secret")).find("secret"),
            std::string::npos)
      << "a password has no place in an error";
}

TEST(Sdp, PassesOverOtherSections) {
  const std::string media = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:zzzz\r\na=setup:passive\r\n";
  const auto offer = read_sdp(OFFER + media);
  ASSERT_TRUE(offer.has_value());
  EXPECT_EQ(offer->ufrag, "Ab+/");
  EXPECT_EQ(offer->setup, DtlsSetup::ACTPASS);
}

TEST(Sdp, SurvivesAnyBytes) {
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Prng prng(seed);
    std::string text = OFFER;
    for (std::uint64_t i = 0; i < 1 + prng.below(8); ++i) {
      text[prng.below(text.size())] = static_cast<char>(prng.next());
    }
    if (const auto offer = read_sdp(text)) {  // whatever is accepted can be written and read again
      EXPECT_TRUE(read_sdp(write_sdp(*offer)).has_value()) << "seed " << seed;
    }
  }
}
