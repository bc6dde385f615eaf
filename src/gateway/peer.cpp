#include "gateway/peer.h"

#include "wire/messages.h"

namespace everframe::gateway {

namespace {

bool is_events(const transport::ChannelOptions& options) {
  return options.label == wire::EVENTS_LABEL && options.ordered && options.reliable();
}
bool is_state(const transport::ChannelOptions& options) {
  return options.label == wire::STATE_LABEL && !options.ordered && options.max_retransmits == 0;
}

}  // namespace

Result<Peer::Accepted> Peer::accept(std::shared_ptr<Line> line, std::string_view offer,
                                    std::shared_ptr<Figures> figures, Tell tell) {
  auto accepted = line->accept(offer);
  if (!accepted) return tl::unexpected<Error>(accepted.error());
  std::unique_ptr<Carrier> peer(
      new Peer(std::move(line), accepted->peer, std::move(figures), std::move(tell)));
  return Accepted{std::move(peer), std::move(accepted->answer)};
}

Peer::Peer(std::shared_ptr<Line> line, transport::PeerId id, std::shared_ptr<Figures> figures, Tell tell)
    : line_(std::move(line)), id_(id), figures_(std::move(figures)), tell_(std::move(tell)) {
  line_->listen(id_, [this](transport::PeerEvent event) { happened(std::move(event)); });
}

Peer::~Peer() {
  line_->ignore(id_);
  line_->close(id_, "session over");
}

void Peer::happened(transport::PeerEvent event) {
  if (const auto* channel = std::get_if<transport::PeerChannel>(&event.what)) return opened(*channel);
  if (auto* said = std::get_if<transport::PeerMessage>(&event.what)) {
    const std::optional<Channel> channel = which(said->channel);
    if (channel) tell_(CarrierMessage{*channel, std::move(said->bytes), said->binary});
  } else if (const auto* gone = std::get_if<transport::PeerChannelClosed>(&event.what)) {
    if (which(gone->channel)) tell_(ChannelClosed{});
  } else if (auto* closed = std::get_if<transport::PeerClosed>(&event.what)) {
    tell_(CarrierClosed{std::move(closed->reason)});
  }
}

void Peer::opened(const transport::PeerChannel& channel) {
  if (!events_ && is_events(channel.options)) {
    events_ = channel.channel;
  } else if (!state_ && is_state(channel.options)) {
    state_ = channel.channel;
  } else {
    ++figures_->unknown_channels;
    return line_->close_channel(id_, channel.channel);
  }
  if (events_ && state_) tell_(CarrierOpened{});
}

std::optional<Channel> Peer::which(transport::ChannelId channel) const {
  if (channel == events_) return Channel::EVENTS;
  if (channel == state_) return Channel::STATE;
  return std::nullopt;
}

transport::SendOutcome Peer::send(Channel channel, ByteView message) {
  const auto& id = channel == Channel::EVENTS ? events_ : state_;
  return id ? line_->send(id_, *id, message) : transport::SendOutcome::CLOSED;
}

std::size_t Peer::buffered() const {
  return events_ ? line_->buffered(id_, *events_) : 0;
}

}  // namespace everframe::gateway
