// Tunnel: the form of a message in a tunnel (spec/wire.md section 1.1): its channel, then the message as a
// data channel would carry it. Each is a WebSocket message of its own, so that no length is needed.
#pragma once
#include "base/bytes.h"
#include "base/result.h"

namespace everframe::wire {

enum class Channel : std::uint8_t { EVENTS = 0, STATE = 1 };  // persistent

struct Tunnelled {
  Channel channel{};
  ByteView message;  // of what was read
};

inline Result<Tunnelled> read_tunnelled(ByteView bytes) {
  if (bytes.empty() || bytes[0] > static_cast<std::uint8_t>(Channel::STATE))
    return fail("a tunnel's message begins with its channel: 0 events, 1 state");
  return Tunnelled{static_cast<Channel>(bytes[0]), bytes.subspan(1)};
}

inline Bytes write_tunnelled(Channel channel, ByteView message) {
  Bytes out;
  out.reserve(1 + message.size());
  out.push_back(static_cast<std::uint8_t>(channel));
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

}  // namespace everframe::wire
