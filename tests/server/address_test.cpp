// Where a server listens and where it says that it is reached. What would break these: a family that is left
// out, an answer that names what nobody can reach, a NAT's address that is lost or has the wrong port.
#include <gtest/gtest.h>

#include <algorithm>

#include "platform_os/host_addresses.h"
#include "server_process.h"
#include "stranger.h"
#include "tunnel_stranger.h"

namespace everframe::tests {
namespace {

constexpr char NO_IPV6[] = "this machine has no IPv6";

std::vector<Address> candidates(const std::string& url) {
  const HttpReply reply = http_post(url, "/v1/connect", connect_json(fresh_offer()));
  EXPECT_EQ(reply.status, 200U) << reply.body;
  if (reply.status != 200) return {};
  const std::string key = "\"sdp\":\"";
  std::string sdp = reply.body.substr(reply.body.find(key) + key.size());
  sdp.resize(sdp.find('"'));
  for (std::size_t at = 0; (at = sdp.find("\\r\\n", at)) != std::string::npos;) sdp.replace(at, 4, "\r\n");
  return candidates_of(sdp);
}

bool answers(const std::string& url) {
  Stranger stranger(url);
  if (!stranger.enter()) return false;
  stranger.send_event(wire::Ping{7});
  return stranger.wait([](const Stranger::Heard& heard) { return heard.last<wire::Pong>() != nullptr; });
}

TEST(Addresses, OnIpv6PlayersEnterOverBothCarriers) {
  if (!has_ipv6()) GTEST_SKIP() << NO_IPV6;
  ServerProcess server(EVERFRAMED, {"--store", "memory:"}, "[::1]");
  ASSERT_EQ(server.start(), "");
  EXPECT_EQ(candidates(server.url()),
            std::vector{Address::parse("[::1]:" + std::to_string(server.udp_port())).value()});
  EXPECT_TRUE(answers(server.url()));
  TunnelStranger tunnel(server.url());
  EXPECT_TRUE(tunnel.enter());
}

TEST(Addresses, AWildcardTakesBothFamiliesAndNamesTheInterfaces) {
  if (!has_ipv6()) GTEST_SKIP() << NO_IPV6;
  ServerProcess server(EVERFRAMED, {"--store", "memory:"}, "[::]");
  ASSERT_EQ(server.start(), "");
  const std::string port = ":" + std::to_string(server.http_port());
  EXPECT_EQ(http_get("http://127.0.0.1" + port, "/v1/health").status, 200U);
  EXPECT_EQ(http_get("http://[::1]" + port, "/v1/health").status, 200U);
  const std::vector<Address> named = candidates("http://127.0.0.1" + port);
  ASSERT_FALSE(named.empty());
  for (const Address& each : named) {
    EXPECT_FALSE(platform_os::is_unspecified(each));
    EXPECT_EQ(each.port, server.udp_port());
  }
  EXPECT_TRUE(std::any_of(named.begin(), named.end(), [](const Address& each) { return each.is_v4(); }));
  EXPECT_TRUE(answers("http://127.0.0.1" + port));
}

TEST(Addresses, AnIpv4WildcardNamesIpv4Only) {
  ServerProcess server(EVERFRAMED, {"--store", "memory:"}, "0.0.0.0");
  ASSERT_EQ(server.start(), "");
  const std::string url = "http://127.0.0.1:" + std::to_string(server.http_port());
  const std::vector<Address> named = candidates(url);
  ASSERT_FALSE(named.empty());
  for (const Address& each : named) EXPECT_TRUE(each.is_v4() && !platform_os::is_unspecified(each));
  EXPECT_TRUE(answers(url));
}

TEST(Addresses, ANatsAddressesAreNamedAsTheyAreGiven) {
  ServerProcess server(EVERFRAMED,
                       {"--store", "memory:", "--public-address", "203.0.113.5", "--public-address",
                        "[2001:db8::1]", "--public-address", "198.51.100.7:9000"});
  ASSERT_EQ(server.start(), "");
  const std::string port = std::to_string(server.udp_port());
  const std::vector<Address> expected{Address::parse("203.0.113.5:" + port).value(),
                                      Address::parse("[2001:db8::1]:" + port).value(),
                                      Address::parse("198.51.100.7:9000").value()};
  EXPECT_EQ(candidates(server.url()), expected);
}

// A client behind the same NAT as nobody: the first address leads nowhere, the second does.
TEST(Addresses, AClientTriesEachAddressThatTheAnswerNames) {
  ServerProcess server(
      EVERFRAMED, {"--store", "memory:", "--public-address", "127.0.0.1:1", "--public-address", "127.0.0.1"});
  ASSERT_EQ(server.start(), "");
  EXPECT_TRUE(answers(server.url()));
}

}  // namespace
}  // namespace everframe::tests
