// Checkers: what must be true of a run, told from what its players saw and what its store holds at the end;
// each in a file of its own, and none of them looks into a server. What is wrong comes out as a sentence.
//
//   world     the stored world is whole: items against the ledger (P4), each action once (P3), one body a
//             player, each entity once, frames without a gap (inspect/verify.h)
//   sights    durable before shown (P2): every chunk, change and inventory that anybody was shown is what the
//             frame log makes of that frame, and changes follow each other without a gap; the frame log makes
//             the stored world again, row by row (P8, inspect/replay.h)
//   answers   every answer is the outcome that the frame log gives that action (P1, P3)
//   sessions  each connection went through states as spec/session_states.md allows
//   history   the store's transactions have one order: what each read is what those before it wrote, none
//             that was acknowledged is missing, none that was refused is there; within it one owner at a time
//             (P5) and frames one after the other (P6)
//   steps     what the servers tell of their steps is licensed by the formal model's step relation
#pragma once
#include <map>
#include <string>
#include <vector>

#include "journal.h"
#include "platform/executor.h"
#include "store/database.h"
#include "store/world_keys.h"
#include "store_history.h"
#include "world/content.h"

namespace everframe::sim {

struct Finding {
  std::string checker;
  std::string text;
};
using Findings = std::vector<Finding>;

inline constexpr std::size_t FINDINGS_KEPT = 20;  // of one checker

// For one checker.
class Report {
 public:
  Report(Findings& findings, std::string checker) : findings_(findings), checker_(std::move(checker)) {}
  template <class... Args>
  void operator()(fmt::format_string<Args...> format, Args&&... args) {
    if (count_++ < FINDINGS_KEPT)
      findings_.push_back({checker_, fmt::format(format, std::forward<Args>(args)...)});
  }

 private:
  Findings& findings_;
  const std::string checker_;
  std::size_t count_ = 0;
};

using Content = std::map<std::string, std::string>;  // of the store, by key

// Reads the store; on `executor`.
Task<> check_world(store::Database& database, platform::Executor& executor, const world::Content& content,
                   std::string world, Findings& out);
// Replays the frame log once for both: sights and answers.
Task<> check_sights_and_answers(store::Database& database, platform::Executor& executor,
                                const world::Content& content, std::string world, const Journal& journal,
                                Findings& out);
void check_sessions(const Journal& journal, const std::string& session_states, Findings& out);
void check_history(const StoreHistory& history, const Content& stored, const store::WorldKeys& keys,
                   Findings& out);

}  // namespace everframe::sim
