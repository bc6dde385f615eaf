#include "gateway/tunnel.h"

namespace everframe::gateway {

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
  say([messages = std::move(messages)](Tunnel& tunnel) { tunnel.heard(messages); });
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
    state_ = wire::write_tunnelled(channel, message);
    return replaced ? SendOutcome::REPLACED : SendOutcome::QUEUED;
  }
  if (buffered() + message.size() > TUNNEL_WAITING_MAX) return SendOutcome::QUEUE_FULL;
  events_.push_back(wire::write_tunnelled(channel, message));
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

void Tunnel::heard(const std::vector<TunnelMessage>& messages) {
  for (const TunnelMessage& message : messages) {
    const auto tunnelled = wire::read_tunnelled(message.bytes);
    if (!message.binary) {
      tell_(CarrierBroken{"a text message in a tunnel: all are binary"});
    } else if (!tunnelled) {
      tell_(CarrierBroken{tunnelled.error().text});
    } else {
      const ByteView view = tunnelled->message;
      tell_(CarrierMessage{tunnelled->channel, Bytes(view.begin(), view.end()), true});
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
