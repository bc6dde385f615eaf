// Connection: a player's way to the server, with both channels of spec/wire.md section 2: WebRTC (peer.h) or
// a tunnel (tunnel.h). Threads: the executor's; `receive` is called from within receiving, which happens
// there, `answered` from there too. Life: made, enter(), then up() once both channels are open, until lost().
// Its owner calls tick() every few milliseconds.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/function.h"
#include "base/result.h"
#include "base/time.h"
#include "wire/tunnel.h"

namespace everframe::bots {

enum class CarrierKind { WEBRTC, WEBSOCKET };

struct Who {
  std::optional<std::string> token;  // absent: a new player
  std::string name;                  // of a new player; empty: the world chooses
};

class Connection {
 public:
  using Channel = wire::Channel;
  using Receive = Function<void(Channel, ByteView, Time arrived)>;  // at this machine's network
  // With the player's token; not after the connection's destruction.
  using Answered = Function<void(Result<std::string>)>;
  virtual ~Connection() = default;

  virtual void enter(const Who& who, Answered answered) = 0;  // once
  virtual bool up() const = 0;
  virtual const std::optional<std::string>& lost() const = 0;  // why

  // False: it could not be sent, and the connection is as good as lost (events), or full (state).
  virtual bool send(Channel channel, ByteView message) = 0;
  virtual std::size_t buffered(Channel channel) const = 0;
  virtual void tick() = 0;                     // timers that are due; sends what waits
  virtual void close(std::string reason) = 0;  // tells the server
};

}  // namespace everframe::bots
