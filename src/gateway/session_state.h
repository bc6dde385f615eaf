// SessionState: the life of a session (spec/session_states.md holds the same table in words).
#pragma once
#include <cstdint>
#include <string_view>

namespace everframe::gateway {

enum class SessionState : std::uint8_t { ADMITTING, CONNECTING, ENTERING, IN_WORLD, LEAVING, CLOSED };

constexpr bool licensed(SessionState from, SessionState to) {
  switch (from) {
    case SessionState::ADMITTING:
      return to == SessionState::CONNECTING || to == SessionState::CLOSED;
    case SessionState::CONNECTING:
      return to == SessionState::ENTERING || to == SessionState::CLOSED;
    case SessionState::ENTERING:
      return to == SessionState::IN_WORLD || to == SessionState::LEAVING || to == SessionState::CLOSED;
    case SessionState::IN_WORLD:
      return to == SessionState::LEAVING || to == SessionState::CLOSED;
    case SessionState::LEAVING:
      return to == SessionState::CLOSED;
    case SessionState::CLOSED:
      return false;
  }
  return false;
}

constexpr std::string_view name_of(SessionState state) {
  constexpr std::string_view NAMES[] = {"admitting", "connecting", "entering",
                                        "in_world",  "leaving",    "closed"};
  return NAMES[static_cast<std::size_t>(state)];
}

}  // namespace everframe::gateway
