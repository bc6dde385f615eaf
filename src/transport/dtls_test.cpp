// Our records against OpenSSL's own record layer, in both roles. What would break these: keys derived
// otherwise than RFC 5246 says, a nonce used twice, a record that was changed, repeated or cut that gets
// through, an old record that is lost because newer ones overtook it, a last flight that is not repeated,
// OpenSSL's object kept for ever.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <deque>
#include <set>

#include "base/random.h"
#include "transport/dtls.h"

namespace everframe::transport {
namespace {

std::shared_ptr<const Certificate> certificate() {
  static const auto made = Certificate::make().value();
  return made;
}

Bytes text(std::string_view words) {
  return Bytes(words.begin(), words.end());
}
Bytes unsealed(std::string_view words) {
  Bytes out(RECORD_PREFIX_SIZE);
  out.insert(out.end(), words.begin(), words.end());
  return out;
}

// A session that is OpenSSL's alone. Memory BIOs join what it writes: it is cut at records again.
class OpenSslPeer {
 public:
  OpenSslPeer(Dtls::Role role, const char* suites = nullptr)
      : ssl_(SSL_new(role == Dtls::Role::SERVER ? certificate()->server_context()
                                                : certificate()->client_context())) {
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    BIO_set_mem_eof_return(out_, -1);
    SSL_set_bio(ssl_, in_, out_);
    DTLS_set_link_mtu(ssl_, 1'200);
    if (suites != nullptr) SSL_set_cipher_list(ssl_, suites);
    role == Dtls::Role::SERVER ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
  }
  ~OpenSslPeer() { SSL_free(ssl_); }
  OpenSslPeer(const OpenSslPeer&) = delete;
  OpenSslPeer& operator=(const OpenSslPeer&) = delete;

  bool step() { return SSL_do_handshake(ssl_) == 1; }
  void receive(ByteView datagram) {
    ERR_clear_error();
    BIO_write(in_, datagram.data(), static_cast<int>(datagram.size()));
    if (!SSL_is_init_finished(ssl_)) step();
    if (!SSL_is_init_finished(ssl_)) return;
    std::uint8_t buffer[DATAGRAM_MAX];
    for (int i = 0; i < 16; ++i) {
      const int count = SSL_read(ssl_, buffer, sizeof buffer);
      if (count <= 0) break;
      read.emplace_back(buffer, buffer + count);
    }
  }
  std::vector<Bytes> take() {
    std::vector<Bytes> out;
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out_, &bytes);
    ByteView rest(reinterpret_cast<const std::uint8_t*>(bytes), static_cast<std::size_t>(size));
    while (!rest.empty()) {
      const auto record = next_record(rest);
      if (record) out.emplace_back(record->whole.begin(), record->whole.end());
    }
    (void)BIO_reset(out_);
    return out;
  }
  void send(std::string_view words) { SSL_write(ssl_, words.data(), static_cast<int>(words.size())); }
  void shutdown() { SSL_shutdown(ssl_); }
  bool open() const { return SSL_is_init_finished(ssl_) == 1; }
  bool told_to_close() const { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }

  std::vector<Bytes> read;

 private:
  SSL* const ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

const Time NOW{std::chrono::hours(1)};

// Ours against OpenSSL's, on a path that loses nothing unless told to.
struct Meeting {
  explicit Meeting(Dtls::Role our_role, const char* suites = nullptr)
      : ours(certificate(), our_role, certificate()->fingerprint()),
        theirs(our_role == Dtls::Role::SERVER ? Dtls::Role::CLIENT : Dtls::Role::SERVER, suites) {
    our_role == Dtls::Role::SERVER ? static_cast<void>(theirs.step()) : ours.start(NOW);
  }
  void hear(ByteView datagram) {
    std::uint8_t room[DATAGRAM_MAX];
    ours.receive(datagram, now);
    while (const auto record = ours.next_record(room))
      read.emplace_back(record->plaintext.begin(), record->plaintext.end());
  }
  void exchange() {
    for (bool any = true; any;) {
      any = false;
      for (const Bytes& datagram : theirs.take()) any = true, hear(datagram);
      Bytes datagram;
      while (ours.take(datagram)) {
        any = true;
        sent.push_back(datagram);
        theirs.receive(datagram);
      }
    }
  }
  bool connect() {
    exchange();
    return ours.state() == Dtls::State::OPEN && theirs.open();
  }
  Bytes sealed(std::string_view words) {
    Bytes out = unsealed(words);
    EXPECT_TRUE(ours.seal(out));
    sent.push_back(out);
    return out;
  }

