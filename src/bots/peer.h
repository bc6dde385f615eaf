// Peer: a Connection over WebRTC, over a UDP socket of its own, as a real player's machine has.
#pragma once
#include "bots/connection.h"
#include "bots/figures.h"
#include "platform/network.h"
#include "transport/client.h"

namespace everframe::bots {

struct ConnectAnswer {
  std::string sdp;
  std::string token;
};

class Peer final : public Connection {
 public:
  // Brings the offer (SDP) to the server; the reply comes on the executor, if one does.
  using Ask = Function<void(const Who&, std::string offer, Function<void(Result<ConnectAnswer>)> answered)>;
  // Executor, network and figures outlive it.
  Peer(platform::Executor& executor, platform::Network& network,
       std::shared_ptr<const transport::Certificate> certificate, std::uint64_t seed, Figures& figures,
       Ask ask, Receive receive);
  ~Peer() override { *alive_ = nullptr; }

  void enter(const Who& who, Answered answered) override;
  bool up() const override { return up_; }
  const std::optional<std::string>& lost() const override { return lost_; }
  bool send(Channel channel, ByteView message) override;
  std::size_t buffered(Channel channel) const override { return client_.buffered(id_of(channel)); }
  void tick() override;
  void close(std::string reason) override;

 private:
  transport::ChannelId id_of(Channel channel) const { return channel == Channel::EVENTS ? events_ : state_; }
  Result<void> answer(std::string_view sdp);
  void receive(std::span<const platform::Datagram> datagrams);
  void drain(Time arrived);
  void flush();

  platform::Executor& executor_;
  platform::Network& network_;
  Figures& figures_;
  const Ask ask_;
  const Receive receive_;
  const std::shared_ptr<Peer*> alive_;  // empty once this is gone: for a reply that comes late
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
