// Line: the transport's endpoint on a real UDP port. Moves datagrams between socket and endpoint in batches,
// keeps the endpoint's timer, and hands each peer's events to whoever listens to that peer. Everything that
// is sent within one round of the executor leaves in one batch. Threads: one executor. Shared by the hub and
// its sessions; closes when the last of them has gone. What comes in is the hub's work: a bug that it meets
// is the hub's crash; while no hub lives, nothing comes in and nothing leaves.
#pragma once
#include <memory>
#include <unordered_map>

#include "actor/cell.h"
#include "platform/executor.h"
#include "platform/network.h"
#include "transport/endpoint.h"

namespace everframe::gateway {

inline constexpr std::size_t PEERS_SENT_AT_ONCE = 32;  // then others of the executor get their turn

class Line : public std::enable_shared_from_this<Line> {
 public:
  using Listener = Function<void(transport::PeerEvent)>;

  // `candidates` empty: the socket's own address is what answers name. A candidate's port 0 is the socket's.
  static Result<std::shared_ptr<Line>> open(platform::Network& network, platform::Executor& executor,
                                            const Address& local,
                                            std::shared_ptr<const transport::Certificate> certificate,
                                            transport::Endpoint::Options options);

  void belong_to(const actor::Life& hub);

  Address local() const { return socket_->local(); }
  Result<transport::Endpoint::Accepted> accept(std::string_view offer);
  // Until ignore(), or the peer's PeerClosed, which is its last event.
  void listen(transport::PeerId peer, Listener listener);
  void ignore(transport::PeerId peer);

  transport::SendOutcome send(transport::PeerId peer, transport::ChannelId channel, ByteView message);
  // Sends at once what waits for this peer; all else leaves at the end of the executor's round.
  void hurry(transport::PeerId peer);
  std::size_t buffered(transport::PeerId peer, transport::ChannelId channel) const;
  std::size_t room(transport::PeerId peer) const { return endpoint_->room(peer); }
  void close_channel(transport::PeerId peer, transport::ChannelId channel);
  void close(transport::PeerId peer, std::string reason);

  const transport::EndpointFigures& figures() const { return endpoint_->figures(); }
  std::uint64_t datagrams_dropped() const { return socket_->dropped(); }  // by the kernel, when sending

 private:
  explicit Line(platform::Executor& executor) : executor_(executor) {}
  template <class Work>
  void as_hub(const Work& work);
  void pump_soon();
  void pump();
  void send_outgoing();
  void arm();

  platform::Executor& executor_;
  std::weak_ptr<actor::Cell> hub_;
  std::uint64_t hub_life_ = 0;
  std::unique_ptr<transport::Endpoint> endpoint_;
  std::unique_ptr<platform::UdpSocket> socket_;
  std::unordered_map<transport::PeerId, std::shared_ptr<Listener>> listeners_;
  std::vector<transport::Outgoing> outgoing_;
  std::vector<platform::Datagram> batch_;
  bool pumping_ = false;
  std::optional<Time> armed_for_;
  platform::TimerId timer_{};
};

}  // namespace everframe::gateway
