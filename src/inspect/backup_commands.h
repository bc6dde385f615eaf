// The commands `store backup` and `store restore`, for a program's command line.
#pragma once
#include "inspect/backup.h"

namespace CLI {
class App;
}

namespace everframe::inspect {

// The program knows the engines. Each takes what --store says.
struct BackupEngines {
  Function<Result<std::unique_ptr<platform::BackupSource>>(const std::string& store)> begin_backup;
  Function<Result<std::unique_ptr<platform::RestoreTarget>>(const std::string& store)> begin_restore;
};

// Adds them to the command `store`, which is there (inspect/commands.h). As there, the exit status is left in
// `status`.
void add_backup_commands(CLI::App& app, BackupEngines engines, int& status);

}  // namespace everframe::inspect