  Dtls ours;
  OpenSslPeer theirs;
  Time now = NOW;
  std::vector<Bytes> sent;  // by us
  std::vector<Bytes> read;  // by us
};

class DtlsRecords : public testing::TestWithParam<Dtls::Role> {};
INSTANTIATE_TEST_SUITE_P(BothRoles, DtlsRecords, testing::Values(Dtls::Role::CLIENT, Dtls::Role::SERVER));

TEST_P(DtlsRecords, OpenSslReadsOursAndWeReadOpenSsls) {
  Meeting meeting(GetParam());
  ASSERT_TRUE(meeting.connect());
  EXPECT_TRUE(meeting.ours.own_records());
  for (int i = 0; i < 200; ++i) {
    const std::string words(static_cast<std::size_t>(1 + i * 5), static_cast<char>('a' + i % 26));
    meeting.theirs.receive(meeting.sealed(words));
    meeting.theirs.send(words);
    meeting.exchange();
    ASSERT_EQ(meeting.theirs.read.size(), static_cast<std::size_t>(i + 1));
    ASSERT_EQ(meeting.read.size(), static_cast<std::size_t>(i + 1));
    EXPECT_EQ(meeting.theirs.read.back(), text(words));
    EXPECT_EQ(meeting.read.back(), text(words));
  }
}

TEST_P(DtlsRecords, UseNoNonceAndNoNumberTwice) {
  Meeting meeting(GetParam());
  ASSERT_TRUE(meeting.connect());
  for (int i = 0; i < 100; ++i) meeting.sealed("again and again");
  std::set<Bytes> nonces;
  std::set<std::uint64_t> numbers;
  std::size_t records = 0;
  for (const Bytes& datagram : meeting.sent) {
    for (ByteView rest = datagram; !rest.empty();) {
      const auto record = next_record(rest);
      ASSERT_TRUE(record);
      if (record->epoch == 0) continue;
      ++records;
      const ByteView nonce = record->body().first(NONCE_SIZE);
      nonces.emplace(nonce.begin(), nonce.end());
      numbers.insert(record->sequence);
    }
  }
  EXPECT_EQ(records, 101U);  // OpenSSL's Finished among them
  EXPECT_EQ(nonces.size(), records);
  EXPECT_EQ(numbers.size(), records);
}

TEST_P(DtlsRecords, RefuseWhatWasChangedRepeatedOrCut) {
  Meeting meeting(GetParam());
  ASSERT_TRUE(meeting.connect());
  Prng random(1);
  for (int i = 0; i < 300; ++i) {
    meeting.theirs.send("the real one");
    const std::vector<Bytes> datagrams = meeting.theirs.take();
    ASSERT_EQ(datagrams.size(), 1U);
    const std::size_t before = meeting.read.size();
    Bytes changed = datagrams[0];
    changed[random.below(changed.size())] ^= static_cast<std::uint8_t>(1 + random.below(255));
    meeting.hear(changed);
    Bytes cut = datagrams[0];
    cut.resize(random.below(cut.size()));
    meeting.hear(cut);
    EXPECT_EQ(meeting.read.size(), before);
    meeting.hear(datagrams[0]);
    EXPECT_EQ(meeting.read.size(), before + 1);
    meeting.hear(datagrams[0]);
    EXPECT_EQ(meeting.read.size(), before + 1);
  }
  EXPECT_EQ(meeting.ours.state(), Dtls::State::OPEN);
  EXPECT_GE(meeting.ours.bad_records(), 600U);
}

TEST_P(DtlsRecords, TakeThoseThatWereOvertakenByFewerThanTheWindow) {
  Meeting meeting(GetParam());
  ASSERT_TRUE(meeting.connect());
  std::vector<Bytes> datagrams;
  for (int i = 0; i < 100; ++i) {
    meeting.theirs.send(std::to_string(i));
    datagrams.push_back(meeting.theirs.take().at(0));
  }
  meeting.hear(datagrams[70]);
  meeting.hear(datagrams[7]);  // 63 behind: the last that the window knows
  meeting.hear(datagrams[6]);
  meeting.hear(datagrams[69]);
  meeting.hear(datagrams[71]);
  meeting.hear(datagrams[7]);
  const std::vector<Bytes> expected{text("70"), text("7"), text("69"), text("71")};
  EXPECT_EQ(meeting.read, expected);
}

TEST_P(DtlsRecords, SeveralInOneDatagramAreAllRead) {
  Meeting meeting(GetParam());
  ASSERT_TRUE(meeting.connect());
  Bytes joined;
  for (const char* words : {"one", "two", "three"}) {
    meeting.theirs.send(words);
    const Bytes datagram = meeting.theirs.take().at(0);
    joined.insert(joined.end(), datagram.begin(), datagram.end());
  }
  meeting.hear(joined);
  EXPECT_EQ(meeting.read.size(), 3U);
}

TEST_P(DtlsRecords, AnyBytesChangeNothing) {
  Meeting meeting(GetParam());
  ASSERT_TRUE(meeting.connect());
  Prng random(3);
  for (int i = 0; i < 5'000; ++i) {
    Bytes garbage(random.below(120));
    for (auto& byte : garbage) byte = static_cast<std::uint8_t>(random.next());
    if (garbage.size() > RECORD_HEADER_SIZE) {
      garbage[0] = static_cast<std::uint8_t>(20 + random.below(4));
      garbage[1] = 0xfe;
      garbage[2] = 0xfd;
      garbage[3] = 0;
      garbage[4] = static_cast<std::uint8_t>(random.below(2));
      garbage[11] = 0;
      garbage[12] = static_cast<std::uint8_t>(garbage.size() - RECORD_HEADER_SIZE);
    }
    meeting.hear(garbage);
  }
  EXPECT_EQ(meeting.ours.state(), Dtls::State::OPEN);
  EXPECT_TRUE(meeting.read.empty());
  meeting.theirs.send("still here");
  meeting.exchange();
  EXPECT_EQ(meeting.read.size(), 1U);
}

TEST_P(DtlsRecords, CloseNotifyIsUnderstoodBothWays) {
  Meeting one(GetParam());
  ASSERT_TRUE(one.connect());
  one.ours.close();
  one.exchange();
  EXPECT_TRUE(one.theirs.told_to_close());
  Meeting other(GetParam());
  ASSERT_TRUE(other.connect());
  other.theirs.shutdown();
  other.exchange();
  EXPECT_EQ(other.ours.state(), Dtls::State::CLOSED);
  EXPECT_EQ(other.ours.why_closed(), "the peer closed DTLS");
}

TEST_P(DtlsRecords, StayWithOpenSslForOtherSuites) {
  Meeting meeting(GetParam(), "ECDHE-ECDSA-CHACHA20-POLY1305");
  ASSERT_TRUE(meeting.connect());
  EXPECT_FALSE(meeting.ours.own_records());
  Bytes record = unsealed("by OpenSSL");
  EXPECT_FALSE(meeting.ours.seal(record));
  meeting.theirs.send("by OpenSSL");
  meeting.exchange();
  ASSERT_EQ(meeting.read.size(), 1U);
  ASSERT_EQ(meeting.theirs.read.size(), 1U);
  EXPECT_EQ(meeting.theirs.read[0], text("by OpenSSL"));
}

// The server has sent its last flight, the client has not seen it.
TEST(Dtls, RepeatsItsLastFlightUntilTheClientHasIt) {
  for (const bool fresh : {true, false}) {
    Meeting meeting(Dtls::Role::SERVER);
    std::vector<Bytes> last;  // of the client's flights
    for (int i = 0; i < 20 && meeting.ours.state() != Dtls::State::OPEN; ++i) {
      if (auto flight = meeting.theirs.take(); !flight.empty()) last = std::move(flight);
      for (const Bytes& datagram : last) meeting.hear(datagram);
      if (meeting.ours.state() == Dtls::State::OPEN) break;
      Bytes datagram;
      while (meeting.ours.take(datagram)) meeting.theirs.receive(datagram);
    }
    ASSERT_EQ(meeting.ours.state(), Dtls::State::OPEN);
    Bytes lost;
    while (meeting.ours.take(lost)) continue;
    ASSERT_FALSE(meeting.theirs.open());
    meeting.now += 1s;
    if (fresh) {  // as OpenSSL's timer would have it: new record numbers
      EXPECT_FALSE(meeting.ours.take(lost));
      for (const Bytes& datagram : last) meeting.hear(datagram);
    } else {  // the same datagrams, twice in a row: answered once
      for (const Bytes& datagram : last) meeting.hear(datagram);
      for (const Bytes& datagram : last) meeting.hear(datagram);
      meeting.now += 1s;
    }
    meeting.exchange();
    EXPECT_TRUE(meeting.theirs.open());
    meeting.theirs.send("now it has it");
    meeting.exchange();
    EXPECT_EQ(meeting.read.size(), 1U);
    // From here on OpenSSL is gone: the flight is not repeated any more.
    meeting.now += 1s;
    for (const Bytes& datagram : last) meeting.hear(datagram);
    EXPECT_FALSE(meeting.ours.take(lost));
  }
}

TEST(Dtls, RepeatsAFlightAfterTwiceTheRoundTripThenAfterTwiceAsLong) {
  Dtls client(certificate(), Dtls::Role::CLIENT, certificate()->fingerprint());
  client.expect_round_trip(200ms);
  client.start(NOW);
  Bytes first;
  ASSERT_TRUE(client.take(first));
  ASSERT_EQ(client.next_timeout(), NOW + 400ms);
  client.advance(NOW + 399ms);
  Bytes again;
  EXPECT_FALSE(client.take(again));
  client.advance(NOW + 400ms);
  ASSERT_TRUE(client.take(again));
  EXPECT_EQ(first, again);
  EXPECT_EQ(client.next_timeout(), NOW + 1'200ms);
}

TEST(ReplayWindow, KnowsTheNewest64) {
  ReplayWindow window;
  EXPECT_TRUE(window.fresh(5));
  window.note(5);
  EXPECT_FALSE(window.fresh(5));
  EXPECT_TRUE(window.fresh(0));
  EXPECT_FALSE(window.newest(4));
  window.note(68);
  EXPECT_FALSE(window.fresh(5));
  EXPECT_TRUE(window.fresh(6));
  EXPECT_FALSE(window.fresh(4));
  window.note((std::uint64_t{1} << 48) - 1);
  EXPECT_FALSE(window.fresh(68));
}

}  // namespace
}  // namespace everframe::transport
