// Judge: what players saw, against what a store holds once the server that they played on was killed: each
// answered action in exactly the frame that was named, each accepted one in exactly one frame, every action
// answered; the world whole (inspect/verify.h); its frame log makes it again (inspect/replay.h).
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "journal.h"
#include "world/content.h"

namespace everframe::recovery {

// In which frames each (player, seq) is.
using Processed = std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<std::uint64_t>>;

// What the players saw against what is in the log.
std::vector<std::string> problems_of(const Journal& journal, const Processed& processed);

struct Verdict {
  std::vector<std::string> problems;  // of all kinds, in words
  std::uint64_t frames = 0;
  std::uint64_t actions = 0;
};
// Opens the store in `directory`, which no process may hold.
Verdict judge(const std::string& directory, const std::string& world, const world::Content& content,
              const Journal& journal);

}  // namespace everframe::recovery
