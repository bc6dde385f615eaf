// A client sees some of a session's states; between two that it saw there must be a way through the table of
// spec/session_states.md. What it was told while it was in none of the states in which a server speaks is
// wrong, too.
#include <algorithm>
#include <set>
#include <sstream>

#include "checkers/checkers.h"

namespace everframe::sim {

namespace {

using Step = SessionJournal::Step;
using Table = std::map<std::string, std::set<std::string>>;

std::vector<std::string> quoted(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = text.find('`'); at != std::string::npos; at = text.find('`', at + 1)) {
    const std::size_t end = text.find('`', at + 1);
    if (end == std::string::npos) break;
    out.push_back(text.substr(at + 1, end - at - 1));
    at = end;
  }
  return out;
}

// | `from` | what it means | `to`, `to` |
Table read_table(const std::string& spec) {
  Table table;
  std::istringstream lines(spec);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    const std::size_t first = line.find('|', 1);
    const std::size_t last = line.rfind('|', line.size() - 2);
    if (first == std::string::npos || last <= first) continue;
    const auto from = quoted(line.substr(0, first));
    if (from.size() != 1) continue;
    for (const std::string& to : quoted(line.substr(last))) table[from.front()].insert(to);
    table[from.front()];
  }
  return table;
}

bool leads(const Table& table, const std::string& from, const std::string& to) {
  std::set<std::string> seen;
  std::vector<std::string> open{from};
  while (!open.empty()) {
    const std::string at = open.back();
    open.pop_back();
    const auto found = table.find(at);
    if (found == table.end()) continue;
    for (const std::string& each : found->second) {
      if (each == to) return true;
      if (seen.insert(each).second) open.push_back(each);
    }
  }
  return false;
}

// The state that a step shows the session to be in; empty: it stays in what it was.
std::string state_of(Step step) {
  switch (step) {
    case Step::ASKED:
      return "admitting";
    case Step::ANSWERED:
      return "connecting";
    case Step::WELCOME:
      return "in_world";
    case Step::GOODBYE:
      return "leaving";
    case Step::REFUSED:
    case Step::CLOSED:
      return "closed";
    case Step::EVENT:
      return {};
  }
  return {};
}

}  // namespace

void check_sessions(const Journal& journal, const std::string& session_states, Findings& out) {
  Report report(out, "sessions");
  const Table table = read_table(session_states);
  if (table.size() != 6)
    return report("spec/session_states.md tells of {} states: 6 were expected", table.size());
  for (std::size_t i = 0; i < journal.sessions.size(); ++i) {
    const SessionJournal& session = journal.sessions[i];
    std::string at;
    for (const Step step : session.steps) {
      const std::string next = state_of(step);
      if (step == Step::EVENT) {
        // A goodbye may overtake nothing: events keep their order, so after it there is none.
        if (at != "in_world")
          report("session {} of player {} was told something in state {}", i, session.player, at);
      } else if (at.empty()) {
        if (next != "admitting") report("session {} of player {} began in state {}", i, session.player, next);
      } else if (!(at == "closed" && next == "closed") && !leads(table, at, next)) {
        report("session {} of player {} went from {} to {}", i, session.player, at, next);
      }
      if (!next.empty()) at = next;
    }
  }
}

}  // namespace everframe::sim
