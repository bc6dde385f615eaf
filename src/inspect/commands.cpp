#include "inspect/commands.h"

#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "inspect/content_pack.h"
#include "inspect/progress.h"
#include "inspect/tools.h"
#include "inspect/trace.h"
#include "platform_os/asio_executor.h"
#include "platform_os/os_disk.h"
#include "platform_os/terminal.h"

namespace everframe::inspect {

namespace {

constexpr int COULD_NOT = 2;

// What all commands take, and each its own; kept by the callbacks of the command line.
struct Arguments {
  OpenStore open;
  std::string store;
  std::string world;
  std::string content;
  std::string json;
  std::string trace;
  DumpFilter dump;
  HistoryFilter history;
  std::uint64_t entity = 0;
  std::uint64_t player = 0;
  std::uint64_t first = 1;
  std::uint64_t last = UINT64_MAX;
  std::vector<std::int32_t> area;
};

struct Tool {
  Function<Task<Result<Outcome>>(Bench)> run;
  bool may_stop = false;  // an interrupt ends it between two pages, and the store is closed as ever
};

Result<Outcome> work(const Arguments& arguments, const Tool& tool) {
  platform_os::OsDisk disk;
  std::optional<world::Content> content;
  if (!arguments.content.empty()) {
    auto read = read_content_pack(disk, arguments.content);
    if (!read) return tl::unexpected<Error>(read.error());
    content = std::move(*read);
  }
  std::ofstream file;
  const bool to_file = !arguments.json.empty() && arguments.json != "-";
  if (to_file) file.open(arguments.json, std::ios::trunc);
  if (to_file && !file) return fail("{} cannot be written", arguments.json);
  const auto database = arguments.open(arguments.store);
  if (!database) return tl::unexpected<Error>(database.error());

  platform_os::AsioExecutor executor("inspect");
  const Bench bench{**database,
                    executor,
                    to_file ? file : std::cout,
                    std::cerr,
                    content ? &*content : nullptr,
                    arguments.world,
                    !arguments.json.empty(),
                    is_progress_terminal(),
                    !to_file && is_output_terminal(),
                    tool.may_stop ? platform_os::was_interrupted : nullptr};
  if (tool.may_stop) platform_os::note_interrupts();
  Result<Outcome> outcome = fail("it was not run");
  const auto run = [&]() -> Task<void> { outcome = co_await tool.run(bench); };
  executor.post([&] {
    spawn(run(), [&](std::exception_ptr error) {
      try {
        if (error) std::rethrow_exception(error);
      } catch (const std::exception& bug) {
        outcome = fail("a bug of ours: {}", bug.what());
      }
      executor.stop();
    });
  });
  executor.run();
  bench.out.flush();
  if (!bench.out) return fail("{} could not be written to its end", to_file ? arguments.json : "the output");
  return outcome;
}

// Adds a command that runs `tool`.
CLI::App* add(CLI::App& to, const char* name, const char* about, std::shared_ptr<Arguments> arguments,
              int& status, std::shared_ptr<Tool> tool, bool needs_content = false) {
  CLI::App* command = to.add_subcommand(name, about);
  command->add_option("--store", arguments->store, "embedded:DIR, DIR alone, or fdb:CLUSTER_FILE")
      ->required();
  command->add_option("--world", arguments->world, "the world's name; the only one if left out");
  auto* content =
      command->add_option("--content", arguments->content, "folder of the content pack: names things");
  if (needs_content) content->required();
  command->add_option("--json", arguments->json, "write JSON lines to this file; - for the output");
  command->callback([arguments, &status, tool] {
    const Result<Outcome> outcome = work(*arguments, *tool);
    if (!outcome) fmt::print(std::cerr, "{}\n", outcome.error().text);
    status = outcome ? static_cast<int>(*outcome) : COULD_NOT;
  });
  return command;
}

using Run = Function<Task<Result<Outcome>>(Bench)>;
std::shared_ptr<Tool> keep(Run run, bool may_stop = false) {
  return std::make_shared<Tool>(Tool{std::move(run), may_stop});
}

// A file of its own, no store.
int trace(const std::string& path) {
  std::ifstream in(path);
  if (!in) {
    fmt::print(std::cerr, "{} cannot be read\n", path);
    return COULD_NOT;
  }
  const auto verdict = check_trace(in);
  if (!verdict) {
    fmt::print(std::cerr, "{}: {}\n", path, verdict.error().text);
    return COULD_NOT;
  }
  fmt::print("{} steps, {} frames, {} answers{}: {}\n", verdict->lines, verdict->frames, verdict->answers,
             verdict->cut ? ", cut at its limit" : "",
             verdict->complaint.empty() ? "all are licensed" : "NOT licensed, " + verdict->complaint);
  return static_cast<int>(verdict->complaint.empty() ? Outcome::WELL : Outcome::FOUND);
}

HistoryFilter filter_of(const Arguments& arguments) {
  HistoryFilter filter = arguments.history;
  if (arguments.entity != 0) filter.entity = EntityId{arguments.entity};
  if (arguments.player != 0) filter.player = PlayerId{arguments.player};
  filter.first = FrameNo{arguments.first};
  filter.last = FrameNo{arguments.last};
  if (!arguments.area.empty()) {
    filter.area = Area{{arguments.area[0], 0, arguments.area[1]}, arguments.area[2]};
  }
  return filter;
}

}  // namespace

void add_commands(CLI::App& app, OpenStore open, int& status) {
  const auto arguments = std::make_shared<Arguments>();
  arguments->open = std::move(open);
  CLI::App* store = app.add_subcommand("store", "look into a stored world, also one that a server has open");
  store->require_subcommand(1);

  auto* dump_command = add(*store, "dump", "all rows, decoded", arguments, status,
                           keep([arguments](Bench bench) { return dump(bench, arguments->dump); }, true));
  dump_command->add_option("--kind", arguments->dump.kinds, "only rows of this kind; may be repeated");
  dump_command->add_option("--limit", arguments->dump.limit, "at most so many rows");
  auto* get_command = add(*store, "get", "the rows whose key begins so: get player 3", arguments, status,
                          keep([arguments](Bench bench) { return dump(bench, arguments->dump); }, true));
  get_command->add_option("key", arguments->dump.key, "elements of the key")->required();
  add(*store, "count", "rows and bytes of each kind", arguments, status,
      keep([](Bench bench) { return count(bench); }, true));
  add(*store, "verify", "checks all rows against each other; exit status 1 if something is wrong", arguments,
      status, keep([](Bench bench) { return verify_world(bench); }, true));

  CLI::App* trace_command = app.add_subcommand(
      "trace", "checks a file of everframed --trace; exit status 1 if a step is not licensed");
  trace_command->add_option("file", arguments->trace, "the file")->required();
  trace_command->callback([arguments, &status] { status = trace(arguments->trace); });

  add(app, "replay", "makes the world again from its seed and frame log, and compares", arguments, status,
      keep([](Bench bench) { return replay_world(bench); }), true);
  auto* history_command =
      add(app, "history", "who did what", arguments, status,
          keep([arguments](Bench bench) { return tell_history(bench, filter_of(*arguments)); }), true);
  history_command->add_option("--entity", arguments->entity, "at this entity");
  history_command->add_option("--player", arguments->player, "by this player");
  history_command->add_option("--area", arguments->area, "X Z RADIUS, millimetres")->expected(3);
  history_command->add_option("--from", arguments->first, "first frame");
  history_command->add_option("--to", arguments->last, "last frame");
  history_command->add_flag("--moves", arguments->history.moves, "where bodies walked, too");
}

}  // namespace everframe::inspect
