// Figures: what a gateway counts. Owned by its hub's executor; those of several add up.
#pragma once
#include <array>
#include <cstdint>

#include "gateway/session_state.h"
#include "transport/endpoint.h"

namespace everframe::gateway {

struct Figures {
  std::array<std::uint64_t, 6> sessions{};  // now, by SessionState
  std::array<std::uint64_t, 8> goodbyes{};  // by reason (wire::GoodbyeReason)
  std::uint64_t connects_refused = 0;       // those that the door (door.h) let in
  std::uint64_t tunnels = 0;                // sessions now that a WebSocket carries
  std::uint64_t tunnels_opened = 0;
  std::uint64_t unknown_channels = 0;  // closed at once
  std::uint64_t events_in = 0;         // messages
  std::uint64_t events_out = 0;
  std::uint64_t states_in = 0;
  std::uint64_t states_out = 0;
  std::uint64_t states_dropped = 0;  // the client's path was full
  std::uint64_t bytes_in = 0;        // of messages
  std::uint64_t bytes_out = 0;
  std::uint64_t session_crashes = 0;
  transport::EndpointFigures line;
  std::uint64_t datagrams_dropped = 0;  // by the kernel, when sending

  Figures& operator+=(const Figures& other);
};

}  // namespace everframe::gateway
