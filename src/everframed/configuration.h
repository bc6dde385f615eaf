// Configuration: what the server is told at start, by flags, a TOML file and environment variables, in that
// order of strength. Everything is checked here: what the rest of the server gets is valid.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"

namespace everframe::everframed {

struct Configuration {
  Address http;
  Address udp;  // of the first gateway; the next ones have the next ports, or any
  // Where clients reach `udp` (NAT), the next gateways at the next ports; port 0: its own. Empty: its own
  // address, or those of all interfaces.
  std::vector<Address> public_addresses;
  std::string store = "embedded:./data";
  std::string fdb_library = "libfdb_c.so";
  std::string world = "main";
  std::uint64_t world_seed = 1;  // of a world that is made now
  std::string content = "content/survival";
  std::string site = "console/dist";
  unsigned state_hz = 30;
  unsigned view_chunks = 4;
  unsigned frame_interval_min_ms = 2;
  unsigned gateways = 1;
  unsigned sessions_max = 5'000;
  unsigned state_kbit_s = 256;
  std::string log_level = "info";
  std::string trace;  // empty: none
  unsigned trace_mb_max = 1'000;
};

// The configuration, or the process's exit status: 0 after --help, 2 after a refusal that was printed.
struct Told {
  std::optional<Configuration> configuration;
  int status = 0;
};
Told read_configuration(int argc, char** argv);

}  // namespace everframe::everframed
