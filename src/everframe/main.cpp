// everframe: the tools. One line a command.
#include <CLI/CLI.hpp>

#include "bots/commands.h"
#include "everframe/open_store.h"
#include "inspect/backup_commands.h"
#include "inspect/commands.h"
#include "store/fdb_library.h"

int main(int argc, char** argv) {
  using namespace everframe;
  CLI::App app{"Everframe's tools", "everframe"};
  app.require_subcommand(1);
  int status = 0;
  std::string fdb_library = store::FDB_LIBRARY;
  app.add_option("--fdb-library", fdb_library,
                 "FoundationDB's client library, for a store of fdb:CLUSTER_FILE")
      ->envname("EVERFRAME_FDB_LIBRARY")
      ->capture_default_str();
  const auto open = [&](const std::string& target) { return open_store(target, fdb_library); };
  inspect::add_commands(app, open, status);
  inspect::add_backup_commands(app, {begin_backup, begin_restore}, status);
  bots::add_commands(app, status);
  CLI11_PARSE(app, argc, argv);
  return status;
}
