// A crowd's report, for machines and for people.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "bots/crowd.h"

namespace everframe::bots {

namespace {

namespace json = boost::json;

json::object spread_of(const Histogram& histogram) {
  return {{"n", histogram.count()},
          {"p50", histogram.quantile_ms(0.50)},
          {"p99", histogram.quantile_ms(0.99)},
          {"max", histogram.max_ms()}};
}

// Per player and second.
double share(const Report& report, std::uint64_t count) {
  const double spans = report.seconds * static_cast<double>(report.players_connected);
  return spans > 0 ? static_cast<double>(count) / spans : 0;
}

double rate(const Report& report, std::uint64_t count) {
  return report.seconds > 0 ? static_cast<double>(count) / report.seconds : 0;
}

std::string line_of(const char* name, const Histogram& histogram) {
  return fmt::format("  {:<20} p50 {:8.2f}   p99 {:8.2f}   max {:8.2f} ms   (n {})\n", name,
                     histogram.quantile_ms(0.50), histogram.quantile_ms(0.99), histogram.max_ms(),
                     histogram.count());
}

}  // namespace

void Figures::add(const Figures& other) {
  connect_failures += other.connect_failures;
  losses += other.losses;
  protocol_errors += other.protocol_errors;
  contradictions += other.contradictions;
  unanswered += other.unanswered;
  duplicates += other.duplicates;
  refused += other.refused;
  turned_away += other.turned_away;
  sent += other.sent;
  applied += other.applied;
  returns += other.returns;
  resyncs += other.resyncs;
  moved += other.moved;
}

std::string json_of(const Report& report) {
  const Figures& measured = report.measured;
  const Figures& all = report.all;
  json::object out{{"scenario", "survivors"},
                   {"players_asked", report.players_asked},
                   {"players_connected", report.players_connected},
                   {"seconds", report.seconds},
                   {"stopped", report.stopped},
                   {"errors", all.errors()},
                   {"errors_by_kind", json::object{{"connect_failures", all.connect_failures},
                                                   {"losses", all.losses},
                                                   {"protocol_errors", all.protocol_errors},
                                                   {"contradictions", all.contradictions},
                                                   {"unanswered", all.unanswered}}},
                   {"refused", all.refused},
                   {"duplicates", all.duplicates},
                   {"actions_sent", all.sent},
                   {"actions_applied", all.applied},
                   {"turned_away", all.turned_away},
                   {"returns", all.returns},
                   {"resyncs", all.resyncs},
                   {"poses_not_taken", all.moved},
                   {"bytes_down_per_player_s", share(report, measured.bytes_down)},
                   {"bytes_up_per_player_s", share(report, measured.bytes_up)},
                   {"messages_down_s", rate(report, measured.messages_down)},
                   {"messages_up_s", rate(report, measured.messages_up)},
                   {"datagrams_down_s", rate(report, measured.datagrams_down)},
                   {"datagrams_up_s", rate(report, measured.datagrams_up)},
                   {"actions_s", rate(report, measured.applied + measured.refused)},
                   {"connect_ms", spread_of(measured.connect)},
                   {"input_to_state_ms", spread_of(measured.input_to_state)},
                   {"action_to_accepted_ms", spread_of(measured.action_to_accepted)},
                   {"action_to_applied_ms", spread_of(measured.action_to_applied)}};
  if (report.failure) out["failure"] = *report.failure;
  return json::serialize(out);
}

std::string text_of(const Report& report) {
  if (report.failure) return fmt::format("not run: {}\n", *report.failure);
  const Figures& measured = report.measured;
  const Figures& all = report.all;
  std::string out =
      fmt::format("{} of {} players in the world, {:.1f} s measured{}\n", report.players_connected,
                  report.players_asked, report.seconds, report.stopped ? ", stopped before its time" : "");
  out += fmt::format("  messages a second    {:8.0f} up   {:8.0f} down\n", rate(report, measured.messages_up),
                     rate(report, measured.messages_down));
  out += fmt::format("  bytes/s a player     {:8.0f} up   {:8.0f} down   (UDP payload)\n",
                     share(report, measured.bytes_up), share(report, measured.bytes_down));
  out += fmt::format("  actions a second     {:8.1f}\n", rate(report, measured.applied + measured.refused));
  out += line_of("connect", measured.connect);
  out += line_of("input -> state", measured.input_to_state);
  out += line_of("action -> accepted", measured.action_to_accepted);
  out += line_of("action -> applied", measured.action_to_applied);
  out += fmt::format("  applied {}, refused {}, turned away {}, duplicates {}, errors {}", all.applied,
                     all.refused, all.turned_away, all.duplicates, all.errors());
  if (all.errors() > 0) {
    out += fmt::format(
        " (connect failures {}, losses {}, protocol errors {}, contradictions {}, unanswered {})",
        all.connect_failures, all.losses, all.protocol_errors, all.contradictions, all.unanswered);
  }
  return out + "\n";
}

}  // namespace everframe::bots
