#include "everframed/configuration.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace everframe::everframed {

namespace {

// An option with a range in its help, by flag, by name in the file, and by EVERFRAME_NAME in the environment.
template <class T>
CLI::Option* option(CLI::App& app, const std::string& name, T& value, const std::string& what) {
  std::string variable = "EVERFRAME_";
  for (const char c : name) variable += c == '-' ? '_' : static_cast<char>(std::toupper(c));
  return app.add_option("--" + name, value, what)->envname(variable)->capture_default_str();
}

std::string check_address(const std::string& text) {
  const auto address = Address::parse(text);
  return address ? std::string() : "\"" + text + "\": " + address.error().text;
}

std::string check_store(const std::string& text) {
  if (text.starts_with("embedded:") && text.size() > 9) return {};
  if (text.starts_with("memory:")) return {};
  if (text.starts_with("fdb:") && text.size() > 4) return {};
  return "\"" + text + "\": must be embedded:DIR, memory: or fdb:CLUSTER_FILE";
}

// "203.0.113.5", "2001:db8::1", or "203.0.113.5:9000", "[2001:db8::1]:9000"; without a port it has port 0.
Result<Address> public_address(const std::string& text) {
  for (const std::string& form : {text, text + ":0"}) {
    if (auto address = Address::parse(form)) return address;
  }
  return Address::parse("[" + text + "]:0");  // CLI11 takes brackets around all of it off
}
std::string check_public_address(const std::string& text) {
  return public_address(text) ? std::string()
                              : "\"" + text + "\": must be an IP address, or IP:PORT with IPv6 in brackets";
}

bool room_for_ports(const Configuration& c) {
  const auto fits = [&c](const Address& first) { return first.port + c.gateways - 1 <= 65'535; };
  return fits(c.udp) && std::all_of(c.public_addresses.begin(), c.public_addresses.end(), fits);
}

}  // namespace

Told read_configuration(int argc, char** argv) {
  Configuration c;
  std::string http = "127.0.0.1:8080";
  std::string udp = "127.0.0.1:8081";
  std::vector<std::string> public_ips;
  CLI::App app(
      "everframed: a durable world that players enter over WebRTC.\n"
      "Each option may also stand in the TOML file (world-seed = 7) or in the environment\n"
      "(EVERFRAME_WORLD_SEED=7). Flags win over the file, the file over the environment.");
  app.set_config("--config", "", "TOML file with these options")->envname("EVERFRAME_CONFIG");
  app.allow_config_extras(CLI::config_extras_mode::error);
  option(app, "http", http, "where HTTP listens: signaling, playground, metrics; [::]:PORT takes IPv4 too")
      ->check(check_address, "ADDR:PORT");
  option(
      app, "udp", udp,
      "where WebRTC listens, each gateway after the first one port higher; port 0: any free one; [::]:PORT "
      "takes IPv4 too")
      ->check(check_address, "ADDR:PORT");
  option(
      app, "public-address", public_ips,
      "where clients reach --udp, if not at its own addresses (NAT), each gateway after the first one port "
      "higher; may be given several times")
      ->check(check_public_address, "IP[:PORT]");
  option(app, "store", c.store,
         "embedded:DIR (durable), memory: (forgets) or fdb:CLUSTER_FILE (a FoundationDB cluster)")
      ->check(check_store, "STORE");
  option(app, "fdb-library", c.fdb_library, "FoundationDB's client library, for a store of fdb:");
  option(app, "world", c.world, "name of the world in the store");
  option(app, "world-seed", c.world_seed, "seed of a world that is made now; ignored if it exists");
  option(app, "content", c.content, "folder of the content pack (TOML)");
  option(app, "site", c.site, "folder of the web pages to serve (the playground)");
  option(app, "state-hz", c.state_hz, "pose messages a second to each player")->check(CLI::Range(1, 120));
  option(app, "view-chunks", c.view_chunks, "how far a player sees, in chunks of 32 m")
      ->check(CLI::Range(1, 16));
  option(app, "frame-interval-min-ms", c.frame_interval_min_ms, "least time between two frames' starts, ms")
      ->check(CLI::Range(0, 1'000));
  option(app, "gateways", c.gateways, "threads that serve WebRTC and tunnels, each on a UDP port of its own")
      ->check(CLI::Range(1, 64));
  option(app, "sessions-max", c.sessions_max, "players at once")->check(CLI::Range(1, 100'000));
  option(app, "state-kbit-s", c.state_kbit_s, "budget of pose messages to one player, kbit/s")
      ->check(CLI::Range(32, 100'000));
  option(app, "trace", c.trace, "append each step of region and gateway to this file (spec/README.md)");
  option(app, "trace-mb-max", c.trace_mb_max, "size of --trace's file that this process writes, MB")
      ->check(CLI::Range(1, 1'000'000));
  option(app, "log-level", c.log_level, "least level of what is logged to standard error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return {std::nullopt, status == 0 ? 0 : 2};
  }
  c.http = *Address::parse(http);
  c.udp = *Address::parse(udp);
  for (const std::string& text : public_ips) c.public_addresses.push_back(*public_address(text));
  if (!room_for_ports(c)) {
    fmt::print(stderr,
               "--gateways: {} of them need ports behind 65535: lower those of --udp and "
               "--public-address\n",
               c.gateways);
    return {std::nullopt, 2};
  }
  return {c, 0};
}

}  // namespace everframe::everframed
