#include "bots/peer.h"

#include <algorithm>

#include "transport/sdp.h"
#include "wire/messages.h"

namespace everframe::bots {

Peer::Peer(platform::Executor& executor, platform::Network& network,
           std::shared_ptr<const transport::Certificate> certificate, std::uint64_t seed, Figures& figures,
           Ask ask, Receive receive)
    : executor_(executor),
      network_(network),
      figures_(figures),
      ask_(std::move(ask)),
      receive_(std::move(receive)),
      alive_(std::make_shared<Peer*>(this)),
      client_(std::move(certificate), seed) {
  const Time now = executor_.now();
  const transport::ChannelOptions events{wire::EVENTS_LABEL, wire::PROTOCOL, true, {}, {}};
  const transport::ChannelOptions state{wire::STATE_LABEL, wire::PROTOCOL, false, 0, {}};
  events_ = client_.open(events, now).value();
  state_ = client_.open(state, now).value();
}

void Peer::enter(const Who& who, Answered answered) {
  ask_(who, client_.offer(), [alive = alive_, answered = std::move(answered)](Result<ConnectAnswer> reply) {
    if (*alive == nullptr) return;
    if (!reply) return answered(tl::unexpected<Error>(reply.error()));
    if (const auto begun = (*alive)->answer(reply->sdp); !begun)
      return answered(tl::unexpected<Error>(begun.error()));
    answered(std::move(reply->token));
  });
}

Result<void> Peer::answer(std::string_view sdp) {
  const auto taken = client_.accept_answer(sdp, executor_.now());
  if (!taken) return taken;
  const auto answer = transport::read_sdp(sdp);
  const bool v4 = std::all_of(answer->candidates.begin(), answer->candidates.end(),
                              [](const Address& candidate) { return candidate.is_v4(); });
  const Address any = v4 ? Address::v4(0, 0, 0, 0, 0) : Address{};  // [::], which takes both
  auto socket = network_.open_udp(executor_, any,
                                  [this](std::span<const platform::Datagram> in) { this->receive(in); });
  if (!socket) return tl::unexpected<Error>(socket.error());
  socket_ = std::move(*socket);
  flush();
  return {};
}

bool Peer::send(Channel channel, ByteView message) {
  if (lost_) return false;
  const auto outcome = client_.send(id_of(channel), message, true, executor_.now());
  if (outcome != transport::SendOutcome::QUEUED && outcome != transport::SendOutcome::REPLACED) return false;
  ++figures_.messages_up;
  return true;
}

void Peer::receive(std::span<const platform::Datagram> datagrams) {
  const Time now = executor_.now();
  for (const platform::Datagram& datagram : datagrams) {
    ++figures_.datagrams_down;
    figures_.bytes_down += datagram.bytes.size();
    figures_.waited.add(datagram.waited.count());
    client_.receive(datagram.peer, datagram.bytes, now);
    drain(now - datagram.waited);
  }
  flush();
}

void Peer::drain(Time arrived) {
  while (auto event = client_.next_event()) {
    if (const auto* message = std::get_if<transport::PeerMessage>(&event->what)) {
      ++figures_.messages_down;
      if (message->channel == events_) receive_(Channel::EVENTS, message->bytes, arrived);
      if (message->channel == state_) receive_(Channel::STATE, message->bytes, arrived);
    } else if (std::holds_alternative<transport::PeerChannel>(event->what)) {
      up_ = ++channels_open_ == 2;
    } else if (std::holds_alternative<transport::PeerChannelClosed>(event->what)) {
      if (!lost_) lost_ = "the server closed a channel";
    } else if (auto* closed = std::get_if<transport::PeerClosed>(&event->what)) {
      if (!lost_) lost_ = std::move(closed->reason);
    }
  }
}

void Peer::tick() {
  const auto due = client_.next_timeout();
  if (due && *due <= executor_.now()) client_.advance(executor_.now());
  drain(executor_.now());
  flush();
}

void Peer::flush() {
  if (!socket_) return;
  outgoing_.clear();
  client_.flush(executor_.now(), outgoing_);
  if (outgoing_.empty()) return;
  batch_.clear();
  for (const transport::Outgoing& datagram : outgoing_) {
    ++figures_.datagrams_up;
    figures_.bytes_up += datagram.bytes.size();
    batch_.push_back({datagram.to, datagram.bytes});
  }
  socket_->send(batch_);
}

void Peer::close(std::string reason) {
  client_.close(std::move(reason), executor_.now());
  if (!lost_) lost_ = "closed";
  flush();
}

}  // namespace everframe::bots
