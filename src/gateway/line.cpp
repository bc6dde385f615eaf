#include "gateway/line.h"

namespace everframe::gateway {

Result<std::shared_ptr<Line>> Line::open(platform::Network& network, platform::Executor& executor,
                                         const Address& local,
                                         std::shared_ptr<const transport::Certificate> certificate,
                                         transport::Endpoint::Options options) {
  std::shared_ptr<Line> line(new Line(executor));
  auto socket =
      network.open_udp(executor, local, [weak = std::weak_ptr(line)](std::span<const platform::Datagram> in) {
        const auto self = weak.lock();
        if (!self) return;
        self->as_hub([&] {
          const Time now = self->executor_.now();
          for (const platform::Datagram& datagram : in)
            self->endpoint_->receive(datagram.peer, datagram.bytes, now);
          self->pump();
        });
      });
  if (!socket) return tl::unexpected<Error>(socket.error());
  line->socket_ = std::move(*socket);
  const Address bound = line->socket_->local();
  if (options.candidates.empty()) options.candidates.push_back(bound);
  for (Address& candidate : options.candidates) {
    if (candidate.port == 0) candidate.port = bound.port;
  }
  line->endpoint_ = std::make_unique<transport::Endpoint>(std::move(certificate), std::move(options));
  return line;
}

void Line::belong_to(const actor::Life& hub) {
  hub_ = hub.cell().weak_from_this();
  hub_life_ = hub.incarnation();
  pump_soon();  // what the last one left
}

template <class Work>
void Line::as_hub(const Work& work) {
  if (const auto hub = hub_.lock()) hub->guarded("line", hub_life_, work);
}

Result<transport::Endpoint::Accepted> Line::accept(std::string_view offer) {
  auto accepted = endpoint_->accept(offer, executor_.now());
  pump_soon();
  return accepted;
}

void Line::listen(transport::PeerId peer, Listener listener) {
  listeners_[peer] = std::make_shared<Listener>(std::move(listener));
}

void Line::ignore(transport::PeerId peer) {
  listeners_.erase(peer);
}

transport::SendOutcome Line::send(transport::PeerId peer, transport::ChannelId channel, ByteView message) {
  const transport::SendOutcome outcome = endpoint_->send(peer, channel, message, true, executor_.now());
  pump_soon();
  return outcome;
}

std::size_t Line::buffered(transport::PeerId peer, transport::ChannelId channel) const {
  return endpoint_->buffered(peer, channel);
}

void Line::close_channel(transport::PeerId peer, transport::ChannelId channel) {
  endpoint_->close_channel(peer, channel, executor_.now());
  pump_soon();
}

void Line::close(transport::PeerId peer, std::string reason) {
  endpoint_->close(peer, std::move(reason), executor_.now());
  pump_soon();
}

void Line::pump_soon() {
  if (std::exchange(pumping_, true)) return;
  executor_.post([self = shared_from_this()] {
    self->pumping_ = false;
    self->as_hub([&] { self->pump(); });
  });
}

void Line::pump() {
  while (auto event = endpoint_->next_event()) {
    const auto found = listeners_.find(event->peer);
    if (found == listeners_.end()) continue;
    const std::shared_ptr<Listener> listener = found->second;  // it may stop listening while it is told
    if (std::holds_alternative<transport::PeerClosed>(event->what)) listeners_.erase(found);
    (*listener)(std::move(*event));
  }
  const bool more = endpoint_->flush(executor_.now(), outgoing_, PEERS_SENT_AT_ONCE);
  send_outgoing();
  if (more) pump_soon();
  arm();
}

void Line::hurry(transport::PeerId peer) {
  endpoint_->flush(peer, executor_.now(), outgoing_);
  send_outgoing();
}

void Line::send_outgoing() {
  if (outgoing_.empty()) return;
  batch_.clear();
  for (const transport::Outgoing& datagram : outgoing_) batch_.push_back({datagram.to, datagram.bytes});
  socket_->send(batch_);
  endpoint_->recycle(outgoing_);
}

void Line::arm() {
  const std::optional<Time> next = endpoint_->next_timeout();
  if (!next || (armed_for_ && *armed_for_ <= *next)) return;
  executor_.cancel(timer_);
  armed_for_ = next;
  const Time now = executor_.now();
  timer_ = executor_.after(*next > now ? *next - now : Duration(0), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->armed_for_.reset();
    self->as_hub([&] {
      self->endpoint_->advance(self->executor_.now());
      self->pump();
    });
  });
}

}  // namespace everframe::gateway
