#include "inspect/backup_commands.h"

#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"
#include "platform_os/terminal.h"

namespace everframe::inspect {

namespace {

constexpr int COULD_NOT = 2;

struct Arguments {
  BackupEngines engines;
  std::string store;
  std::string file;
};

// Runs `work` on a job, says what became of it.
template <class Work>
int run(const Arguments& arguments, const char* done, Work work) {
  platform_os::OsDisk disk;
  const platform_os::OsClock clock;
  platform_os::note_interrupts();
  const BackupJob job{
      disk, clock, arguments.file, std::cerr, is_progress_terminal(), platform_os::was_interrupted};
  const Result<BackupSum> sum = work(job);
  if (!sum) {
    fmt::print(std::cerr, "{}\n", sum.error().text);
    return COULD_NOT;
  }
  fmt::print(std::cout, "{}: {} rows, version {}, {} bytes in {}\n", done, sum->rows, sum->version,
             sum->bytes, arguments.file);
  return 0;
}

}  // namespace

void add_backup_commands(CLI::App& app, BackupEngines engines, int& status) {
  CLI::App* store = app.get_subcommand("store");
  const auto arguments = std::make_shared<Arguments>();
  arguments->engines = std::move(engines);

  CLI::App* save =
      store->add_subcommand("backup", "the whole store into one file, while it is in use or not");
  save->add_option("--store", arguments->store, "embedded:DIR, or DIR alone")->required();
  save->add_option("--to", arguments->file, "the file, which must not exist")->required();
  save->callback([arguments, &status] {
    status = run(*arguments, "backed up", [&](const BackupJob& job) -> Result<BackupSum> {
      const auto source = arguments->engines.begin_backup(arguments->store);
      if (!source) return tl::unexpected<Error>(source.error());
      return backup(job, **source);
    });
  });

  CLI::App* load = store->add_subcommand("restore", "a backup into a new store; a damaged one is refused");
  load->add_option("--from", arguments->file, "the backup")->required();
  load->add_option("--store", arguments->store, "embedded:DIR, or DIR alone: new, or empty")->required();
  load->callback([arguments, &status] {
    status = run(*arguments, "restored", [&](const BackupJob& job) {
      return restore(job, [&] { return arguments->engines.begin_restore(arguments->store); });
    });
  });
}

}  // namespace everframe::inspect
