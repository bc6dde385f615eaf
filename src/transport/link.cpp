#include "transport/link.h"

namespace everframe::transport {

Link::Link(std::shared_ptr<const Certificate> certificate, Dtls::Role role, const Fingerprint& expected,
           std::size_t peer_message_max, Prng random)
    : role_(role),
      dtls_(std::move(certificate), role, expected),
      association_(role == Dtls::Role::SERVER ? sctp::Role::SERVER : sctp::Role::CLIENT, peer_message_max,
                   random) {}

void Link::start(Time) {
  dtls_.start();
}

void Link::secure(Time now) {
  if (secured_ || dtls_.state() != Dtls::State::OPEN) return;
  secured_ = true;
  if (role_ == Dtls::Role::CLIENT) association_.connect(now);
}

Link::Heard Link::receive(ByteView datagram, Time now) {
  if (closed()) return Heard::NOTHING;
  const std::size_t records = dtls_.receive(datagram);
  secure(now);
  for (std::size_t i = 0; i < records && dtls_.next_record(record_); ++i) association_.receive(record_, now);
  if (records > 0) return Heard::RECORD;
  return secured_ ? Heard::NOTHING : Heard::HANDSHAKE;
}

void Link::advance(Time now) {
  dtls_.advance();
  if (secured_) association_.advance(now);
}

std::optional<Time> Link::next_timeout(Time now) const {
  if (const auto left = dtls_.next_timeout()) return now + *left;
  return secured_ ? association_.next_timeout() : std::nullopt;
}

std::optional<sctp::Event> Link::next_event() {
  return association_.next_event();
}

bool Link::poll(Bytes& datagram, Time now) {
  if (dtls_.take(datagram)) return true;
  if (!secured_ || !association_.poll(record_, now)) return false;
  return dtls_.send(record_) && dtls_.take(datagram);
}

void Link::close(std::string reason, Time now) {
  why_ = reason;
  if (secured_ && !association_.closed()) {
    association_.abort(std::move(reason));
    while (association_.poll(record_, now)) dtls_.send(record_);
  }
  dtls_.close();
}

std::string Link::why_closed() const {
  if (!why_.empty()) return why_;
  return dtls_.state() == Dtls::State::CLOSED ? dtls_.why_closed() : "the association ended";
}

}  // namespace everframe::transport
