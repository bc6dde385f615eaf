#include "admin/metrics.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace everframe::admin {

namespace {

class Text {
 public:
  void counter(const char* name, const char* help, std::uint64_t value) { one(name, help, "counter", value); }
  void gauge(const char* name, const char* help, std::uint64_t value) { one(name, help, "gauge", value); }
  void head(const char* name, const char* help, const char* type) {
    fmt::format_to(std::back_inserter(out_), "# HELP everframe_{0} {1}\n# TYPE everframe_{0} {2}\n", name,
                   help, type);
  }
  void labelled(const char* name, const char* label, std::string_view which, std::uint64_t value) {
    fmt::format_to(std::back_inserter(out_), "everframe_{}{{{}=\"{}\"}} {}\n", name, label, which, value);
  }
  void summary(const char* name, const char* help, const Histogram& histogram) {
    head(name, help, "summary");
    for (const double q : {0.5, 0.9, 0.99, 1.0}) {
      fmt::format_to(std::back_inserter(out_), "everframe_{}{{quantile=\"{}\"}} {}\n", name, q,
                     histogram.quantile_ms(q) / 1'000);
    }
    fmt::format_to(std::back_inserter(out_), "everframe_{}_count {}\n", name, histogram.count());
  }
  std::string take() { return std::move(out_); }

 private:
  void one(const char* name, const char* help, const char* type, std::uint64_t value) {
    head(name, help, type);
    fmt::format_to(std::back_inserter(out_), "everframe_{} {}\n", name, value);
  }
  std::string out_;
};

void write(Text& text, const gateway::Figures& figures) {
  text.head("sessions", "Sessions now, by state.", "gauge");
  for (std::size_t i = 0; i < figures.sessions.size(); ++i) {
    text.labelled("sessions", "state", gateway::name_of(static_cast<gateway::SessionState>(i)),
                  figures.sessions[i]);
  }
  static constexpr const char* REASONS[] = {
      "", "left", "draining", "replaced", "protocol_error", "too_slow", "internal", "unavailable"};
  text.head("goodbyes_total", "Sessions ended by the server, by reason.", "counter");
  for (std::size_t i = 1; i < figures.goodbyes.size(); ++i) {
    text.labelled("goodbyes_total", "reason", REASONS[i], figures.goodbyes[i]);
  }
  text.counter("session_crashes_total", "Sessions ended by a bug.", figures.session_crashes);
  text.gauge("tunnels", "Sessions now that a WebSocket carries.", figures.tunnels);
  text.counter("tunnels_opened_total", "Sessions that a WebSocket carried.", figures.tunnels_opened);
  text.counter("unknown_channels_total", "Data channels closed at once: unknown label or kind.",
               figures.unknown_channels);
  text.head("messages_total", "Messages, by channel and direction.", "counter");
  text.labelled("messages_total", "flow", "events_in", figures.events_in);
  text.labelled("messages_total", "flow", "events_out", figures.events_out);
  text.labelled("messages_total", "flow", "state_in", figures.states_in);
  text.labelled("messages_total", "flow", "state_out", figures.states_out);
  text.counter("state_dropped_total", "State messages that gave way to newer ones.", figures.states_dropped);
  text.counter("message_bytes_in_total", "Bytes of messages from clients.", figures.bytes_in);
  text.counter("message_bytes_out_total", "Bytes of messages to clients.", figures.bytes_out);
  const transport::EndpointFigures& line = figures.line;
  text.gauge("peers", "WebRTC peers now.", line.peers);
  text.gauge("peers_connected", "WebRTC peers with an open association.", line.connected);
  text.counter("datagrams_in_total", "UDP datagrams received.", line.datagrams_in);
  text.counter("datagrams_out_total", "UDP datagrams sent.", line.datagrams_out);
  text.counter("datagram_bytes_in_total", "Bytes of UDP datagrams received.", line.bytes_in);
  text.counter("datagram_bytes_out_total", "Bytes of UDP datagrams sent.", line.bytes_out);
  text.counter("datagrams_dropped_total", "UDP datagrams that the kernel did not take.",
               figures.datagrams_dropped);
  text.counter("handshakes_total", "DTLS handshakes completed.", line.handshakes);
  text.counter("peers_timed_out_total", "Peers ended by silence.", line.timed_out);
  text.counter("peers_roamed_total", "Peers that changed their address.", line.roamed);
  text.head("refused_total", "What the transport refused, by kind.", "counter");
  text.labelled("refused_total", "kind", "bad_stun", line.bad_stun);
  text.labelled("refused_total", "kind", "unknown_address", line.unknown_address);
  text.labelled("refused_total", "kind", "bad_record", line.bad_records);
  text.labelled("refused_total", "kind", "bad_fingerprint", line.bad_fingerprints);
  text.labelled("refused_total", "kind", "bad_packet", line.bad_packets);
  text.labelled("refused_total", "kind", "handshake_queue_full", line.handshakes_dropped);
  text.labelled("refused_total", "kind", "crowded_address", line.crowded_addresses);
  text.labelled("refused_total", "kind", "offer", line.offers_refused);
}

void write(Text& text, const region::Figures& figures) {
  text.gauge("frame", "Number of the last durable frame.", figures.frame);
  text.gauge("players", "Players in the world.", figures.sessions);
  text.gauge("players_loaded", "Players in memory.", figures.players_loaded);
  text.gauge("chunks_loaded", "Chunks in memory.", figures.chunks_loaded);
  text.counter("actions_accepted_total", "Actions made durable in the input queue (T1).",
               figures.actions_accepted);
  text.counter("actions_applied_total", "Actions that took effect.", figures.actions_applied);
  text.counter("actions_refused_total", "Actions that the rules refused.", figures.actions_refused);
  text.counter("actions_resent_total", "Actions that came again, and were answered again.", figures.resends);
  text.counter("poses_total", "Poses received.", figures.poses);
  text.counter("poses_refused_total", "Poses refused: too fast, or out of the world.", figures.poses_refused);
  text.counter("pose_ticks_total", "Pose tables made.", figures.ticks);
  text.counter("commit_retries_total", "Commits made again after a conflict or a passing error.",
               figures.conflicts);
  text.counter("commit_unknown_total", "Commits whose result had to be looked up.", figures.unknown_results);
  text.summary("t1_seconds", "First arrival to 'accepted'.", figures.t1);
  text.summary("rules_seconds", "Applying the rules, a frame.", figures.apply);
  text.summary("frame_seconds", "Rules and commit, a frame.", figures.t2);
  text.summary("action_seconds", "An action's arrival to 'applied'.", figures.action);
}

// Gauges, not counters: an actor that is gone for good takes its share along.
void write(Text& text, const std::vector<ActorLine>& lines) {
  const std::vector<ActorLine> actors = by_name(lines);
  const auto each = [&](const char* name, const char* help, auto value) {
    text.head(name, help, "gauge");
    for (const ActorLine& line : actors) text.labelled(name, "actor", line.name, value(line));
  };
  each("actors", "Actors there are.", [](const ActorLine& line) { return line.count; });
  each("actor_starts", "Times that they started.", [](const ActorLine& line) { return line.figures.starts; });
  each("actor_mailbox", "Messages that wait for them.",
       [](const ActorLine& line) { return line.figures.mailbox_length; });
  each("actor_long_turns", "Times that one kept its executor for more than 50 ms.",
       [](const ActorLine& line) { return line.figures.long_turns; });
  each("actor_longest_turn_microseconds", "The longest of these.",
       [](const ActorLine& line) { return line.figures.longest_turn_us; });
  const auto each_kind = [&](const char* name, const char* help, auto value) {
    text.head(name, help, "gauge");
    for (const ActorLine& line : actors) {
      for (const actor::KindFigures& kind : line.figures.kinds)
        text.labelled(name, "actor", fmt::format("{}\",kind=\"{}", line.name, kind.kind), value(kind));
    }
  };
  each_kind("actor_messages", "Messages that they worked on, by kind.",
            [](const actor::KindFigures& kind) { return kind.count; });
  each_kind("actor_microseconds", "Time that these took, estimated from one in 16.",
            [](const actor::KindFigures& kind) { return kind.us; });
}

}  // namespace

std::string metrics_text(const ServerFigures& figures) {
  Text text;
  text.gauge("up_seconds", "Since the server's start.", static_cast<std::uint64_t>(figures.uptime_s));
  text.gauge("gateway_answers", "1: the gateways answered this question in time.",
             figures.gateways_silent ? 0 : 1);
  text.gauge("region_answers", "1: the region answered this question in time.", figures.region ? 1 : 0);
  text.head("http_answers_total", "Answers to HTTP requests and connect WebSockets, by status.", "counter");
  for (const auto& [status, count] : figures.answers)
    text.labelled("http_answers_total", "status", std::to_string(status), count);
  text.gauge("http_connections", "HTTP connections now, tunnels among them.", figures.connections);
  text.counter("http_connections_refused_total",
               "HTTP connections closed at once: too many, or of one address.", figures.connections_refused);
  text.head("tunnels_cut_total", "Tunnels cut below their messages, by what there was too much of.",
            "counter");
  text.labelled("tunnels_cut_total", "kind", "fragments", figures.tunnels_cut.fragments);
  text.labelled("tunnels_cut_total", "kind", "controls", figures.tunnels_cut.controls);
  text.counter("connects_total", "Connect requests.", figures.connects);
  text.counter("connects_refused_total", "Connect requests refused.",
               figures.connects_refused + figures.gateways.connects_refused);
  text.head("gateway_sessions", "Sessions now, by gateway.", "gauge");
  for (std::size_t i = 0; i < figures.sessions_by_gateway.size(); ++i)
    text.labelled("gateway_sessions", "gateway", std::to_string(i + 1), figures.sessions_by_gateway[i]);
  if (!figures.gateways_silent) write(text, figures.gateways);
  if (figures.region) write(text, *figures.region);
  write(text, figures.actors);
  return text.take();
}

std::string health_json(const ServerFigures& figures) {
  boost::json::object out;
  out["status"] = figures.is_well() ? "ok" : "stalled";
  out["uptime_s"] = figures.uptime_s;
  if (figures.region) {
    out["frame"] = figures.region->frame;
    out["players"] = figures.region->sessions;
  }
  return boost::json::serialize(out);
}

}  // namespace everframe::admin
