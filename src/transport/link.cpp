#include "transport/link.h"

namespace everframe::transport {

Link::Link(std::shared_ptr<const Certificate> certificate, Dtls::Role role, const Fingerprint& expected,
           std::size_t peer_message_max, Prng random)
    : role_(role),
      dtls_(std::move(certificate), role, expected),
      association_(role == Dtls::Role::SERVER ? sctp::Role::SERVER : sctp::Role::CLIENT, peer_message_max,
                   random) {}

void Link::start(Time now) {
  dtls_.start(now);
}

void Link::secure(Time now) {
  if (secured_ || dtls_.state() != Dtls::State::OPEN) return;
  secured_ = true;
  if (role_ == Dtls::Role::CLIENT) association_.connect(now);
}

Link::Heard Link::receive(ByteView datagram, Time now) {
  if (closed()) return Heard::NOTHING;
  const bool was_secured = secured_;
  std::uint8_t room[DATAGRAM_MAX];
  Heard heard = Heard::NOTHING;
  dtls_.receive(datagram, now);
  while (const auto record = dtls_.next_record(room)) {
    secure(now);
    heard = record->newest ? Heard::NEWEST : std::max(heard, Heard::RECORD);
    association_.receive(record->plaintext, now);
  }
  secure(now);
  return heard == Heard::NOTHING && !was_secured ? Heard::HANDSHAKE : heard;
}

void Link::advance(Time now) {
  dtls_.advance(now);
  if (secured_) association_.advance(now);
}

std::optional<Time> Link::next_timeout() const {
  return secured_ ? association_.next_timeout() : dtls_.next_timeout();
}

std::optional<sctp::Event> Link::next_event() {
  return association_.next_event();
}

bool Link::poll(Bytes& datagram, Time now) {
  if (dtls_.take(datagram)) return true;
  if (!secured_ || !association_.poll(datagram, now, RECORD_PREFIX_SIZE)) return false;
  return dtls_.seal(datagram) || dtls_.take(datagram);
}

void Link::close(std::string reason, Time now) {
  why_ = reason;
  if (secured_ && !association_.closed()) {
    association_.abort(std::move(reason));
    Bytes packet;
    while (association_.poll(packet, now, RECORD_PREFIX_SIZE)) dtls_.queue(std::move(packet));
  }
  dtls_.close();
}

std::string Link::why_closed() const {
  if (!why_.empty()) return why_;
  return dtls_.state() == Dtls::State::CLOSED ? dtls_.why_closed() : "the association ended";
}

}  // namespace everframe::transport
