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
  std::optional<gateway::Figures> gateway;  // absent: it did not answer in time
  std::optional<region::Figures> region;
  std::map<unsigned, std::uint64_t> answers;  // of HTTP and connect WebSockets, by status
  std::uint64_t connections = 0;              // now
  std::uint64_t connections_refused = 0;      // closed at once: too many, of all or of one subscriber
  TunnelsCut tunnels_cut;
  double uptime_s = 0;
  std::vector<ActorLine> actors;
};

std::string metrics_text(const ServerFigures& figures);
std::string health_json(const ServerFigures& figures);  // {"status":"ok","frame":…,"players":…,…}

}  // namespace everframe::admin
