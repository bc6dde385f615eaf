// Hostile and broken clients against a running server, while others play on it. What would break these: a
// refusal that is unclear or not counted, garbage that is answered, one client's fault that ends or delays
// another's session, a server that falls over. After each test the bystanders must be as they were: connected
// all along, every action answered once.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <thread>

#include "admin/http_server.h"
#include "base/random.h"
#include "bots/crowd.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_limits.h"
#include "server_process.h"
#include "stranger.h"
#include "tunnel_stranger.h"

namespace everframe::tests {
namespace {

constexpr std::size_t BYSTANDERS = 4;

// Players who live on the server, in a thread of their own, until they are asked how it went.
class Bystanders final : public bots::Witness {
 public:
  explicit Bystanders(const std::string& url)
      : crowd_(executor_, network_, entropy_, options(url), this, [](const std::string&) {}) {
    executor_.post([this] { crowd_.start([this] { executor_.stop(); }); });
    executor_.start();
  }
  void trouble(std::size_t, const std::string& what) override { troubles_.push_back(what); }
  std::size_t in_world() {
    std::promise<std::size_t> count;
    executor_.post([&] { count.set_value(crowd_.in_world()); });
    return count.get_future().get();
  }
  const bots::Report& how_was_it() {
    executor_.post([this] { crowd_.stop(); });
    executor_.join();
    return crowd_.report();
  }
  const std::vector<std::string>& troubles() const { return troubles_; }

