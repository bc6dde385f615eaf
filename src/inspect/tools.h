// The tools themselves: each reads a store and writes lines to `out`; progress goes to `progress`.
#pragma once
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "inspect/history.h"
#include "platform/executor.h"
#include "store/database.h"

namespace everframe::inspect {

enum class Outcome { WELL = 0, FOUND = 1 };

// What a tool works on. All outlive it.
struct Bench {
  store::Database& database;
  platform::Executor& executor;
  std::ostream& out;
  std::ostream& progress;
  const world::Content* content = nullptr;  // names types and items; verify checks more with it
  std::string world;                        // empty: the only one there is
  bool json = false;                        // lines are JSON objects (RFC 8259), one a line
  bool terminal = false;                    // progress goes to a screen
  bool rows_on_screen = false;  // and so does `out`: a dump then shows no progress beside its rows
  bool (*stopped)() = nullptr;  // asked after each page: does the user want dump, count or verify to end?
};

struct DumpFilter {
  std::vector<std::string> kinds;    // of KIND_NAMES; none: all
  std::vector<std::string> key;      // elements of a key's beginning, behind the world's name: "player" "3"
  std::uint64_t limit = UINT64_MAX;  // rows
};
Task<Result<Outcome>> dump(Bench bench, DumpFilter filter);

// Rows and bytes of each kind.
Task<Result<Outcome>> count(Bench bench);

Task<Result<Outcome>> verify_world(Bench bench);

// These need a content pack.
Task<Result<Outcome>> replay_world(Bench bench);
Task<Result<Outcome>> tell_history(Bench bench, HistoryFilter filter);

}  // namespace everframe::inspect
