// store_bench: commits, conflicts, reads, bulk; each beside its floor in the same run. Medians of several
// rounds. What was measured, and what was chosen by it: docs/decisions/0004-speed-of-the-store.md.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>

#include "store/measure.h"

int main(int argc, char** argv) {
  using namespace everframe;
  CLI::App app{"Everframe's store against its floors", "store_bench"};
  bench::Settings settings;
  std::string json;
  std::string parent = ".";
  app.add_option("--json", json, "write the figures to this file");
  app.add_option("--dir", parent, "where the stores are made and removed: the disk to be measured");
  app.add_flag("--smoke", settings.smoke, "a few seconds, to see that it runs; its figures mean nothing");
  app.add_option("--rounds", settings.rounds, "of which the medians are taken");
  app.add_option("--seconds", settings.seconds, "of one round of commits");
  app.add_option("--rows", settings.rows, "of the store that is read and loaded");
  app.add_option("--keys", settings.keys, "that commits write to at random");
  app.add_option("--in-flight", settings.in_flight, "commits at a time; may be repeated");
  app.add_option("--only", settings.only, "commits, conflicts, reads, bulk; may be repeated");
  CLI11_PARSE(app, argc, argv);
  if (settings.smoke) {
    settings.rounds = 1;
    settings.seconds = 0.05;
    settings.rows = 20'000;
    settings.scan_rows = 5'000;
  }
  settings.directory = fmt::format("{}/store_bench.{}", parent, getpid());
  std::filesystem::create_directories(settings.directory);
  bench::Report report;
  using Part = Result<void> (*)(const bench::Settings&, bench::Report&);
  constexpr std::pair<const char*, Part> PARTS[] = {{"commits", bench::bench_commits},
                                                    {"conflicts", bench::bench_conflicts},
                                                    {"reads", bench::bench_reads},
                                                    {"bulk", bench::bench_bulk}};
  int status = 0;
  for (const auto& [name, part] : PARTS) {
    if (!settings.wants(name)) continue;
    if (const auto done = part(settings, report); !done) {
      fmt::print(stderr, "{}: {}\n", name, done.error().text);
      status = 1;
    }
  }
  std::filesystem::remove_all(settings.directory);
  if (!json.empty()) {
    std::ofstream file(json, std::ios::trunc);
    file << boost::json::serialize(report.json()) << '\n';
    if (!file) status = 1;
  }
  return status;
}