 private:
  static bots::Crowd::Options options(const std::string& url) {
    bots::Crowd::Options out;
    out.server = bots::ServerUrl::parse(url).value();
    out.players = BYSTANDERS;
    out.seconds = 1'000;
    out.actions_a_second = 5;
    out.silence_max = 20s;  // a machine under load is not a server that forgot us
    return out;
  }
  std::vector<std::string> troubles_;
  platform_os::AsioExecutor executor_{"bystanders"};
  platform_os::UdpNetwork network_;
  platform_os::OsEntropy entropy_;
  bots::Crowd crowd_;
};

class Hostile : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<ServerProcess>(EVERFRAMED, std::vector<std::string>{"--store", "memory:"});
    ASSERT_EQ(server_->start(), "");
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(server_->metric("everframe_session_crashes_total"), 0);
    EXPECT_EQ(server_->terminate(), 0);
    server_.reset();
  }
  void SetUp() override {
    ASSERT_NE(server_, nullptr);
    bystanders_ = std::make_unique<Bystanders>(url());
    for (int i = 0; i < 3'000 && bystanders_->in_world() < BYSTANDERS; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_EQ(bystanders_->in_world(), BYSTANDERS);
  }
  void TearDown() override {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // they act a few times more
    EXPECT_EQ(bystanders_->in_world(), BYSTANDERS);
    const bots::Report& report = bystanders_->how_was_it();
    EXPECT_EQ(report.all.errors(), 0U);
    EXPECT_EQ(report.all.duplicates, 0U);
    EXPECT_GT(report.all.applied, 0U);
    for (const std::string& trouble : bystanders_->troubles()) ADD_FAILURE() << trouble;
    EXPECT_EQ(http_get(url(), "/v1/health").status, 200U);
  }
  static const std::string& url() { return server_->url(); }
  static double metric(const std::string& name) { return server_->metric(name); }
  // Until the server has counted so much: counters are read from outside, a moment later.
  static bool reaches(const std::string& name, double value) {
    for (int i = 0; i < 1'000; ++i) {
      if (metric(name) >= value) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  static bool no_tunnel_is_left() {
    for (int i = 0; i < 1'000; ++i) {
      if (metric("everframe_tunnels") == 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  // The stranger gets this goodbye, and it is counted.
  template <class Client>
  static void expect_goodbye(Client& stranger, wire::GoodbyeReason reason, const char* counter,
                             double before) {
    EXPECT_TRUE(
        stranger.wait([](const Stranger::Heard& heard) { return heard.last<wire::Goodbye>() != nullptr; }));
    const Stranger::Heard heard = stranger.heard();
    if (const auto* goodbye = heard.last<wire::Goodbye>()) {
      EXPECT_EQ(goodbye->reason, reason);
      EXPECT_FALSE(goodbye->detail.empty());
    }
    EXPECT_TRUE(reaches(counter, before + 1));
  }

  static std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Bystanders> bystanders_;
};
std::unique_ptr<ServerProcess> Hostile::server_;

constexpr char BROKEN[] = "everframe_goodbyes_total{reason=\"protocol_error\"}";

TEST_F(Hostile, ABrokenConnectRequestIsRefusedWithItsReasonAndCounted) {
  const std::string offer = fresh_offer();
  std::string no_fingerprint = offer;
  no_fingerprint.replace(no_fingerprint.find("a=fingerprint"), 13, "a=fingerprant");
  std::string passive = offer;
  passive.replace(passive.find("actpass"), 7, "passive");
  struct Case {
    std::string body;
    unsigned status;
    std::string code;
  };
  const std::vector<Case> cases = {
      {"", 400, "bad_json"},
      {"{", 400, "bad_json"},
      {std::string("{\"type\":\"\xff\"}"), 400, "bad_json"},
      {"[[[[[[[[1]]]]]]]]", 400, "bad_json"},
      {"[]", 400, "bad_request"},
      {"{\"type\":\"answer\",\"sdp\":\"\"}", 400, "bad_request"},
      {"{\"type\":\"offer\",\"sdp\":7}", 400, "bad_request"},
      {connect_json(offer, ",\"token\":7"), 400, "bad_request"},
      {connect_json(offer, ",\"name\":\"" + std::string(33, 'n') + "\""), 400, "bad_request"},
      {connect_json(offer, ",\"name\":\"a\\u0007b\""), 400, "bad_request"},
      {connect_json("v=0\r\n"), 400, "bad_offer"},
      {connect_json(no_fingerprint), 400, "bad_offer"},
      {connect_json(passive), 400, "bad_offer"},
      {connect_json(offer, ",\"token\":\"" + std::string(43, 'A') + "\""), 401, "unknown_token"},
      {connect_json(offer, ",\"token\":\"not a token\""), 401, "unknown_token"},
      {std::string(70'000, ' '), 413, "too_large"},
  };
  for (const Case& each : cases) {
    const std::string counter =
        "everframe_http_answers_total{status=\"" + std::to_string(each.status) + "\"}";
    const double before = std::max(0.0, metric(counter));
    const HttpReply reply = http_post(url(), "/v1/connect", each.body);
    EXPECT_EQ(reply.status, each.status) << each.body.substr(0, 80);
    EXPECT_NE(reply.body.find("\"code\":\"" + each.code + "\""), std::string::npos) << reply.body;
    EXPECT_NE(reply.body.find("\"message\":\""), std::string::npos) << reply.body;
    EXPECT_EQ(metric(counter), before + 1) << each.body.substr(0, 80);
    // A text frame that is not UTF-8 fails the WebSocket itself (RFC 6455 section 8.1).
    if (each.status == 413 || each.body.find('\xff') != std::string::npos) continue;
    const std::string said = websocket_exchange(url(), each.body);
    EXPECT_NE(said.find("\"code\":\"" + each.code + "\""), std::string::npos) << said;
  }
}

TEST_F(Hostile, WhatIsNotHttpOrNotServedIsRefused) {
  EXPECT_EQ(http_post(url(), "/v1/connect", "{}", "text/plain").status, 415U);
  EXPECT_EQ(http_raw(url(), "PUT /v1/connect HTTP/1.1\r\nHost: x\r\n\r\n").status, 405U);
  EXPECT_EQ(http_get(url(), "/nothing").status, 404U);
  EXPECT_EQ(http_get(url(), "/../../etc/passwd").status, 404U);
  EXPECT_EQ(http_get(url(), "/%2e%2e/etc/passwd").status, 404U);
  EXPECT_EQ(http_raw(url(), "GET / HTTP/9.9 nonsense\r\n\r\n").status, 400U);
  EXPECT_EQ(http_raw(url(), "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n").status, 413U);
}

TEST_F(Hostile, GarbageDatagramsAreCountedAndNeverAnswered) {
  Stranger known(url());
  ASSERT_TRUE(known.enter());
  const Address server = candidate_of(known.answer);
  const double unknown = metric("everframe_refused_total{kind=\"unknown_address\"}");
  const double bad_stun = metric("everframe_refused_total{kind=\"bad_stun\"}");

  platform_os::AsioExecutor executor("garbage");
  platform_os::UdpNetwork network;
  std::atomic<int> answers{0};
  auto socket = network.open_udp(
      executor, Address::v4(127, 0, 0, 1, 0),
      [&](std::span<const platform::Datagram> in) { answers += static_cast<int>(in.size()); });
  ASSERT_TRUE(socket.has_value());
  constexpr int DATAGRAMS = 2'000;
  executor.post([&] {
    Prng dice(7);
    for (int i = 0; i < DATAGRAMS; ++i) {
      Bytes bytes(dice.below(1'400));
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(dice.next());
      if (!bytes.empty() && i % 3 == 0) bytes[0] = 0x16;  // a DTLS handshake
      if (!bytes.empty() && i % 3 == 1) bytes[0] = 0x00;  // a STUN request
      const platform::Datagram datagram{server, bytes};
      (*socket)->send({&datagram, 1});
    }
  });
  executor.start();
  EXPECT_TRUE(reaches("everframe_refused_total{kind=\"unknown_address\"}", unknown + 100));
  EXPECT_TRUE(reaches("everframe_refused_total{kind=\"bad_stun\"}", bad_stun + 100));
  EXPECT_EQ(answers, 0);
  executor.post([&] { socket->reset(); });
  executor.post([&] { executor.stop(); });
  executor.join();
}

TEST_F(Hostile, AMessageThatBreaksTheWireEndsItsSenderAlone) {
  const Bytes oversized(2'000, 0x01);
  const Bytes oversized_state(300, 0x20);
  struct Case {
    const char* what;
    bool on_state;
    Bytes bytes;
    bool binary;
  };
  const std::vector<Case> cases = {
      {"oversized on events", false, oversized, true},
      {"oversized on state", true, oversized_state, true},
      {"unknown kind", false, {0x7f}, true},
      {"a server's message", false, {0x41, 0x01}, true},
      {"cut short", false, {0x01, 0x01}, true},
      {"bytes left over", false, {0x03, 0x00}, true},
      {"a pose on events", false, {0x20, 0x01}, true},
      {"an event on state", true, {0x03}, true},
      {"text", false, {'h', 'i'}, false},
      {"empty", false, {}, true},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    const double before = metric(BROKEN);
    Stranger stranger(url());
    ASSERT_TRUE(stranger.enter());
    stranger.send(each.on_state ? stranger.state() : stranger.events(), each.bytes, each.binary);
    expect_goodbye(stranger, wire::GoodbyeReason::PROTOCOL_ERROR, BROKEN, before);
  }
}

TEST_F(Hostile, AFloodOfMessagesAndMoreUnansweredActionsThanAllowedEndTheirSenders) {
  const double before = metric(BROKEN);
  Stranger talker(url());
  ASSERT_TRUE(talker.enter());
  for (std::uint64_t i = 0; i < 1'000; ++i) talker.send_event(wire::Ping{i});
  expect_goodbye(talker, wire::GoodbyeReason::PROTOCOL_ERROR, BROKEN, before);

  Stranger hasty(url());
  ASSERT_TRUE(hasty.enter());
  hasty.send_event(wire::Action{ActionSeq{40}, wire::Idle{}});
  expect_goodbye(hasty, wire::GoodbyeReason::PROTOCOL_ERROR, BROKEN, before + 1);
}

TEST_F(Hostile, AnActionAfterAGapIsTurnedAwayAndTakenWhenAllComeInOrder) {
  Stranger stranger(url());
  ASSERT_TRUE(stranger.enter());
  stranger.send_event(wire::Action{ActionSeq{2}, wire::Idle{}});
  ASSERT_TRUE(
      stranger.wait([](const Stranger::Heard& heard) { return heard.last<wire::Refused>() != nullptr; }));
  EXPECT_EQ(stranger.heard().last<wire::Refused>()->frame, FrameNo{0});
  for (std::uint64_t seq = 1; seq <= 2; ++seq)
    stranger.send_event(wire::Action{ActionSeq{seq}, wire::Idle{}});
  EXPECT_TRUE(stranger.wait([](const Stranger::Heard& heard) {
    const auto* applied = heard.last<wire::Applied>();
    return applied != nullptr && applied->seq == ActionSeq{2};
  }));
}

TEST_F(Hostile, AnUnknownChannelIsClosedAtOnceAndTheSessionGoesOn) {
  const double before = metric("everframe_unknown_channels_total");
  Stranger stranger(url());
  ASSERT_TRUE(stranger.enter());
  const transport::ChannelId gossip = stranger.open({"gossip", "everframe.1", true, {}, {}});
  const transport::ChannelId second = stranger.open({"events", "everframe.1", true, {}, {}});
  EXPECT_TRUE(stranger.wait([](const Stranger::Heard& heard) { return heard.closed_channels.size() >= 2; }));
  const Stranger::Heard heard = stranger.heard();
  EXPECT_EQ(std::count(heard.closed_channels.begin(), heard.closed_channels.end(), gossip), 1);
  EXPECT_EQ(std::count(heard.closed_channels.begin(), heard.closed_channels.end(), second), 1);
  EXPECT_TRUE(reaches("everframe_unknown_channels_total", before + 2));
  stranger.send_event(wire::Ping{77});
  EXPECT_TRUE(stranger.wait([](const Stranger::Heard& all) {
    const auto* pong = all.last<wire::Pong>();
    return pong != nullptr && pong->nonce == 77;
  }));
}

TEST_F(Hostile, TheSameTokenElsewhereReplacesTheSessionAndKeepsTheBody) {
  const double before = metric("everframe_goodbyes_total{reason=\"replaced\"}");
  Stranger first(url());
  ASSERT_TRUE(first.enter());
  Stranger second(url(), first.token);
  ASSERT_TRUE(second.enter());
  expect_goodbye(first, wire::GoodbyeReason::REPLACED, "everframe_goodbyes_total{reason=\"replaced\"}",
                 before);
  EXPECT_EQ(first.heard().last<wire::Welcome>()->body, second.heard().last<wire::Welcome>()->body);
  EXPECT_EQ(second.token, first.token);
}

TEST_F(Hostile, APoseThatIsTooFastIsPutBack) {
  Stranger stranger(url());
  ASSERT_TRUE(stranger.enter());
  const wire::Welcome welcome = *stranger.heard().last<wire::Welcome>();
  wire::PoseUpdate leap;
  leap.pose_seq = 1;
  leap.pose.position = {welcome.position.x + 400'000, 0, welcome.position.z};
  Bytes bytes;
  wire::encode(bytes, leap);
  for (int i = 0; i < 50 && stranger.heard().last<wire::Moved>() == nullptr; ++i) {
    stranger.send(stranger.state(), bytes);  // the channel may lose it
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(
      stranger.wait([](const Stranger::Heard& heard) { return heard.last<wire::Moved>() != nullptr; }));
  EXPECT_EQ(stranger.heard().last<wire::Moved>()->position, welcome.position);
}

// ---- tunnels ----

TEST_F(Hostile, ATunnelCarriesASessionAndEndsWithIt) {
  const double before = metric("everframe_tunnels_opened_total");
  TunnelStranger stranger(url());
  ASSERT_TRUE(stranger.enter());
  EXPECT_EQ(metric("everframe_tunnels"), 1);
  EXPECT_EQ(metric("everframe_tunnels_opened_total"), before + 1);
  stranger.send_event(wire::Action{ActionSeq{1}, wire::Idle{}});
  EXPECT_TRUE(
      stranger.wait([](const Stranger::Heard& heard) { return heard.last<wire::Applied>() != nullptr; }));
  EXPECT_TRUE(stranger.wait([](const Stranger::Heard& heard) { return heard.states > 0; }));
  const EntityId body = stranger.heard().last<wire::Welcome>()->body;

  Stranger elsewhere(url(), stranger.token);  // the same player over WebRTC
  ASSERT_TRUE(elsewhere.enter());
  EXPECT_EQ(elsewhere.heard().last<wire::Welcome>()->body, body);
  constexpr char REPLACED[] = "everframe_goodbyes_total{reason=\"replaced\"}";
  expect_goodbye(stranger, wire::GoodbyeReason::REPLACED, REPLACED, 0);
  EXPECT_FALSE(stranger.wait([](const Stranger::Heard&) { return false; }));
  EXPECT_TRUE(stranger.heard().closed.has_value());
  EXPECT_TRUE(no_tunnel_is_left());
}

TEST_F(Hostile, ATunnelIsAskedForOnTheWebSocketAloneAlsoAfterAnOffer) {
  EXPECT_EQ(http_post(url(), "/v1/connect", "{\"type\":\"tunnel\"}").status, 400U);
  TunnelStranger stranger(url());
  const std::string answer = stranger.ask(connect_json(fresh_offer()));
  const std::string key = "\"token\":\"";
  const std::size_t at = answer.find(key);
  ASSERT_NE(at, std::string::npos) << answer;
  const std::string token =
      answer.substr(at + key.size(), answer.find('"', at + key.size()) - at - key.size());
  ASSERT_TRUE(stranger.enter(token));
  EXPECT_EQ(stranger.token, token);
  TunnelStranger unknown(url());
  EXPECT_NE(unknown.ask("{\"type\":\"tunnel\",\"token\":\"nobody's\"}").find("unknown_token"),
            std::string::npos);
  stranger.leave();
  EXPECT_TRUE(no_tunnel_is_left());
}

TEST_F(Hostile, AMessageThatBreaksATunnelEndsItsSenderAlone) {
  struct Case {
    const char* what;
    Bytes message;
    bool binary;
  };
  const std::vector<Case> cases = {
      {"text", {'h', 'i'}, false},
      {"an unknown channel", {2, 0x03}, true},
      {"empty", {}, true},
      {"a channel alone", {0}, true},
      {"oversized on events", Bytes(2'000, 0), true},
      {"oversized on state", Bytes(300, 1), true},
      {"far too large", Bytes(200'000, 0), true},
      {"unknown kind", {0, 0x7f}, true},
      {"an event on state", {1, 0x03}, true},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    const double before = metric(BROKEN);
    TunnelStranger stranger(url());
    ASSERT_TRUE(stranger.enter());
    stranger.send(each.message, each.binary);
    expect_goodbye(stranger, wire::GoodbyeReason::PROTOCOL_ERROR, BROKEN, before);
  }
  EXPECT_TRUE(no_tunnel_is_left());
}

TEST_F(Hostile, AFloodInATunnelEndsIt) {
  const double before = metric(BROKEN);
  TunnelStranger talker(url());
  ASSERT_TRUE(talker.enter());
  for (std::uint64_t i = 0; i < 1'000 && talker.send_event(wire::Ping{i}); ++i) {
  }
  expect_goodbye(talker, wire::GoodbyeReason::PROTOCOL_ERROR, BROKEN, before);

  constexpr char PINGS[] = "everframe_tunnels_cut_total{kind=\"controls\"}";
  constexpr char FRAGMENTS[] = "everframe_tunnels_cut_total{kind=\"fragments\"}";
  const double pings = metric(PINGS);
  const double fragments = metric(FRAGMENTS);
  TunnelStranger pinger(url());
  ASSERT_TRUE(pinger.enter());
  for (int i = 0; i < 10'000 && pinger.ping(); ++i) {
  }
  TunnelStranger endless(url());
  ASSERT_TRUE(endless.enter());
  for (int i = 0; i < 10'000 && endless.fragment(); ++i) {
  }
  EXPECT_FALSE(pinger.wait([](const Stranger::Heard&) { return false; }));
  EXPECT_FALSE(endless.wait([](const Stranger::Heard&) { return false; }));
  EXPECT_NE(endless.heard().closed, "nothing came");
  EXPECT_NE(pinger.heard().closed, "nothing came");
  EXPECT_TRUE(no_tunnel_is_left());
  EXPECT_EQ(metric(PINGS), pings + 1);
  EXPECT_EQ(metric(FRAGMENTS), fragments + 1);
}

TEST_F(Hostile, WhoOpensEveryConnectionThatHeMayLeavesTheOthersTheirs) {
  constexpr char REFUSED[] = "everframe_http_connections_refused_total";
  const double refused = metric(REFUSED);
  platform_os::raise_open_files();
  boost::asio::io_context io;
  using boost::asio::ip::tcp;
  const tcp::endpoint server(boost::asio::ip::make_address("127.0.0.1"), server_->http_port());
  std::vector<tcp::socket> sockets;
  for (std::size_t i = 0; i < admin::CONNECTIONS_A_SUBSCRIBER_MAX + 10; ++i) {
    tcp::socket& socket = sockets.emplace_back(io, tcp::v4());
    socket.bind({boost::asio::ip::make_address("127.0.0.2"), 0});
    socket.connect(server);
  }
  for (int i = 0; i < 1'000 && metric(REFUSED) < refused + 10; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(metric(REFUSED), refused + 10);
  EXPECT_GE(metric("everframe_http_connections"), admin::CONNECTIONS_A_SUBSCRIBER_MAX);
  TunnelStranger neighbour(url());
  EXPECT_TRUE(neighbour.enter());
  sockets.clear();
  for (int i = 0; i < 1'000 && metric("everframe_http_connections") > 100; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_LE(metric("everframe_http_connections"), 100);
}

TEST_F(Hostile, AHalfClosedTunnelIsOver) {
  TunnelStranger stranger(url());
  ASSERT_TRUE(stranger.enter());
  stranger.shut();
  EXPECT_TRUE(no_tunnel_is_left());
}

TEST_F(Hostile, ASlowReaderLosesStateAndThenItsTunnel) {
  constexpr int RECEIVE_BUFFER = 4'096;
  constexpr char SLOW[] = "everframe_goodbyes_total{reason=\"too_slow\"}";
  const double slow = std::max(0.0, metric(SLOW));
  const double dropped = metric("everframe_state_dropped_total");
  TunnelStranger stranger(url(), RECEIVE_BUFFER);
  ASSERT_TRUE(stranger.enter());
  ASSERT_TRUE(stranger.wait(
      [](const Stranger::Heard& heard) { return heard.last<wire::ChunkSnapshot>() != nullptr; }));
  std::vector<wire::ChunkSnapshot> snapshots;
  for (const wire::ServerEvent& event : stranger.heard().events) {
    if (const auto* snapshot = std::get_if<wire::ChunkSnapshot>(&event)) snapshots.push_back(*snapshot);
  }
  const auto largest = std::max_element(snapshots.begin(), snapshots.end(), [](const auto& a, const auto& b) {
    return a.entities.size() < b.entities.size();
  });
  // It asks within its rate, and reads nothing of the answers.
  for (int i = 0; i < 3'000 && metric(SLOW) <= slow; ++i) {
    for (int k = 0; k < 15; ++k) stranger.send_event(wire::Resync{largest->chunk});
    std::this_thread::sleep_for(std::chrono::milliseconds(90));
  }
  EXPECT_GT(metric(SLOW), slow);
  EXPECT_GT(metric("everframe_state_dropped_total"), dropped);
  EXPECT_TRUE(no_tunnel_is_left());
}

}  // namespace
}  // namespace everframe::tests
