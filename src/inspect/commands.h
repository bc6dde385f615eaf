// Commands: the tools over a stored world, for a program's command line.
//   store dump|get|count|verify, replay, history, trace
// Exit status: 0 done and well; 1 verify found something, or replay came out otherwise; 2 it could not be
// done. Threads: a command runs on an executor of its own, on the caller's thread, until it is done.
#pragma once
#include <memory>
#include <string>

#include "base/function.h"
#include "store/database.h"

namespace CLI {
class App;
}

namespace everframe::inspect {

// Opens the store that --store names; the program knows the engines.
using OpenStore = Function<Result<std::unique_ptr<store::Database>>(const std::string& target)>;

// Adds the commands to `app`. The one that is given runs while the command line is parsed, and leaves its
// exit status in `status`, which outlives `app`.
void add_commands(CLI::App& app, OpenStore open, int& status);

}  // namespace everframe::inspect
