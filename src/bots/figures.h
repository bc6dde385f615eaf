// Figures: what a crowd of players measures. One owner.
#pragma once
#include <cstdint>

#include "base/histogram.h"
#include "base/time.h"

namespace everframe::bots {

struct Figures {
  // What should not happen; errors() is their sum.
  std::uint64_t connect_failures = 0;
  std::uint64_t losses = 0;           // of a connection, by silence, goodbye or the transport
  std::uint64_t protocol_errors = 0;  // messages that break spec/wire.md
  std::uint64_t contradictions = 0;   // an action answered otherwise than at first
  std::uint64_t unanswered = 0;       // actions, at the end
  std::uint64_t errors() const {
    return connect_failures + losses + protocol_errors + contradictions + unanswered;
  }

  std::uint64_t duplicates = 0;   // answers to an action that was answered already and not sent again
  std::uint64_t refused = 0;      // actions, by the rules
  std::uint64_t turned_away = 0;  // actions, before they were queued: sent again later
  std::uint64_t sent = 0;         // actions
  std::uint64_t applied = 0;
  std::uint64_t returns = 0;  // into the world, after a loss
  std::uint64_t resyncs = 0;  // chunks asked for anew
  std::uint64_t moved = 0;    // poses that the server did not take

  std::uint64_t messages_up = 0;  // of spec/wire.md
  std::uint64_t messages_down = 0;
  std::uint64_t bytes_up = 0;  // of UDP payload, or of what a tunnel carries
  std::uint64_t bytes_down = 0;
  std::uint64_t datagrams_up = 0;
  std::uint64_t datagrams_down = 0;

  void add(const Figures& other);  // the counts above that concern players, not bytes or latencies

  Histogram connect;  // signaling to welcome
  Histogram waited;   // a datagram, in the kernel until this process took it: no latency of the server's
  Histogram input_to_state;      // a pose sent, to the state message that says it was processed
  Histogram action_to_accepted;  // an action sent, to 'accepted': it is durable in the queue
  Histogram action_to_applied;   // an action sent, to 'applied' or 'refused' by the rules: durable
};

}  // namespace everframe::bots
