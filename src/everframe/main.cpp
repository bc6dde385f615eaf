// everframe: the tools. One line a command.
#include <CLI/CLI.hpp>

#include "everframe/open_store.h"
#include "inspect/backup_commands.h"
#include "inspect/commands.h"

int main(int argc, char** argv) {
  using namespace everframe;
  CLI::App app{"Everframe's tools", "everframe"};
  app.require_subcommand(1);
  int status = 0;
  inspect::add_commands(app, open_store, status);
  inspect::add_backup_commands(app, {begin_backup, begin_restore}, status);
  CLI11_PARSE(app, argc, argv);
  return status;
}
