// Tunnel: a Carrier through a WebSocket (spec/wire.md section 1.1). The socket belongs to HTTP's thread; its
// two ends exchange values only, and each has at most one portion with the other: what is to be sent waits
// here until the socket has taken the portion before, so that state is as new as can be (the newest wins) and
// a slow reader costs TUNNEL_WAITING_MAX bytes at most; what was heard waits there, unread, until it was
// passed on here. Threads: the gateway's executor, but for TunnelMouth.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "gateway/carrier.h"
#include "platform/executor.h"

namespace everframe::gateway {

inline constexpr std::size_t TUNNEL_PORTION_MAX = 32 << 10;  // bytes; or one message that is larger
inline constexpr std::size_t TUNNEL_WAITING_MAX = 4 << 20;   // bytes on EVENTS: beyond, nothing is taken
inline constexpr std::size_t TUNNEL_HEARD_MAX = 64;          // messages in a portion from the client
inline constexpr std::size_t TUNNEL_MESSAGE_MAX = 4 << 10;   // bytes from the client, its channel included

struct TunnelMessage {
  Bytes bytes;  // the first is the channel
  bool binary = true;
};

// The socket's end, as the gateway sees it. Its destruction closes the socket, in good order if nothing is
// on its way.
class TunnelSocket {
 public:
  virtual ~TunnelSocket() = default;
  virtual void write(std::vector<Bytes> messages) = 0;  // the next after TunnelMouth::written()
  virtual void read_on() = 0;                           // after each TunnelMouth::heard()
};

class Tunnel;
// The tunnel's end, as the socket sees it. Any thread; keeps nothing alive.
class TunnelMouth {
 public:
  TunnelMouth(platform::Executor& executor, std::weak_ptr<Tunnel> tunnel)
      : executor_(executor), tunnel_(std::move(tunnel)) {}
  void opened() const;  // the client has the answer
  void heard(std::vector<TunnelMessage> messages) const;
  void written() const;
  void closed(std::string reason) const;

 private:
  template <class F>
  void say(F what) const;
  platform::Executor& executor_;
  const std::weak_ptr<Tunnel> tunnel_;
};

class Tunnel final : public Carrier, public std::enable_shared_from_this<Tunnel> {
 public:
  Tunnel(platform::Executor& executor, std::unique_ptr<TunnelSocket> socket, Tell tell)
      : executor_(executor), socket_(std::move(socket)), tell_(std::move(tell)) {}

  std::shared_ptr<TunnelMouth> mouth() { return std::make_shared<TunnelMouth>(executor_, weak_from_this()); }

  transport::SendOutcome send(Channel channel, ByteView message) override;
  void hurry() override { pump(); }
  std::size_t buffered() const override { return events_bytes_ + away_bytes_; }

  // What its mouth says.
  void opened() { tell_(CarrierOpened{}); }
  void heard(const std::vector<TunnelMessage>& messages);
  void written();
  void closed(std::string reason);

 private:
  void pump_soon();
  void pump();

  platform::Executor& executor_;
  std::unique_ptr<TunnelSocket> socket_;  // null once it is closed
  const Tell tell_;
  std::deque<Bytes> events_;
  std::optional<Bytes> state_;
  std::size_t events_bytes_ = 0;  // of events_
  std::size_t away_bytes_ = 0;    // of events in the portion that the socket has
  bool away_ = false;             // it has one
  bool pumping_ = false;
};

}  // namespace everframe::gateway
