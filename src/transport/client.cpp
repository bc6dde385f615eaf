#include "transport/client.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

#include "transport/ice_text.h"
#include "transport/link.h"
#include "transport/sdp.h"
#include "transport/stun.h"

namespace everframe::transport {

namespace {

constexpr Duration CHECK_FIRST = 50ms;  // RFC 8445 section 14: Ta; then doubling
constexpr Duration CHECK_MAX = 500ms;
constexpr Duration CONSENT_EVERY = 5s;             // RFC 7675 section 5.1
constexpr std::uint32_t PRIORITY = 1'845'501'695;  // a peer-reflexive host candidate: RFC 8445 section 5.1.2
constexpr std::size_t MESSAGE_MAX = 256 << 10;
constexpr std::size_t CHANNELS_BEFORE_ANSWER = 16;

}  // namespace

struct Client::Impl {
  Impl(std::shared_ptr<const Certificate> shown, std::uint64_t seed)
      : certificate(std::move(shown)), ice(seed) {
    ufrag = ice.ufrag();
    password = ice.password();
    tie_breaker = ice.number();
  }

  const std::shared_ptr<const Certificate> certificate;
  IceText ice;
  std::string ufrag;
  std::string password;
  std::uint64_t tie_breaker = 0;
  SessionDescription remote;
  std::optional<Link> link;
  Address server;
  std::size_t checks = 0;  // before it was reached
  bool reached = false;    // a check was answered
  bool over = false;
  Duration check_gap = CHECK_FIRST;
  std::optional<Time> next_check;
  Time checked{};  // when the last was sent
  Time heard{};
  Time connect_by{};
  bool connected = false;
  StunTransaction transaction{};
  std::vector<ChannelOptions> waiting;  // opened before the answer came
  std::vector<Outgoing> ready;
  std::deque<PeerEvent> events;

  void check(Time now) {
    // Each of its addresses in turn, until one answers: not all families lead there.
    if (!reached) server = remote.candidates[checks++ % remote.candidates.size()];
    const std::uint64_t number = ice.number();
    std::memcpy(transaction.data(), &number, sizeof number);
    const std::string username = remote.ufrag + ":" + ufrag;
    ready.push_back(
        {server, write_stun_request(transaction, username, remote.password, PRIORITY, tie_breaker, true)});
    checked = now;
    next_check = now + (reached ? CONSENT_EVERY : check_gap);
    check_gap = std::min(check_gap * 2, CHECK_MAX);
  }

  void on_stun(ByteView datagram, Time now) {
    const auto message = read_stun(datagram);
    if (!message || message->kind != StunClass::SUCCESS || message->transaction != transaction) return;
    if (!has_integrity(datagram, remote.password)) return;
    heard = now;
    next_check = now + CONSENT_EVERY;
    if (std::exchange(reached, true)) return;
    link->expect_round_trip(now - checked);
    link->start(now);
  }

  void end(std::string reason, Time now) {
    if (std::exchange(over, true)) return;
    if (link) {
      link->close(reason, now);
      Bytes datagram;
      while (reached && link->poll(datagram, now)) ready.push_back({server, std::move(datagram)});
    }
    next_check.reset();
    events.push_back({PeerId{0}, PeerClosed{std::move(reason)}});
  }

