// everframe_simulator: runs of the whole server under a deterministic simulation. docs/simulator.md.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>

#include "base/planted.h"
#include "inspect/content_pack.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"
#include "town.h"

namespace everframe::sim {

namespace {

constexpr std::size_t EVENTS_SHOWN = 60;  // of a failure

struct Request {
  std::string scenario = "all";
  std::uint64_t seed = 1;
  unsigned seeds = 1;
  unsigned minutes = 0;
  bool twice = false;
  bool print = false;
  bool negative_controls = false;
};

struct World {
  world::Content content;
  bots::Pack pack;
};

std::vector<wire::Stack> stacks_of(const std::vector<world::ItemCount>& counts) {
  std::vector<wire::Stack> out;
  for (const world::ItemCount& each : counts) out.push_back({each.item, each.count});
  return out;
}

// What GET /v1/content would tell a player.
bots::Pack pack_of(const world::Content& content) {
  bots::Pack pack;
  for (std::size_t i = 0; i < content.entities.size(); ++i) {
    const world::EntityDef& def = content.entities[i];
    bots::Pack::Thing thing;
    thing.kind = world::kind_name(def.kind);
    thing.radius_mm = def.radius_mm;
    thing.height_mm = def.height_mm;
    thing.harvestable = def.harvesting.has_value();
    thing.tool_required = def.harvesting && def.harvesting->tool_required;
    thing.collectable = def.collectable;
    thing.toggles = def.toggles;
    pack.things.push_back(std::move(thing));
    if (def.build_cost)
      pack.buildables.push_back({EntityType{static_cast<std::uint16_t>(i)}, stacks_of(*def.build_cost)});
  }
  for (const world::RecipeDef& recipe : content.recipes)
    pack.recipes.push_back({stacks_of(recipe.inputs), recipe.station});
  pack.reach_mm = content.rules.reach_mm;
  pack.speed_mm_s = content.rules.speed_mm_s;
  pack.world_size_mm = content.rules.world_size_mm;
  return pack;
}

Result<World> read_world() {
  platform_os::OsDisk disk;
  auto content = inspect::read_content_pack(disk, "tests/sim/content");
  if (!content) return tl::unexpected<Error>(content.error());
  bots::Pack pack = pack_of(*content);
  return World{std::move(*content), std::move(pack)};
}

Outcome run_once(const Scenario& scenario, std::uint64_t seed, const World& world, bool print) {
  Town town(scenario, seed, world.content, world.pack, print);
  return town.run();
}

void print_failure(const Scenario& scenario, std::uint64_t seed, const Outcome& outcome) {
  fmt::print("FAILED: scenario {}, seed {}\n", scenario.name, seed);
  for (const Finding& finding : outcome.findings) fmt::print("  {}: {}\n", finding.checker, finding.text);
  fmt::print("the last events:\n");
  const auto& events = outcome.last_events;
  for (std::size_t i = events.size() - std::min(events.size(), EVENTS_SHOWN); i < events.size(); ++i)
    fmt::print("  {}\n", events[i]);
  fmt::print("again: make sim SCENARIO={} SEED={}\n", scenario.name, seed);
}

// True: all is as it must be.
bool try_seed(const Scenario& scenario, std::uint64_t seed, const World& world, const Request& request) {
  if (request.print) fmt::print("scenario {}, seed {}\n", scenario.name, seed);
  Outcome outcome = run_once(scenario, seed, world, request.print);
  bool good = outcome.findings.empty();
  if (!good) print_failure(scenario, seed, outcome);
  if (request.twice) {
    const Outcome again = run_once(scenario, seed, world, false);
    if (again.hash != outcome.hash) {
      good = false;
      fmt::print("FAILED: scenario {}, seed {}: two runs differ, {:016x} and {:016x}\n", scenario.name, seed,
                 outcome.hash, again.hash);
    }
  }
  fmt::print(
      "scenario {}, seed {}: {} trace {:016x}, {:.1f} s, {} steps, {} frames, {} actions ({} applied), {} "
      "lives, "
      "{} crashes, {} transactions\n",
      scenario.name, seed, good ? "good," : "FAILED,", outcome.hash,
      static_cast<double>(outcome.ended.time_since_epoch().count()) / 1e6, outcome.steps, outcome.frames,
      outcome.answered, outcome.applied, outcome.lives, outcome.crashes, outcome.transactions);
  std::fflush(stdout);
  return good;
}

int run_seeds(const std::vector<Scenario>& scenarios, const World& world, const Request& request) {
  bool good = true;
  for (const Scenario& scenario : scenarios) {
    for (unsigned i = 0; i < request.seeds; ++i)
      good = try_seed(scenario, request.seed + i, world, request) && good;
  }
  return good ? 0 : 1;
}

// Seeds beyond those of the tests, in turn through all scenarios, until the time is up or one fails.
int soak(const std::vector<Scenario>& scenarios, const World& world, Request request) {
  const platform_os::OsClock clock;
  platform_os::OsEntropy entropy;
  const Time began = clock.now();
  std::uint64_t seed = entropy.u64() >> 16;
  std::uint64_t seeds = 0;
  bool good = true;
  while (good && clock.now() - began < std::chrono::minutes(request.minutes)) {
    good = try_seed(scenarios[seeds % scenarios.size()], seed++, world, request);
    ++seeds;
  }
  const double hours = static_cast<double>((clock.now() - began).count()) / 3.6e9;
  fmt::print("{} seeds, {:.0f} an hour{}\n", seeds, static_cast<double>(seeds) / hours,
             good ? "" : "; the last one FAILED");
  return good ? 0 : 1;
}

#ifdef EVERFRAME_PLANTED

struct Control {
  Planted bug;
  const char* name;
  const char* scenario;  // where it shows
};
constexpr Control CONTROLS[] = {
    {Planted::DUPE, "an item is doubled", "calm"},
    {Planted::LOST_COMMIT, "a frame is shown that was never written", "calm"},
    {Planted::SHOWN_EARLY, "a frame is shown before its commit", "slow_store"},
    {Planted::STALE_OWNER, "an owner that lost the region writes on", "second_owner"},
    {Planted::SWALLOWED_RESEND, "an action that comes again gets no answer", "bad_network"},
    {Planted::SECOND_EFFECT, "an action that comes again has a second effect", "resend"},
    {Planted::SKIPPED_CHANGE, "a watcher misses a change", "calm"},
    {Planted::SPOKE_AFTER_GOODBYE, "a session speaks after its goodbye", "calm"},
    {Planted::OTHER_DICE, "a frame's record names other dice", "calm"},
    {Planted::FORGOTTEN_LEDGER, "items come without a ledger entry", "calm"},
    {Planted::NO_SYNC, "the log is not synced", "power"},
    {Planted::BLIND_RESOLVER, "conflicting transactions are let through", "second_owner"},
};
constexpr unsigned SEEDS_A_BUG = 40;

int negative_controls(const std::vector<Scenario>& scenarios, const World& world) {
  bool good = true;
  for (const Control& control : CONTROLS) {
    const auto scenario = std::find_if(scenarios.begin(), scenarios.end(),
                                       [&](const Scenario& each) { return each.name == control.scenario; });
    EF_ASSERT(scenario != scenarios.end());
    unsigned seed = 0;
    Findings findings;
    planted = control.bug;
    while (findings.empty() && seed < SEEDS_A_BUG)
      findings = run_once(*scenario, ++seed, world, false).findings;
    planted = Planted::NOTHING;
    if (findings.empty()) {
      good = false;
      fmt::print("FAILED: nobody noticed in {} seeds of {}: {}\n", seed, scenario->name, control.name);
    } else {
      fmt::print("{}: noticed with seed {} of {} by {}: {}\n", control.name, seed, scenario->name,
                 findings.front().checker, findings.front().text);
    }
    std::fflush(stdout);
  }
  // And with nothing planted the same program finds nothing.
  for (const Scenario& scenario : scenarios) good = try_seed(scenario, 1, world, {}) && good;
  return good ? 0 : 1;
}

#endif

int run(const Request& request) {
  const auto world = read_world();
  auto scenarios = read_scenarios("tests/sim/scenarios");
  if (!world || !scenarios) {
    fmt::print(stderr, "{}\n", !world ? world.error().text : scenarios.error().text);
    return 2;
  }
#ifdef EVERFRAME_PLANTED
  if (request.negative_controls) return negative_controls(*scenarios, *world);
#endif
  if (request.scenario != "all")
    std::erase_if(*scenarios, [&](const Scenario& each) { return each.name != request.scenario; });
  if (scenarios->empty()) {
    fmt::print(stderr, "there is no tests/sim/scenarios/{}.toml\n", request.scenario);
    return 2;
  }
  return request.minutes > 0 ? soak(*scenarios, *world, request) : run_seeds(*scenarios, *world, request);
}

}  // namespace

}  // namespace everframe::sim

int main(int argc, char** argv) {
  everframe::sim::Request request;
  CLI::App app{"Runs of the whole server under a deterministic simulation; from the project's root."};
  app.add_option("--scenario", request.scenario, "of tests/sim/scenarios, or all");
  app.add_option("--seed", request.seed, "the first");
  app.add_option("--seeds", request.seeds, "how many");
  app.add_option("--minutes", request.minutes, "go on with ever new seeds for so long");
  app.add_flag("--twice", request.twice, "run each seed twice and compare the traces");
  app.add_flag("--print", request.print, "tell what happens");
#ifdef EVERFRAME_PLANTED
  app.add_flag("--negative-controls", request.negative_controls, "plant one bug after the other");
#endif
  CLI11_PARSE(app, argc, argv);
  return everframe::sim::run(request);
}
