// Connection: one WebRTC connection to the server with both channels of spec/wire.md section 2, over a UDP
// socket of its own, as a real player's machine has. Threads: the executor's; nothing is called back but from
// within receiving, which happens there. Life: made, answer(), then up() once both channels are open, until
// lost(). Its owner calls tick() every few milliseconds.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "bots/figures.h"
#include "platform/network.h"
#include "platform_os/asio_executor.h"
#include "transport/client.h"

namespace everframe::bots {

class Connection {
 public:
  enum class Channel { EVENTS, STATE };
  using Receive = Function<void(Channel, ByteView)>;

  // All but `receive` outlive it.
  Connection(platform::Executor& executor, std::shared_ptr<const transport::Certificate> certificate,
             std::uint64_t seed, Figures& figures, Receive receive);

  std::string offer() const { return client_.offer(); }
  // Opens the socket, towards what the answer names.
  Result<void> answer(platform::Network& network, std::string_view sdp);
  bool up() const { return up_; }
  const std::optional<std::string>& lost() const { return lost_; }  // why

  // False: it could not be sent, and the connection is as good as lost (events), or full (state).
  bool send(Channel channel, ByteView message);
  std::size_t buffered(Channel channel) const { return client_.buffered(id_of(channel)); }
  void tick();                     // timers that are due; sends what waits
  void close(std::string reason);  // tells the server

 private:
  transport::ChannelId id_of(Channel channel) const { return channel == Channel::EVENTS ? events_ : state_; }
  void receive(std::span<const platform::Datagram> datagrams);
  void drain();
  void flush();

  platform::Executor& executor_;
  Figures& figures_;
  const Receive receive_;
  transport::Client client_;
  std::unique_ptr<platform::UdpSocket> socket_;
  transport::ChannelId events_{};
  transport::ChannelId state_{};
  unsigned channels_open_ = 0;
  bool up_ = false;
  std::optional<std::string> lost_;
  std::vector<transport::Outgoing> outgoing_;
  std::vector<platform::Datagram> batch_;
};

}  // namespace everframe::bots
