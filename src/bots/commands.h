// Commands: `everframe bots`, the load generator; `everframe actors`, a server's tree of actors. Exit status:
// 0 all players were in the world, no errors, no duplicates; 1 something went wrong; 2 it could not be run.
// SIGINT and SIGTERM end it early, with a report.
#pragma once

namespace CLI {
class App;
}

namespace everframe::bots {

// The command runs while the command line is parsed, and leaves its exit status in `status`, which outlives
// `app`.
void add_commands(CLI::App& app, int& status);

}  // namespace everframe::bots
