// transport_bench: floors, cost of a message, memory, joins, and the age of state on bad paths. Medians of
// several rounds; costs are processor time of one thread, so that others on the machine disturb them less.
#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>

#include "transport/measure.h"

int main(int argc, char** argv) {
  using namespace everframe;
  bench::count_openssl();
  CLI::App app{"Everframe's WebRTC transport against its floors", "transport_bench"};
  bench::Settings settings;
  std::string json;
  app.add_option("--json", json, "write the figures to this file");
  app.add_flag("--smoke", settings.smoke, "a few seconds, to see that it runs; its costs mean nothing");
  app.add_option("--rounds", settings.rounds, "of which the medians are taken");
  app.add_option("--peers", settings.peers, "at a time; may be repeated");
  app.add_option("--messages", settings.messages, "of one round");
  app.add_option("--only", settings.only,
                 "floors, links, endpoints, memory, handshakes, age; may be repeated");
  CLI11_PARSE(app, argc, argv);
  if (settings.smoke) {
    settings.rounds = 1;
    settings.peers = {1, 8};
    settings.messages = 400;
    settings.span = std::chrono::seconds(5);
  }
  bench::Report report;
  constexpr std::pair<const char*, bench::Part> PARTS[] = {
      {"floors", bench::bench_floors},         {"links", bench::bench_links},
      {"endpoints", bench::bench_endpoints},   {"memory", bench::bench_memory},
      {"handshakes", bench::bench_handshakes}, {"age", bench::bench_age}};
  for (const auto& [name, part] : PARTS) {
    if (settings.wants(name)) part(settings, report);
  }
  if (!json.empty()) {
    std::ofstream file(json, std::ios::trunc);
    file << boost::json::serialize(report.json()) << '\n';
    if (!file) return 1;
  }
  return 0;
}
