// Metrics: the server's figures in Prometheus' text format (version 0.0.4), and as a health report.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "admin/actors.h"
#include "admin/tunnel_end.h"
#include "gateway/figures.h"
#include "region/messages.h"

namespace everframe::admin {

struct ServerFigures {
  gateway::Figures gateways;              // of all together
  bool gateways_silent = false;           // one did not answer in time: no figures of any
  std::optional<region::Figures> region;  // absent: likewise
  std::vector<std::size_t> sessions_by_gateway;
  std::uint64_t connects = 0;
  std::uint64_t connects_refused = 0;         // at the door
  std::map<unsigned, std::uint64_t> answers;  // of HTTP and connect WebSockets, by status
  std::uint64_t connections = 0;              // now
  std::uint64_t connections_refused = 0;      // closed at once: too many, of all or of one subscriber
  TunnelsCut tunnels_cut;
  double uptime_s = 0;
  std::vector<ActorLine> actors;

  bool is_well() const { return !gateways_silent && region; }
};

std::string metrics_text(const ServerFigures& figures);
std::string health_json(const ServerFigures& figures);  // {"status":"ok","frame":…,"players":…,…}

}  // namespace everframe::admin