  void collect(Time now) {
    while (!over) {
      auto event = link->next_event();
      if (!event) break;
      if (std::holds_alternative<sctp::ConnectedEvent>(*event)) {
        connected = true;
        events.push_back({PeerId{0}, PeerConnected{}});
      } else if (auto* opened = std::get_if<sctp::ChannelEvent>(&*event)) {
        events.push_back({PeerId{0}, PeerChannel{opened->channel, std::move(opened->options)}});
      } else if (auto* message = std::get_if<sctp::MessageEvent>(&*event)) {
        events.push_back(
            {PeerId{0}, PeerMessage{message->channel, std::move(message->bytes), message->binary}});
      } else if (const auto* gone = std::get_if<sctp::ChannelClosedEvent>(&*event)) {
        events.push_back({PeerId{0}, PeerChannelClosed{gone->channel}});
      } else if (const auto* closed = std::get_if<sctp::ClosedEvent>(&*event)) {
        end(closed->reason, now);
      }
    }
    if (!over && link->closed()) end(link->why_closed(), now);
  }
};

Client::Client(std::shared_ptr<const Certificate> certificate, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(std::move(certificate), seed)) {}
Client::~Client() = default;

std::string Client::offer() const {
  SessionDescription offer;
  offer.ufrag = impl_->ufrag;
  offer.password = impl_->password;
  offer.fingerprint = impl_->certificate->fingerprint();
  offer.setup = DtlsSetup::ACTPASS;
  offer.message_size_max = MESSAGE_MAX;
  return write_sdp(offer);
}

Result<void> Client::accept_answer(std::string_view answer, Time now) {
  Impl& self = *impl_;
  auto read = read_sdp(answer);
  if (!read) return tl::unexpected<Error>(read.error());
  if (read->setup != DtlsSetup::PASSIVE)
    return fail("the answer must have a=setup:passive: this client is active");
  if (read->candidates.empty()) return fail("the answer has no UDP candidate: nowhere to connect to");
  self.remote = std::move(*read);
  self.link.emplace(self.certificate, Dtls::Role::CLIENT, self.remote.fingerprint,
                    self.remote.message_size_max, Prng(self.ice.number()));
  for (ChannelOptions& options : std::exchange(self.waiting, {})) {
    if (auto opened = self.link->open(std::move(options), now); !opened)
      return tl::unexpected<Error>(opened.error());
  }
  self.heard = now;
  self.connect_by = now + CONNECT_MAX;
  self.check(now);
  return {};
}

Result<ChannelId> Client::open(ChannelOptions options, Time now) {
  if (impl_->link) return impl_->link->open(std::move(options), now);
  if (impl_->waiting.size() >= CHANNELS_BEFORE_ANSWER) return fail("too many channels before the answer");
  impl_->waiting.push_back(std::move(options));
  // The association gives its own channels even numbers in their order (RFC 8832 section 6).
  return ChannelId{static_cast<std::uint16_t>(2 * (impl_->waiting.size() - 1))};
}

void Client::receive(const Address& from, ByteView datagram, Time now) {
  Impl& self = *impl_;
  if (self.over || !self.link || from != self.server || datagram.empty()) return;
  if (looks_like_stun(datagram)) {
    self.on_stun(datagram, now);
  } else if (self.link->receive(datagram, now) >= Link::Heard::RECORD) {
    self.heard = now;
  }
  self.collect(now);
}

void Client::advance(Time now) {
  Impl& self = *impl_;
  if (self.over || !self.link) return;
  if (!self.connected && self.connect_by <= now) return self.end("connecting took too long", now);
  if (self.heard + SILENCE_MAX <= now) return self.end("the server has been silent for too long", now);
  if (self.next_check && *self.next_check <= now) self.check(now);
  if (self.reached) self.link->advance(now);
  self.collect(now);
}

std::optional<Time> Client::next_timeout() const {
  const Impl& self = *impl_;
  if (self.over || !self.link) return std::nullopt;
  Time first = self.heard + SILENCE_MAX;
  if (!self.connected) first = std::min(first, self.connect_by);
  if (self.next_check) first = std::min(first, *self.next_check);
  if (self.reached) {
    if (const auto link = self.link->next_timeout()) first = std::min(first, *link);
  }
  return first;
}

std::optional<PeerEvent> Client::next_event() {
  if (impl_->events.empty()) return std::nullopt;
  PeerEvent event = std::move(impl_->events.front());
  impl_->events.pop_front();
  return event;
}

SendOutcome Client::send(ChannelId channel, ByteView message, bool binary, Time now) {
  return impl_->link && !impl_->over ? impl_->link->send(channel, message, binary, now) : SendOutcome::CLOSED;
}

std::size_t Client::buffered(ChannelId channel) const {
  return impl_->link ? impl_->link->buffered(channel) : 0;
}

void Client::close(std::string reason, Time now) {
  impl_->end(std::move(reason), now);
}

void Client::flush(Time now, std::vector<Outgoing>& out) {
  Impl& self = *impl_;
  std::move(self.ready.begin(), self.ready.end(), std::back_inserter(out));
  self.ready.clear();
  Bytes datagram;
  while (self.reached && !self.over && self.link->poll(datagram, now))
    out.push_back({self.server, std::move(datagram)});
}

}  // namespace everframe::transport
