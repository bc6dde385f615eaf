// Carrier: what carries a session's two channels (spec/wire.md section 2): a WebRTC peer of the line
// (peer.h), or a tunnel through a WebSocket (tunnel.h), for players whose network blocks UDP. A session knows
// no more of it than this. Threads: the gateway's executor; what happens is told there too, never from within
// a call. Its destruction closes the connection. Order: CarrierOpened once, messages, CarrierClosed as the
// last.
#pragma once
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/function.h"
#include "transport/channel.h"
#include "wire/tunnel.h"

namespace everframe::gateway {

using wire::Channel;

struct CarrierOpened {};  // both channels are open
struct CarrierMessage {
  Channel channel{};
  Bytes bytes;
  bool binary = true;
};
struct CarrierBroken {  // the client broke spec/wire.md below the messages; it still hears a goodbye
  std::string how;
};
struct ChannelClosed {};  // one of the two, by the client
struct CarrierClosed {
  std::string reason;
};
using CarrierEvent = std::variant<CarrierOpened, CarrierMessage, CarrierBroken, ChannelClosed, CarrierClosed>;

class Carrier {
 public:
  using Tell = Function<void(CarrierEvent)>;
  virtual ~Carrier() = default;

  // On EVENTS: QUEUED, or QUEUE_FULL and nothing is taken. On STATE the newest wins: REPLACED, if it took the
  // place of one that has not left yet.
  virtual transport::SendOutcome send(Channel channel, ByteView message) = 0;
  // Sends at once what waits; all else leaves at the end of the executor's round.
  virtual void hurry() = 0;
  // Bytes on EVENTS that the other side has not acknowledged, or at least not taken out of our hands.
  virtual std::size_t buffered() const = 0;
};

}  // namespace everframe::gateway
