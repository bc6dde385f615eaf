// Journal: everything that players of a run asked for, were answered and were shown, in the order in which it
// reached them. It stands outside of the virtual machines, so no fault takes anything out of it. The checkers
// read this and the store, and nothing else.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "wire/messages.h"

namespace everframe::sim {

struct Answer {
  FrameNo frame{};
  std::uint8_t reason = 0;  // 0: applied
  bool operator==(const Answer&) const = default;
};

struct PlayerJournal {
  std::string token;
  PlayerId id{};
  EntityId body{};
  ActionSeq last_sent{};
  std::map<ActionSeq, Time> accepted;
  std::map<ActionSeq, Answer> answers;  // the first of each
};

// One connection, as its client saw it.
struct SessionJournal {
  enum class Step { ASKED, REFUSED, ANSWERED, WELCOME, EVENT, GOODBYE, CLOSED };
  std::size_t player = 0;
  Time asked{};
  FrameNo shown_before{};   // the latest frame that anybody had been shown when it asked
  std::vector<Step> steps;  // runs of EVENT are one
};

// What was shown of a chunk: all of it, or what changed.
struct Sight {
  Time at{};
  std::size_t player = 0;
  std::size_t session = 0;
  ChunkCode chunk{};
  std::uint64_t version = 0;
  std::uint64_t from_version = 0;  // of changes
  bool whole = false;
  std::vector<wire::EntityView> entities;
  std::vector<EntityId> removed;
};
struct SeenInventory {
  std::size_t player = 0;
  FrameNo frame{};
  std::vector<wire::Stack> stacks;
};

struct Journal {
  std::vector<PlayerJournal> players;
  std::vector<SessionJournal> sessions;
  std::vector<Sight> sights;
  std::vector<SeenInventory> inventories;
  FrameNo shown{};                    // the latest that anybody was shown
  std::vector<std::string> troubles;  // what no client should ever see, in words

  std::uint64_t answered = 0;  // actions, each once
  std::uint64_t applied = 0;
  std::uint64_t resent = 0;
};

}  // namespace everframe::sim
