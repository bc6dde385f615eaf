// An endpoint and clients over a simulated network, in virtual time. What would break these: a lost datagram
// that stops a handshake, a peer that does not follow its client to a new address, hostile bytes that disturb
// somebody else or are answered, a wrong fingerprint or password that gets in, a silent peer that stays for
// ever.
#include <gtest/gtest.h>

#include <map>
#include <queue>

#include "base/random.h"
#include "transport/client.h"
#include "transport/endpoint.h"
#include "transport/sdp.h"
#include "transport/stun.h"

namespace {
everframe::Time virtual_now{std::chrono::hours(1)};
}

namespace everframe::transport {
namespace {

const Address SERVER = Address::v4(10, 0, 0, 1, 3478);
const ChannelOptions EVENTS{"events", "everframe.1", true, {}, {}};
const ChannelOptions STATE{"state", "everframe.1", false, 0, {}};

std::shared_ptr<const Certificate> certificate() {
  static const auto made = Certificate::make().value();
  return made;
}

struct Path {
  double loss = 0;
  Duration delay = 5ms;
  Duration jitter = 0ms;
  double duplicate = 0;
};

struct Player {
  explicit Player(std::uint64_t seed, Address at) : client(certificate(), seed), address(at) {}
  Client client;
  Address address;
  std::vector<PeerEvent> events;
  bool has(std::size_t kind) const {
    return std::any_of(events.begin(), events.end(),
                       [&](const PeerEvent& e) { return e.what.index() == kind; });
  }
};
constexpr std::size_t CONNECTED = 0;
constexpr std::size_t CHANNEL = 1;
constexpr std::size_t MESSAGE = 2;
constexpr std::size_t CLOSED = 4;

class World {
 public:
  explicit World(std::uint64_t seed, Path over = {}, std::size_t peers_max = 1'000)
      : endpoint(certificate(), {{SERVER}, peers_max, seed}), random(seed), path(over) {}

  Player& add(bool connect = true) {
    const auto n = static_cast<std::uint8_t>(players.size() + 1);
    players.push_back(std::make_unique<Player>(random.next(), Address::v4(10, 0, 1, n, 5'000)));
    if (connect) join(*players.back());
    return *players.back();
  }
  void join(Player& player) {
    player.client.open(EVENTS, virtual_now).value();
    player.client.open(STATE, virtual_now).value();
    const auto accepted = endpoint.accept(player.client.offer(), virtual_now);
    ASSERT_TRUE(accepted) << accepted.error().text;
    ASSERT_TRUE(player.client.accept_answer(accepted->answer, virtual_now));
    last = accepted->peer;
  }
  void post(const Address& from, const Address& to, Bytes bytes) {
    const int copies = random.below(1'000) < path.duplicate * 1'000 ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (random.below(1'000'000) < path.loss * 1'000'000) continue;
      const Duration jitter(
          path.jitter.count() > 0 ? random.below(static_cast<std::uint64_t>(path.jitter.count())) : 0);
      wire.emplace(virtual_now + path.delay + jitter, Flying{from, to, bytes});
    }
  }
  void step() {
    std::vector<Outgoing> out;
    endpoint.flush(virtual_now, out);
    for (Outgoing& o : out) post(SERVER, o.to, std::move(o.bytes));
    for (const auto& player : players) {
      out.clear();
      player->client.flush(virtual_now, out);
      for (Outgoing& o : out) post(player->address, o.to, std::move(o.bytes));
    }
    while (auto event = endpoint.next_event()) server_events.push_back(std::move(*event));
    for (const auto& player : players) {
      while (auto event = player->client.next_event()) player->events.push_back(std::move(*event));
    }
    virtual_now += 1ms;
    while (!wire.empty() && wire.begin()->first <= virtual_now) {
      const Flying flying = std::move(wire.begin()->second);
      wire.erase(wire.begin());
      if (flying.to == SERVER) endpoint.receive(flying.from, flying.bytes, virtual_now);
      for (const auto& player : players) {
        if (player->address == flying.to) player->client.receive(flying.from, flying.bytes, virtual_now);
      }
    }
    if (const auto due = endpoint.next_timeout(); due && *due <= virtual_now) endpoint.advance(virtual_now);
    for (const auto& player : players) {
      if (const auto due = player->client.next_timeout(); due && *due <= virtual_now)
        player->client.advance(virtual_now);
    }
  }
  template <class Done>
  bool run(Duration at_most, Done done) {
    for (const Time end = virtual_now + at_most; virtual_now < end; step()) {
      if (done()) return true;
    }
    return done();
  }
  void run(Duration span) {
    run(span, [] { return false; });
  }
  std::size_t count(std::size_t kind) const {
    return static_cast<std::size_t>(
        std::count_if(server_events.begin(), server_events.end(),
                      [&](const PeerEvent& e) { return e.what.index() == kind; }));
  }
  bool connected(const Player& player) const { return player.has(CONNECTED) && player.has(CHANNEL); }

  struct Flying {
    Address from;
    Address to;
    Bytes bytes;
  };
  Endpoint endpoint;
  Prng random;
  Path path;
  std::multimap<Time, Flying> wire;
  std::vector<std::unique_ptr<Player>> players;
  std::vector<PeerEvent> server_events;
  PeerId last{};
};

Bytes text(std::string_view words) {
  return Bytes(words.begin(), words.end());
}

TEST(Endpoint, ConnectsAndCarriesMessagesBothWays) {
  World world(1);
  Player& player = world.add();
  ASSERT_TRUE(world.run(5s, [&] { return world.connected(player) && world.count(CHANNEL) == 2; }));
  EXPECT_EQ(player.client.send(ChannelId{0}, text("hello"), true, virtual_now), SendOutcome::QUEUED);
  EXPECT_EQ(world.endpoint.send(world.last, ChannelId{0}, Bytes(40'000, 7), true, virtual_now),
            SendOutcome::QUEUED);
  ASSERT_TRUE(world.run(5s, [&] { return world.count(MESSAGE) == 1 && player.has(MESSAGE); }));
  for (const PeerEvent& event : player.events) {
    const auto* message = std::get_if<PeerMessage>(&event.what);
    if (message != nullptr) {
      EXPECT_EQ(message->bytes, Bytes(40'000, 7));
    }
  }
  EXPECT_EQ(world.endpoint.figures().handshakes, 1U);
}

TEST(Endpoint, ConnectsOverBadPaths) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    World world(seed, {0.15, 20ms, 30ms, 0.05});
    Player& a = world.add();
    Player& b = world.add();
    EXPECT_TRUE(world.run(19s, [&] { return world.connected(a) && world.connected(b); })) << "seed " << seed;
    for (int i = 0; i < 20; ++i)
      a.client.send(ChannelId{0}, Bytes(300, static_cast<std::uint8_t>(i)), true, virtual_now);
    EXPECT_TRUE(world.run(20s, [&] { return world.count(MESSAGE) == 20; })) << "seed " << seed;
  }
}

TEST(Endpoint, HoldsManyPeersAtOnce) {
  World world(3);
  for (int i = 0; i < 100; ++i) world.add();
  EXPECT_TRUE(world.run(15s, [&] {
    return std::all_of(world.players.begin(), world.players.end(),
                       [&](const auto& p) { return world.connected(*p); });
  }));
  EXPECT_EQ(world.endpoint.figures().connected, 100U);
}

TEST(Endpoint, FollowsAClientToANewAddress) {
  World world(4);
  Player& player = world.add();
  ASSERT_TRUE(world.run(5s, [&] { return world.connected(player) && world.count(CHANNEL) == 2; }));
  player.address = Address::v4(10, 9, 9, 9, 1);
  ASSERT_TRUE(world.run(12s, [&] {
    player.client.send(ChannelId{0}, text("still here"), true, virtual_now);
    return world.endpoint.figures().roamed == 1;
  }));
  player.events.clear();
  world.endpoint.send(world.last, ChannelId{0}, text("found you"), true, virtual_now);
  EXPECT_TRUE(world.run(5s, [&] { return player.has(MESSAGE); }));
}

TEST(Endpoint, DoesNotFollowStunAlone) {
  World world(5);
  Player& player = world.add();
  ASSERT_TRUE(world.run(5s, [&] { return world.connected(player) && world.count(CHANNEL) == 2; }));
  // Somebody repeats the client's own checks from elsewhere: signed well, but no record comes from there.
  std::vector<Outgoing> out;
  world.run(6s, [&] {
    player.client.flush(virtual_now, out);
    for (const Outgoing& o : out) {
      if (looks_like_stun(o.bytes)) world.endpoint.receive(Address::v4(6, 6, 6, 6, 6), o.bytes, virtual_now);
      world.post(player.address, o.to, o.bytes);
    }
    out.clear();
    return false;
  });
  EXPECT_EQ(world.endpoint.figures().roamed, 0U);
  world.endpoint.send(world.last, ChannelId{0}, text("to you"), true, virtual_now);
  EXPECT_TRUE(world.run(5s, [&] { return player.has(MESSAGE); }));
}

TEST(Endpoint, RefusesAWrongFingerprint) {
  World world(6);
  Player& player = world.add(false);
  std::string offer = player.client.offer();
  const std::size_t at = offer.find("sha-256 ") + 8;
  offer[at] = offer[at] == 'A' ? 'B' : 'A';
  const auto accepted = world.endpoint.accept(offer, virtual_now);
  ASSERT_TRUE(accepted);
  ASSERT_TRUE(player.client.accept_answer(accepted->answer, virtual_now));
  world.run(5s);
  EXPECT_EQ(world.endpoint.figures().bad_fingerprints, 1U);
  EXPECT_FALSE(player.has(CONNECTED));
  EXPECT_EQ(world.count(CLOSED), 1U);
}

TEST(Endpoint, TheClientRefusesAWrongFingerprintToo) {
  World world(7);
  Player& player = world.add(false);
  auto accepted = world.endpoint.accept(player.client.offer(), virtual_now);
  ASSERT_TRUE(accepted);
  const std::size_t at = accepted->answer.find("sha-256 ") + 8;
  accepted->answer[at] = accepted->answer[at] == 'A' ? 'B' : 'A';
  ASSERT_TRUE(player.client.accept_answer(accepted->answer, virtual_now));
  world.run(5s);
  EXPECT_FALSE(player.has(CONNECTED));
  EXPECT_TRUE(player.has(CLOSED));
}

TEST(Endpoint, AnswersNoCheckWithAWrongPassword) {
  World world(8);
  Player& player = world.add(false);
  auto accepted = world.endpoint.accept(player.client.offer(), virtual_now);
  ASSERT_TRUE(accepted);
  const std::size_t at = accepted->answer.find("a=ice-pwd:") + 10;
  accepted->answer[at] = accepted->answer[at] == 'A' ? 'B' : 'A';
  ASSERT_TRUE(player.client.accept_answer(accepted->answer, virtual_now));
  world.run(5s);
  EXPECT_GT(world.endpoint.figures().bad_stun, 3U);
  EXPECT_EQ(world.endpoint.figures().datagrams_out, 0U);
  world.run(20s);
  EXPECT_EQ(world.count(CLOSED), 1U);  // nobody came: forgotten
  EXPECT_EQ(world.endpoint.figures().peers, 0U);
}

TEST(Endpoint, HostileBytesDisturbNobodyAndAreNotAnswered) {
  World world(9);
  Player& player = world.add();
  ASSERT_TRUE(world.run(5s, [&] { return world.connected(player) && world.count(CHANNEL) == 2; }));
  Prng random(9);
  const std::uint64_t out_before = world.endpoint.figures().datagrams_out;
  for (int i = 0; i < 20'000; ++i) {
    Bytes garbage(random.below(200));
    for (auto& byte : garbage) byte = static_cast<std::uint8_t>(random.next());
    if (!garbage.empty() && i % 2 == 0)
      garbage[0] = static_cast<std::uint8_t>(i % 4 == 0 ? 0 : 20 + random.below(44));
    // Half of it from the player's own address, as whoever can spoof would send it.
    const Address from = i % 3 == 0 ? player.address : Address::v4(9, 9, 9, 9, static_cast<std::uint16_t>(i));
    world.endpoint.receive(from, garbage, virtual_now);
  }
  std::vector<Outgoing> out;
  world.endpoint.flush(virtual_now, out);
  EXPECT_LE(world.endpoint.figures().datagrams_out, out_before + 2);
  player.events.clear();
  world.endpoint.send(world.last, ChannelId{0}, text("well?"), true, virtual_now);
  EXPECT_TRUE(world.run(5s, [&] { return player.has(MESSAGE); }));
  EXPECT_EQ(world.count(CLOSED), 0U);
}

TEST(Endpoint, RefusesMalformedOffersAndTooManyPeers) {
  World world(10, {}, 2);
  EXPECT_FALSE(world.endpoint.accept("", virtual_now));
  EXPECT_FALSE(world.endpoint.accept("v=0\r\nrubbish", virtual_now));
  std::string passive = Client(certificate(), 1).offer();
  passive.replace(passive.find("actpass"), 7, "passive");
  EXPECT_FALSE(world.endpoint.accept(passive, virtual_now));
  world.add();
  world.add();
  const auto third = world.endpoint.accept(Client(certificate(), 2).offer(), virtual_now);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, 503);
}

TEST(Endpoint, ForgetsASilentPeer) {
  World world(11);
  Player& player = world.add();
  ASSERT_TRUE(world.run(5s, [&] { return world.connected(player); }));
  world.path.loss = 1;
  EXPECT_TRUE(world.run(40s, [&] { return world.count(CLOSED) == 1 && player.has(CLOSED); }));
  EXPECT_EQ(world.endpoint.figures().timed_out, 1U);
  EXPECT_EQ(world.endpoint.figures().peers, 0U);
}

TEST(Endpoint, AnIdlePeerStays) {
  World world(12);
  Player& player = world.add();
  ASSERT_TRUE(world.run(5s, [&] { return world.connected(player); }));
  world.run(120s);
  EXPECT_EQ(world.count(CLOSED), 0U);
  EXPECT_FALSE(player.has(CLOSED));
}

TEST(Endpoint, ClosingTellsTheOtherSide) {
  World world(13);
  Player& a = world.add();
  ASSERT_TRUE(world.run(5s, [&] { return world.connected(a); }));
  world.endpoint.close(world.last, "enough", virtual_now);
  EXPECT_TRUE(world.run(2s, [&] { return a.has(CLOSED); }));
  Player& b = world.add();
  ASSERT_TRUE(world.run(5s, [&] { return world.connected(b); }));
  b.client.close("bye", virtual_now);
  EXPECT_TRUE(world.run(2s, [&] { return world.count(CLOSED) == 2; }));
}

TEST(Endpoint, TakesAFewStepsOfHandshakesAtATime) {
  World world(14);
  for (int i = 0; i < 40; ++i) world.add();
  std::uint64_t before = 0;
  for (int i = 0; i < 3'000 && world.endpoint.figures().connected < 40; ++i) {
    world.step();  // at most one advance()
    const std::uint64_t done = world.endpoint.figures().handshakes;
    EXPECT_LE(done - before, HANDSHAKE_STEPS);
    before = done;
  }
  EXPECT_EQ(world.endpoint.figures().connected, 40U);
}

TEST(Endpoint, DropsAFloodOfHandshakes) {
  World world(15);
  Player& player = world.add();
  world.run(20ms, [&] { return world.endpoint.figures().datagrams_out > 0; });
  Bytes hello(600, 1);
  const std::uint8_t header[] = {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 2, 75};
  std::copy(std::begin(header), std::end(header), hello.begin());
  for (int i = 0; i < 1'000; ++i) world.endpoint.receive(player.address, hello, virtual_now);
  EXPECT_GE(world.endpoint.figures().handshakes_dropped, 1'000 - HANDSHAKE_DATAGRAMS_A_PEER);
  EXPECT_TRUE(world.run(15s, [&] { return world.connected(player); }));
}

TEST(Endpoint, LimitsPeersBehindOneAddressAndThoseThatConnect) {
  Endpoint endpoint(certificate(), {{SERVER}, 100, 1, 3, 2});
  const auto check = [&](const Endpoint::Accepted& accepted, std::uint16_t port) {
    const auto answer = read_sdp(accepted.answer).value();
    const Bytes request = write_stun_request({}, answer.ufrag + ":abcd", answer.password, 1, 2, true);
    endpoint.receive(Address::v4(7, 7, 7, 7, port), request, virtual_now);
    std::vector<Outgoing> out;
    endpoint.flush(virtual_now, out);
    return out.size();
  };
  std::vector<Endpoint::Accepted> accepted;
  for (std::uint64_t i = 0; i < 3; ++i)
    accepted.push_back(endpoint.accept(Client(certificate(), i).offer(), virtual_now).value());
  const auto fourth = endpoint.accept(Client(certificate(), 9).offer(), virtual_now);
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fourth.error().code, 503);
  EXPECT_EQ(endpoint.figures().offers_refused, 1U);
  EXPECT_EQ(check(accepted[0], 1), 1U);
  EXPECT_EQ(check(accepted[0], 1), 1U);  // again: counted once
  EXPECT_EQ(check(accepted[1], 2), 1U);
  EXPECT_EQ(check(accepted[2], 3), 0U);
  EXPECT_EQ(endpoint.figures().crowded_addresses, 1U);
  endpoint.close(accepted[0].peer, "makes room", virtual_now);
  EXPECT_EQ(check(accepted[2], 3), 1U);
}

TEST(Endpoint, IsNotMovedByARecordThatWasHeldBack) {
  World world(16);
  Player& player = world.add();
  ASSERT_TRUE(world.run(5s, [&] { return world.connected(player) && world.count(CHANNEL) == 2; }));
  const Address elsewhere = Address::v4(6, 6, 6, 6, 6);
  Bytes held;
  std::vector<Outgoing> out;
  // Somebody on the path repeats the player's checks from elsewhere, and holds back one of its records.
  world.run(6s, [&] {
    player.client.send(ChannelId{0}, text("step"), true, virtual_now);
    player.client.flush(virtual_now, out);
    for (Outgoing& o : out) {
      if (looks_like_stun(o.bytes)) world.endpoint.receive(elsewhere, o.bytes, virtual_now);
      if (!looks_like_stun(o.bytes) && held.empty()) {
        held = std::move(o.bytes);
      } else {
        world.post(player.address, o.to, o.bytes);
      }
    }
    out.clear();
    return false;
  });
  player.client.send(ChannelId{0}, text("newer"), true, virtual_now);
  world.run(1s);
  world.endpoint.receive(elsewhere, held, virtual_now);
  EXPECT_EQ(world.endpoint.figures().roamed, 0U);
}

}  // namespace
}  // namespace everframe::transport
