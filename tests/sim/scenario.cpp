#include "scenario.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "world/toml.h"

namespace everframe::sim {

namespace {

const std::map<std::string, Fault::Kind, std::less<>>& fault_kinds() {
  static const std::map<std::string, Fault::Kind, std::less<>> kinds = {
      {"kill", Fault::Kind::KILL},
      {"power", Fault::Kind::POWER},
      {"cut", Fault::Kind::CUT},
      {"disk_full", Fault::Kind::DISK_FULL},
      {"sync_fails", Fault::Kind::SYNC_FAILS},
      {"rot", Fault::Kind::ROT},
      {"hold_up", Fault::Kind::HOLD_UP},
      {"partition", Fault::Kind::PARTITION},
      {"crash", Fault::Kind::CRASH},
      {"crash_each", Fault::Kind::CRASH_EACH},
      {"second_owner", Fault::Kind::SECOND_OWNER},
      {"rebind", Fault::Kind::REBIND},
      {"reconnect", Fault::Kind::RECONNECT},
      {"player_kill", Fault::Kind::PLAYER_KILL},
      {"resend", Fault::Kind::RESEND},
      {"narrow", Fault::Kind::NARROW}};
  return kinds;
}

// Takes keys out of a table; what is left at the end nobody knows.
class Reader {
 public:
  explicit Reader(const toml::table& table) : table_(table) {}

  template <class T>
  void number(const char* key, T& out) {
    if (const toml::node* node = find(key)) {
      const auto value = node->value<double>();
      if (!value || *value < 0) return wrong(key, "a number from 0");
      out = static_cast<T>(*value);
    }
  }
  void flag(const char* key, bool& out) {
    if (const toml::node* node = find(key)) out = node->value_or(false);
  }
  void text(const char* key, std::string& out) {
    if (const toml::node* node = find(key)) out = node->value_or(std::string());
  }
  // One number or a pair, in `unit`.
  void span(const char* key, Duration unit, Duration& low, Duration& high) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const auto in_unit = [unit](double value) {
      return Duration(static_cast<std::int64_t>(value * static_cast<double>(unit.count())));
    };
    if (const auto one = node->value<double>()) {
      low = high = in_unit(*one);
      return;
    }
    const toml::array* pair = node->as_array();
    if (pair == nullptr || pair->size() != 2) return wrong(key, "a number, or two");
    low = in_unit((*pair)[0].value_or(0.0));
    high = in_unit((*pair)[1].value_or(0.0));
    if (low > high) wrong(key, "the lower number first");
  }
  void duration(const char* key, Duration unit, Duration& out) { span(key, unit, out, out); }
  const toml::node* find(const char* key) {
    known_.push_back(key);
    return table_.get(key);
  }
  Result<void> done() const {
    if (!problem_.empty()) return fail("{}", problem_);
    for (const auto& [key, value] : table_) {
      if (std::find(known_.begin(), known_.end(), key.str()) == known_.end())
        return fail("nobody knows the key \"{}\"", key.str());
    }
    return {};
  }

 private:
  void wrong(const char* key, const char* wanted) { problem_ = fmt::format("{}: give {}", key, wanted); }

