#include "gateway/tunnel.h"

namespace everframe::gateway {

namespace {

Bytes with_channel(Channel channel, ByteView message) {
  Bytes out;
  out.reserve(1 + message.size());
  out.push_back(static_cast<std::uint8_t>(channel));
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

}  // namespace

template <class F>
void TunnelMouth::say(F what) const {
  executor_.post([tunnel = tunnel_, what = std::move(what)]() mutable {
    if (const auto self = tunnel.lock()) what(*self);
  });
}

void TunnelMouth::opened() const {
  say([](Tunnel& tunnel) { tunnel.opened(); });
}
void TunnelMouth::heard(std::vector<TunnelMessage> messages) const {
  say([messages = std::move(messages)](Tunnel& tunnel) mutable { tunnel.heard(std::move(messages)); });
}
void TunnelMouth::written() const {
  say([](Tunnel& tunnel) { tunnel.written(); });
}
void TunnelMouth::closed(std::string reason) const {
  say([reason = std::move(reason)](Tunnel& tunnel) mutable { tunnel.closed(std::move(reason)); });
}

transport::SendOutcome Tunnel::send(Channel channel, ByteView message) {
  using transport::SendOutcome;
  if (!socket_) return SendOutcome::CLOSED;
  pump_soon();
  if (channel == Channel::STATE) {
    const bool replaced = state_.has_value();
    state_ = with_channel(channel, message);
    return replaced ? SendOutcome::REPLACED : SendOutcome::QUEUED;
  }
  if (buffered() + message.size() > TUNNEL_WAITING_MAX) return SendOutcome::QUEUE_FULL;
  events_.push_back(with_channel(channel, message));
  events_bytes_ += events_.back().size();
  return SendOutcome::QUEUED;
}

void Tunnel::pump_soon() {
  if (std::exchange(pumping_, true)) return;
  executor_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->pumping_ = false;
    self->pump();
  });
}

void Tunnel::pump() {
  if (!socket_ || away_ || (events_.empty() && !state_)) return;
  std::vector<Bytes> portion;
  while (!events_.empty()) {
    const std::size_t size = events_.front().size();
    if (away_bytes_ > 0 && away_bytes_ + size > TUNNEL_PORTION_MAX) break;
    away_bytes_ += size;
    portion.push_back(std::move(events_.front()));
    events_.pop_front();
  }
  events_bytes_ -= away_bytes_;
  if (state_) portion.push_back(std::move(*state_));
  state_.reset();
  away_ = true;
  socket_->write(std::move(portion));
}

void Tunnel::written() {
  away_ = false;
  away_bytes_ = 0;
  pump();
}

void Tunnel::heard(std::vector<TunnelMessage> messages) {
  for (TunnelMessage& message : messages) {
    if (!message.binary) {
      tell_(CarrierBroken{"a text message in a tunnel: all are binary"});
    } else if (message.bytes.empty() || message.bytes[0] > static_cast<std::uint8_t>(Channel::STATE)) {
      tell_(CarrierBroken{"a tunnel's message begins with its channel: 0 events, 1 state"});
    } else {
      const auto channel = static_cast<Channel>(message.bytes[0]);
      message.bytes.erase(message.bytes.begin());
      tell_(CarrierMessage{channel, std::move(message.bytes), true});
    }
  }
  if (socket_) socket_->read_on();
}

void Tunnel::closed(std::string reason) {
  socket_.reset();
  events_.clear();
  state_.reset();
  events_bytes_ = away_bytes_ = 0;
  away_ = false;
  tell_(CarrierClosed{std::move(reason)});
}

}  // namespace everframe::gateway
