// A server with several gateways. What would break these: players that see only those of their own gateway,
// an answer that names another gateway's port, a limit that holds for each gateway alone, two sessions of one
// id, a drain that forgets a gateway, figures of one gateway only.
#include <gtest/gtest.h>

#include <set>

#include "server_process.h"
#include "stranger.h"
#include "tunnel_stranger.h"

namespace everframe::tests {
namespace {

constexpr unsigned GATEWAYS = 3;

std::unique_ptr<ServerProcess> with_gateways(std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"--store", "memory:", "--gateways", std::to_string(GATEWAYS)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  for (int attempt = 0; attempt < 20; ++attempt) {  // a port behind the first may be somebody else's
    auto server = std::make_unique<ServerProcess>(EVERFRAMED, arguments);
    if (server->start().empty()) return server;
  }
  return nullptr;
}

std::string sessions_of(unsigned gateway) {
  return "everframe_gateway_sessions{gateway=\"" + std::to_string(gateway) + "\"}";
}

TEST(Gateways, PlayersOfAllSeeEachOtherAndADrainTellsAll) {
  const auto server = with_gateways();
  ASSERT_NE(server, nullptr);
  std::vector<std::unique_ptr<Stranger>> players;
  std::set<std::uint16_t> ports;
  for (unsigned i = 0; i < 2 * GATEWAYS; ++i) {
    players.push_back(std::make_unique<Stranger>(server->url()));
    ASSERT_TRUE(players.back()->enter());
    ports.insert(candidate_of(players.back()->answer).port);
  }
  TunnelStranger tunnel(server->url());
  ASSERT_TRUE(tunnel.enter());
  std::set<std::uint16_t> expected;
  for (unsigned i = 0; i < GATEWAYS; ++i) expected.insert(static_cast<std::uint16_t>(server->udp_port() + i));
  EXPECT_EQ(ports, expected);
  EXPECT_EQ(server->metric(sessions_of(1)), 3) << "with the tunnel";
  for (unsigned i = 2; i <= GATEWAYS; ++i) EXPECT_EQ(server->metric(sessions_of(i)), 2);
  EXPECT_EQ(server->metric("everframe_peers_connected"), 2 * GATEWAYS);
  EXPECT_EQ(server->metric("everframe_players"), 2 * GATEWAYS + 1);
  EXPECT_EQ(server->metric("everframe_connects_total"), 2 * GATEWAYS + 1);

  for (const auto& player : players) {
    EXPECT_TRUE(player->wait([](const Stranger::Heard& heard) {
      std::set<PlayerId> others;
      for (const wire::ServerEvent& event : heard.events) {
        if (const auto* avatar = std::get_if<wire::Avatar>(&event)) others.insert(avatar->player);
      }
      return others.size() == 2 * GATEWAYS && heard.states > 0;
    })) << "not everybody was announced";
  }
  const std::string page = http_get(server->url(), "/v1/actors").body;
  for (const char* line : {"  hub 1 ", "  hub 2 ", "  hub 3 ", "      session 7 "})
    EXPECT_NE(page.find(line), std::string::npos) << page;

  EXPECT_EQ(server->terminate(), 0);
  for (const auto& player : players) {
    EXPECT_TRUE(player->wait([](const Stranger::Heard& heard) {
      const auto* goodbye = heard.last<wire::Goodbye>();
      return goodbye != nullptr && goodbye->reason == wire::GoodbyeReason::DRAINING;
    }));
  }
}

TEST(Gateways, TheServersLimitIsOneForAll) {
  const auto server = with_gateways({"--sessions-max", "4", "--public-address", "127.0.0.1"});
  ASSERT_NE(server, nullptr);
  std::vector<std::unique_ptr<Stranger>> players;
  for (unsigned i = 0; i < 4; ++i) {
    players.push_back(std::make_unique<Stranger>(server->url()));
    ASSERT_TRUE(players.back()->enter());
    EXPECT_EQ(candidate_of(players.back()->answer).port, server->udp_port() + i % GATEWAYS);
  }
  const HttpReply fifth = http_post(server->url(), "/v1/connect", connect_json(fresh_offer()));
  EXPECT_EQ(fifth.status, 503U);
  EXPECT_NE(fifth.body.find("\"full\""), std::string::npos) << fifth.body;
  EXPECT_EQ(server->metric("everframe_connects_refused_total"), 1);
}

TEST(Gateways, PortsBehindTheLastAreRefusedAtStart) {
  const Ended ended = run_to_end(EVERFRAMED, {"--http", "127.0.0.1:0", "--udp", "127.0.0.1:65535", "--store",
                                              "memory:", "--gateways", "2"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.errors.find("--gateways"), std::string::npos) << ended.errors;
}

}  // namespace
}  // namespace everframe::tests