  const toml::table& table_;
  std::vector<std::string> known_;
  std::string problem_;
};

Result<void> read_network(const toml::table& table, platform_sim::SimulatedNetwork::Conditions& out) {
  Reader in(table);
  in.span("latency_ms", 1ms, out.latency_low, out.latency_high);
  in.number("loss_permille", out.loss_permille);
  in.number("duplicate_permille", out.duplicate_permille);
  in.number("damage_permille", out.damage_permille);
  in.number("straggler_permille", out.straggler_permille);
  in.duration("straggler_ms", 1ms, out.straggler_by);
  return in.done();
}

Result<void> read_disk(const toml::table& table, Scenario& out) {
  Reader in(table);
  in.span("operation_us", 1us, out.disk.operation_low, out.disk.operation_high);
  in.span("sync_us", 1us, out.disk.sync_low, out.disk.sync_high);
  in.number("stall_permille", out.disk.stall_permille);
  in.duration("stall_ms", 1ms, out.disk.stall);
  in.flag("tears", out.tearing_disk);
  in.number("log_segment_kb", out.log_segment_kb);
  return in.done();
}

Result<void> read_store(const toml::table& table, embedded::Faults& out) {
  Reader in(table);
  in.span("read_version_us", 1us, out.read_version.low, out.read_version.high);
  in.span("read_us", 1us, out.read.low, out.read.high);
  in.span("commit_us", 1us, out.commit.low, out.commit.high);
  in.number("too_old_permille", out.too_old_permille);
  in.number("conflict_permille", out.conflict_permille);
  in.number("unknown_applied_permille", out.unknown_applied_permille);
  in.number("unknown_lost_permille", out.unknown_lost_permille);
  return in.done();
}

Result<Fault> read_fault(const toml::table& table) {
  Fault out;
  std::string kind;
  Reader in(table);
  in.text("kind", kind);
  in.span("every_ms", 1ms, out.every.low, out.every.high);
  in.span("lasts_ms", 1ms, out.lasts.low, out.lasts.high);
  in.duration("from_ms", 1ms, out.from);
  in.text("actor", out.actor);
  if (auto done = in.done(); !done) return tl::unexpected<Error>(done.error());
  const auto found = fault_kinds().find(kind);
  if (found == fault_kinds().end()) return fail("nobody knows the fault \"{}\"", kind);
  if (out.every.high <= Duration(0)) return fail("fault \"{}\": every_ms is missing", kind);
  out.kind = found->second;
  return out;
}

Result<void> read(const toml::table& table, Scenario& out) {
  Reader in(table);
  in.text("about", out.about);
  in.duration("length_ms", 1ms, out.length);
  in.number("players", out.players);
  in.duration("joining_ms", 1ms, out.joining);
  in.number("actions_a_second", out.actions_a_second);
  in.number("poses_a_second", out.poses_a_second);
  in.number("gateways", out.gateways);
  in.number("tunnels_permille", out.tunnels_permille);
  in.number("hold_up_permille", out.pace.hold_up_permille);
  in.duration("hold_up_ms", 1ms, out.pace.hold_up_max);
  const auto section = [&in](const char* name, auto reader) -> Result<void> {
    const toml::node* node = in.find(name);
    if (node == nullptr) return {};
    if (!node->is_table()) return fail("[{}] is no table", name);
    auto done = reader(*node->as_table());
    return done ? done : fail("[{}]: {}", name, done.error().text);
  };
  if (auto r = section("network", [&](const toml::table& t) { return read_network(t, out.network); }); !r)
    return r;
  if (auto r = section("disk", [&](const toml::table& t) { return read_disk(t, out); }); !r) return r;
  if (auto r = section("store", [&](const toml::table& t) { return read_store(t, out.store); }); !r) return r;
  if (const toml::node* faults = in.find("fault")) {
    if (!faults->is_array_of_tables()) return fail("fault: write [[fault]]");
    for (const toml::node& each : *faults->as_array()) {
      auto fault = read_fault(*each.as_table());
      if (!fault) return tl::unexpected<Error>(fault.error());
      out.faults.push_back(std::move(*fault));
    }
  }
  return in.done();
}

}  // namespace

Result<Scenario> read_scenario(const std::string& path) {
  const toml::parse_result parsed = toml::parse_file(path);
  if (!parsed) return fail("{}: {}", path, parsed.error().description());
  Scenario out;
  out.name = std::filesystem::path(path).stem();
  if (auto done = read(parsed.table(), out); !done) return fail("{}: {}", path, done.error().text);
  return out;
}

Result<std::vector<Scenario>> read_scenarios(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".toml") paths.push_back(entry.path());
  }
  if (error || paths.empty()) return fail("{}: there is no scenario in it", directory);
  std::sort(paths.begin(), paths.end());
  std::vector<Scenario> out;
  for (const std::string& path : paths) {
    auto scenario = read_scenario(path);
    if (!scenario) return tl::unexpected<Error>(scenario.error());
    out.push_back(std::move(*scenario));
  }
  return out;
}

}  // namespace everframe::sim
