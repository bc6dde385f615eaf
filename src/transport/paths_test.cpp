// Two whole endpoints (ICE, DTLS, SCTP, channels) over paths of every kind, in virtual time. EVERFRAME_PATHS
// says how many. What would break these: a join, a message or a good-bye that hangs because one datagram was
// lost, doubled, overtaken or came from a new address; state that arrives twice; a reliable message out of
// order.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <set>

#include "transport/simulated_network.h"

namespace everframe::transport {
namespace {

const Address SERVER = Address::v4(10, 0, 0, 1, 3'478);
const Time START{std::chrono::hours(1)};
const ChannelOptions EVENTS{"events", "everframe.1", true, {}, {}};
const ChannelOptions STATE{"state", "everframe.1", false, 0, {}};
constexpr std::uint64_t RELIABLE = 24;  // messages each way

std::shared_ptr<const Certificate> certificate() {
  static const auto made = Certificate::make().value();
  return made;
}

Bytes numbered(std::uint64_t number) {
  Bytes out(number % 8 == 5 ? 5'000 : 60, static_cast<std::uint8_t>(number));
  std::memcpy(out.data(), &number, sizeof number);
  return out;
}

// What one side heard.
struct Heard {
  std::uint64_t reliable = 0;
  std::set<std::uint64_t> state;
  bool in_order = true;
  bool once = true;
  bool closed = false;
  std::size_t channels = 0;

  void take(std::vector<PeerEvent>& events, ChannelId reliable_channel) {
    for (const PeerEvent& event : events) {
      channels += std::holds_alternative<PeerChannel>(event.what);
      closed = closed || std::holds_alternative<PeerClosed>(event.what);
      const auto* message = std::get_if<PeerMessage>(&event.what);
      if (message == nullptr) continue;
      std::uint64_t number = 0;
      std::memcpy(&number, message->bytes.data(), sizeof number);
      if (message->channel == reliable_channel) {
        in_order = in_order && number == reliable && message->bytes == numbered(number);
        ++reliable;
      } else {
        once = once && state.insert(number).second;
      }
    }
    events.clear();
  }
};

PathShape shape(Prng& random) {
  PathShape path;
  path.loss = static_cast<double>(random.below(16)) / 100;
  path.delay = Duration(random.between(500, 120'000));
  path.jitter = Duration(random.below(3) == 0 ? random.between(0, 60'000) : 0);
  path.duplicate = static_cast<double>(random.below(6)) / 100;
  if (random.below(5) == 0) path.bits_per_second = 200'000 + random.below(2'000'000);
  return path;
}

void play(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Prng random(seed);
  Endpoint endpoint(certificate(), {{SERVER}, 4, seed});
  Client client(certificate(), seed + 1'000'000);
  SimulatedNetwork network(endpoint, SERVER, shape(random), seed, START);
  network.add(client, Address::v4(10, 0, 1, 1, 5'000));
  auto& place = network.places[0];
  const ChannelId events = client.open(EVENTS, START).value();
  const ChannelId state = client.open(STATE, START).value();
  const auto accepted = endpoint.accept(client.offer(), START).value();
  ASSERT_TRUE(client.accept_answer(accepted.answer, START));
  Heard server;
  Heard player;
  const auto listen = [&] {
    server.take(network.server_events, events);
    player.take(place.events, events);
    return false;
  };
  ASSERT_TRUE(
      network.run(CONNECT_MAX, [&] { return listen(), server.channels == 2 && player.channels == 2; }));
  const bool moves = seed % 4 == 0;
  for (std::uint64_t i = 0; i < RELIABLE; ++i) {
    ASSERT_EQ(endpoint.send(accepted.peer, events, numbered(i), true, network.now), SendOutcome::QUEUED);
    ASSERT_EQ(client.send(events, numbered(i), true, network.now), SendOutcome::QUEUED);
    endpoint.send(accepted.peer, state, numbered(i), true, network.now);
    client.send(state, numbered(i), true, network.now);
    if (moves && i == RELIABLE / 2) place.address = Address::v4(10, 9, 9, 9, 77);
    network.run(33ms, listen);
  }
  EXPECT_TRUE(
      network.run(90s, [&] { return listen(), server.reliable == RELIABLE && player.reliable == RELIABLE; }))
      << server.reliable << " and " << player.reliable;
  EXPECT_TRUE(server.in_order && player.in_order);
  EXPECT_TRUE(server.once && player.once);
  EXPECT_FALSE(server.closed || player.closed);
  EXPECT_EQ(endpoint.figures().roamed, moves ? 1U : 0U);
  seed % 2 == 0 ? client.close("enough", network.now) : endpoint.close(accepted.peer, "enough", network.now);
  EXPECT_TRUE(network.run(45s, [&] { return listen(), server.closed && player.closed; }));
  EXPECT_EQ(endpoint.figures().peers, 0U);
}

TEST(Paths, LetNothingHangAndNothingComeTwice) {
  const char* const asked = std::getenv("EVERFRAME_PATHS");
  const std::uint64_t paths = asked != nullptr ? std::strtoull(asked, nullptr, 10) : 4'000;
  for (std::uint64_t seed = 1; seed <= paths && !testing::Test::HasFailure(); ++seed) play(seed);
}

}  // namespace
}  // namespace everframe::transport
