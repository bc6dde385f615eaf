#include "transport/endpoint.h"

#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>

#include "base/subscriber.h"
#include "transport/ice_text.h"
#include "transport/link.h"
#include "transport/sdp.h"
#include "transport/stun.h"
#include "transport/timer_wheel.h"

namespace everframe::transport {

namespace {

constexpr std::size_t BUFFERS_KEPT = 256;      // for datagrams to come
constexpr std::size_t FETCHED_AHEAD = 3;       // peers whose state is fetched before their turn to send
constexpr std::size_t MESSAGE_MAX = 64 << 10;  // what we say that we accept
constexpr std::size_t STUN_SIZE_MAX = 576;     // of a check; browsers' have about 100 bytes
constexpr std::uint16_t UNKNOWN_ATTRIBUTE =
    420;  // STUN errors: RFC 8489 section 14.8, RFC 8445 section 7.3.1.1
constexpr std::uint16_t ROLE_CONFLICT = 487;

struct Peer : TimerWheel::Node {
  Peer(PeerId of, const SessionDescription& answer, const SessionDescription& offer,
       const std::shared_ptr<const Certificate>& certificate, Prng random, Time now)
      : id(of),
        ufrag(answer.ufrag),
        password(answer.password),
        link(certificate, Dtls::Role::SERVER, offer.fingerprint, offer.message_size_max, random),
        heard(now),
        connect_by(now + CONNECT_MAX) {}

  const PeerId id;
  const std::string ufrag;  // ours
  const std::string password;
  Link link;
  std::vector<Address> proven;     // by STUN; the oldest first
  std::optional<Address> address;  // where we send: where the last authenticated record came from
  Time heard;
  std::optional<Time> answered;    // the first check; until the handshake begins
  std::optional<Time> connect_by;  // until the association is open
  std::uint64_t bad_packets = 0;   // of link.bad_packets(), counted already
  std::uint64_t bad_records = 0;   // likewise
  std::size_t queued = 0;          // datagrams of its handshake that wait for their step
  bool dirty = false;
};

// RFC 7983: DTLS records begin with 20 to 63.
bool looks_like_dtls(ByteView datagram) {
  return datagram[0] >= 20 && datagram[0] <= 63;
}

}  // namespace

struct Endpoint::Impl {
  Impl(std::shared_ptr<const Certificate> shown, Options with)
      : certificate(std::move(shown)), options(std::move(with)), ice(options.seed) {}

  const std::shared_ptr<const Certificate> certificate;
  const Options options;
  IceText ice;
  std::uint64_t last_id = 0;
  std::unordered_map<PeerId, std::unique_ptr<Peer>> peers;
  std::unordered_map<std::string, PeerId> by_ufrag;
  std::unordered_map<Address, Peer*, AddressHash> by_address;
  std::map<Subscriber, std::size_t> by_subscriber;  // how many proven addresses there
  TimerWheel timers;
  std::deque<Peer*> dirty;  // that may have something to send
  struct Waiting {
    PeerId peer;
    Address from;
    Bytes datagram;
    Time since;
  };
  std::deque<Waiting> handshakes;  // of datagrams, HANDSHAKE_QUEUE_MAX at most
  std::vector<Bytes> spare;        // buffers, BUFFERS_KEPT at most

  void emit(Outgoing datagram, std::vector<Outgoing>& out) {
    ++figures.datagrams_out;
    figures.bytes_out += datagram.bytes.size();
    out.push_back(std::move(datagram));
  }
  void poll(Peer& peer, Time now, std::vector<Outgoing>& out) {
    if (!peer.address) return;
    Bytes datagram = buffer();
    while (peer.link.poll(datagram, now)) {
      emit({*peer.address, std::move(datagram)}, out);
      datagram = buffer();
    }
    keep(std::move(datagram));
  }
  Bytes buffer() {
    if (spare.empty()) return {};
    Bytes out = std::move(spare.back());
    spare.pop_back();
    return out;
  }
  void keep(Bytes used) {
    if (used.capacity() > 0 && used.capacity() <= DATAGRAM_MAX && spare.size() < BUFFERS_KEPT)
      spare.push_back(std::move(used));
  }
  std::vector<Outgoing> ready;  // answers to STUN, and last words
  std::deque<PeerEvent> events;
  EndpointFigures figures;

  Peer* find(PeerId id) {
    const auto found = peers.find(id);
    return found == peers.end() ? nullptr : found->second.get();
  }
  void touch(Peer& peer) {
    if (std::exchange(peer.dirty, true)) return;
    dirty.push_back(&peer);
  }
  void emit(ByteView bytes, const Address& to) { ready.push_back({to, Bytes(bytes.begin(), bytes.end())}); }

  Result<Accepted> accept(std::string_view offer, Time now);
  void on_stun(const Address& from, ByteView datagram, Time now);
  bool prove(Peer& peer, const Address& from, bool nominated);
  void forget(Peer& peer, const Address& address);
  void on_dtls(const Address& from, ByteView datagram, Time now);
  void on_record(Peer& peer, const Address& from, ByteView datagram, Time now);
  void step_handshakes(Time now);
  void collect(Peer& peer, Time now);
  void arm(Peer& peer, Time now);
  Time due(const Peer& peer) const;
  void advance(Peer& peer, Time now);
  void end(Peer& peer, std::string reason, Time now);
};

void Endpoint::Impl::on_stun(const Address& from, ByteView datagram, Time now) {
  const std::optional<StunMessage> message =
      datagram.size() <= STUN_SIZE_MAX ? read_stun(datagram) : std::nullopt;
  const std::size_t colon = message ? message->username.find(':') : std::string_view::npos;
  if (!message || message->kind != StunClass::REQUEST || colon == std::string_view::npos) {
    ++figures.bad_stun;
    return;
  }
  const auto named = by_ufrag.find(std::string(message->username.substr(0, colon)));
  // Silence for wrong credentials: RFC 8489 would answer 401, which helps only who guesses.
  if (named == by_ufrag.end() || !has_integrity(datagram, peers.at(named->second)->password)) {
    ++figures.bad_stun;
    return;
  }
  Peer& peer = *peers.at(named->second);
  if (message->unknown_required) {
    return emit(write_stun_error(message->transaction, UNKNOWN_ATTRIBUTE, "Unknown Attribute", peer.password),
                from);
  }
  if (message->controlled) {  // a lite agent is always the controlled one
    return emit(write_stun_error(message->transaction, ROLE_CONFLICT, "Role Conflict", peer.password), from);
  }
  const Bytes answer = write_stun_success(message->transaction, from, peer.password);
  if (answer.size() > datagram.size()) {  // no honest check is so short: it has a priority and a tie-breaker
    ++figures.bad_stun;
    return;
  }
  if (peer.proven.empty()) peer.answered = now;
  if (!prove(peer, from, message->use_candidate)) return;
  peer.heard = now;
  emit(answer, from);
  touch(peer);
}

void Endpoint::Impl::forget(Peer& peer, const Address& address) {
  const auto mapped = by_address.find(address);
  if (mapped != by_address.end() && mapped->second == &peer) by_address.erase(mapped);
  const auto counted = by_subscriber.find(subscriber_of(address));
  if (counted != by_subscriber.end() && --counted->second == 0) by_subscriber.erase(counted);
}

// False if too many are behind that IP address.
bool Endpoint::Impl::prove(Peer& peer, const Address& from, bool nominated) {
  if (std::find(peer.proven.begin(), peer.proven.end(), from) == peer.proven.end()) {
    std::size_t& there = by_subscriber[subscriber_of(from)];
    if (there >= options.peers_an_ip_max) {
      ++figures.crowded_addresses;
      return false;
    }
    ++there;
    if (peer.proven.size() >= ADDRESSES_A_PEER) {
      const auto oldest = std::find_if(peer.proven.begin(), peer.proven.end(),
                                       [&](const Address& a) { return a != peer.address; });
      forget(peer, *oldest);
      peer.proven.erase(oldest);
    }
    peer.proven.push_back(from);
  }
  // Two peers behind one address and port cannot be told apart: the last one has it.
  by_address[from] = &peer;
  // Until records flow the client's choice counts; from then on only a record that decrypts moves the peer.
  if (!peer.address || (nominated && !peer.link.secured())) peer.address = from;
  return true;
}

void Endpoint::Impl::on_dtls(const Address& from, ByteView datagram, Time now) {
  const auto found = by_address.find(from);
  if (found == by_address.end()) {
    ++figures.unknown_address;
    return;
  }
  Peer& peer = *found->second;
  if (peer.link.secured()) return on_record(peer, from, datagram, now);
  if (peer.queued >= HANDSHAKE_DATAGRAMS_A_PEER || handshakes.size() >= HANDSHAKE_QUEUE_MAX ||
      datagram.size() > DATAGRAM_MAX) {
    ++figures.handshakes_dropped;
    return;
  }
  ++peer.queued;
  handshakes.push_back({peer.id, from, Bytes(datagram.begin(), datagram.end()), now});
}

void Endpoint::Impl::step_handshakes(Time now) {
  for (std::size_t step = 0; step < HANDSHAKE_STEPS && !handshakes.empty(); ++step) {
    const Waiting waiting = std::move(handshakes.front());
    handshakes.pop_front();
    Peer* const peer = find(waiting.peer);
    if (peer == nullptr) continue;
    --peer->queued;
    // A client begins when our answer to its check arrives.
    if (const auto answered = std::exchange(peer->answered, std::nullopt))
      peer->link.expect_round_trip(waiting.since - *answered);
    on_record(*peer, waiting.from, waiting.datagram, now);
  }
}

void Endpoint::Impl::on_record(Peer& peer, const Address& from, ByteView datagram, Time now) {
  const bool was_secured = peer.link.secured();
  const Link::Heard heard = peer.link.receive(datagram, now);
  const std::uint64_t bad = peer.link.bad_records();
  figures.bad_records += bad - std::exchange(peer.bad_records, bad);
  if (heard >= Link::Heard::RECORD) {
    peer.heard = now;
    // Only by its newest record: one that was held back must not move it to where it came from.
    if (heard == Link::Heard::NEWEST && peer.address != from) {
      peer.address = from;
      ++figures.roamed;
    }
  }
  if (!was_secured && peer.link.secured()) ++figures.handshakes;
  if (peer.link.wrong_fingerprint()) ++figures.bad_fingerprints;
  collect(peer, now);
}

// Passes on what the link has to say; the peer may be gone afterwards.
void Endpoint::Impl::collect(Peer& peer, Time now) {
  const std::uint64_t bad = peer.link.bad_packets();
  figures.bad_packets += bad - std::exchange(peer.bad_packets, bad);
  while (auto event = peer.link.next_event()) {
    if (std::holds_alternative<sctp::ConnectedEvent>(*event)) {
      peer.connect_by.reset();
      ++figures.connected;
      events.push_back({peer.id, PeerConnected{}});
    } else if (auto* opened = std::get_if<sctp::ChannelEvent>(&*event)) {
      events.push_back({peer.id, PeerChannel{opened->channel, std::move(opened->options)}});
    } else if (auto* message = std::get_if<sctp::MessageEvent>(&*event)) {
      events.push_back({peer.id, PeerMessage{message->channel, std::move(message->bytes), message->binary}});
    } else if (const auto* gone = std::get_if<sctp::ChannelClosedEvent>(&*event)) {
      events.push_back({peer.id, PeerChannelClosed{gone->channel}});
    } else if (const auto* closed = std::get_if<sctp::ClosedEvent>(&*event)) {
      return end(peer, closed->reason, now);
    }
  }
  if (peer.link.closed()) return end(peer, peer.link.why_closed(), now);
  touch(peer);
}

void Endpoint::Impl::end(Peer& peer, std::string reason, Time now) {
  peer.link.close(reason, now);
  if (peer.address) {
    Bytes datagram;
    while (peer.link.poll(datagram, now)) ready.push_back({*peer.address, std::move(datagram)});
  }
  if (!peer.connect_by) --figures.connected;
  for (const Address& address : peer.proven) forget(peer, address);
  by_ufrag.erase(peer.ufrag);
  timers.cancel(peer);
  if (peer.dirty) std::erase(dirty, &peer);
  events.push_back({peer.id, PeerClosed{std::move(reason)}});
  --figures.peers;
  peers.erase(peer.id);
}

Time Endpoint::Impl::due(const Peer& peer) const {
  Time first = peer.heard + SILENCE_MAX;
  if (peer.connect_by) first = std::min(first, *peer.connect_by);
  if (const auto link = peer.link.next_timeout()) first = std::min(first, *link);
  return first;
}

// Only ever earlier: a timer that fires too soon looks again, which is cheaper than moving it with each
// packet.
void Endpoint::Impl::arm(Peer& peer, Time now) {
  const Time first = due(peer);
  if (!peer.armed() || first < peer.at) timers.arm(peer, first, now);
}

void Endpoint::Impl::advance(Peer& peer, Time now) {
  if (peer.connect_by && *peer.connect_by <= now) {
    ++figures.timed_out;
    return end(
        peer, peer.address ? "connecting took too long" : "no connectivity check came: is UDP blocked?", now);
  }
  if (peer.heard + SILENCE_MAX <= now) {
    ++figures.timed_out;
    return end(peer, "it has been silent for too long", now);
  }
  peer.link.advance(now);
  collect(peer, now);
}

Endpoint::Endpoint(std::shared_ptr<const Certificate> certificate, Options options)
    : impl_(std::make_unique<Impl>(std::move(certificate), std::move(options))) {}
Endpoint::~Endpoint() = default;

Result<Endpoint::Accepted> Endpoint::Impl::accept(std::string_view offer, Time now) {
  const auto read = read_sdp(offer);
  if (!read) return tl::unexpected<Error>(read.error());
  if (read->setup == DtlsSetup::PASSIVE) {
    return fail("a=setup:passive in the offer: the client must be the active side; use actpass or active");
  }
  if (peers.size() >= options.peers_max) {
    return fail_with(503, "the server is full: it takes {} peers", options.peers_max);
  }
  if (figures.peers - figures.connected >= options.connecting_max) {
    return fail_with(503, "{} peers are connecting, the most at a time", options.connecting_max);
  }
  SessionDescription answer;
  do {
    answer.ufrag = ice.ufrag();
  } while (by_ufrag.contains(answer.ufrag));
  answer.password = ice.password();
  answer.fingerprint = certificate->fingerprint();
  answer.setup = DtlsSetup::PASSIVE;
  answer.mid = read->mid;
  answer.message_size_max = MESSAGE_MAX;
  answer.ice_lite = true;
  answer.candidates = options.candidates;

  const PeerId id{++last_id};
  auto peer = std::make_unique<Peer>(id, answer, *read, certificate, Prng(ice.number()), now);
  by_ufrag.emplace(answer.ufrag, id);
  arm(*peer, now);
  peers.emplace(id, std::move(peer));
  ++figures.peers;
  return Accepted{id, write_sdp(answer)};
}

Result<Endpoint::Accepted> Endpoint::accept(std::string_view offer, Time now) {
  auto accepted = impl_->accept(offer, now);
  if (!accepted) ++impl_->figures.offers_refused;
  return accepted;
}

void Endpoint::receive(const Address& from, ByteView datagram, Time now) {
  ++impl_->figures.datagrams_in;
  impl_->figures.bytes_in += datagram.size();
  if (looks_like_stun(datagram)) return impl_->on_stun(from, datagram, now);
  if (!datagram.empty() && looks_like_dtls(datagram)) return impl_->on_dtls(from, datagram, now);
  ++impl_->figures.unknown_address;
}

void Endpoint::advance(Time now) {
  Impl& self = *impl_;
  while (TimerWheel::Node* const due = self.timers.take(now)) {
    self.advance(static_cast<Peer&>(*due),
                 now);  // flush() arms it again: what is due may need to be sent first
  }
  self.step_handshakes(now);
}

std::optional<Time> Endpoint::next_timeout() const {
  const std::optional<Time> timer = impl_->timers.next();
  if (impl_->handshakes.empty()) return timer;
  const Time since = impl_->handshakes.front().since;
  return timer ? std::min(*timer, since) : since;
}

std::optional<PeerEvent> Endpoint::next_event() {
  if (impl_->events.empty()) return std::nullopt;
  PeerEvent event = std::move(impl_->events.front());
  impl_->events.pop_front();
  return event;
}

SendOutcome Endpoint::send(PeerId id, ChannelId channel, ByteView message, bool binary, Time now) {
  Peer* peer = impl_->find(id);
  if (peer == nullptr) return SendOutcome::CLOSED;
  const SendOutcome outcome = peer->link.send(channel, message, binary, now);
  impl_->touch(*peer);
  return outcome;
}

std::size_t Endpoint::buffered(PeerId id, ChannelId channel) const {
  const Peer* peer = impl_->find(id);
  return peer != nullptr ? peer->link.buffered(channel) : 0;
}

std::size_t Endpoint::room(PeerId id) const {
  const Peer* peer = impl_->find(id);
  return peer != nullptr ? peer->link.room() : 0;
}

void Endpoint::close_channel(PeerId id, ChannelId channel, Time now) {
  Peer* peer = impl_->find(id);
  if (peer == nullptr) return;
  peer->link.close_channel(channel, now);
  impl_->touch(*peer);
}

void Endpoint::close(PeerId id, std::string reason, Time now) {
  if (Peer* peer = impl_->find(id)) impl_->end(*peer, std::move(reason), now);
}

bool Endpoint::flush(Time now, std::vector<Outgoing>& out, std::size_t peers_max) {
  Impl& self = *impl_;
  for (Outgoing& datagram : self.ready) self.emit(std::move(datagram), out);
  self.ready.clear();
  for (; peers_max > 0 && !self.dirty.empty(); --peers_max) {
    if (self.dirty.size() > FETCHED_AHEAD) self.dirty[FETCHED_AHEAD]->link.prefetch();
    if (self.dirty.size() > 1) self.dirty[1]->link.prefetch_pointed();
    Peer& peer = *self.dirty.front();
    self.dirty.pop_front();
    peer.dirty = false;
    self.poll(peer, now, out);
    self.arm(peer, now);
  }
  return !self.dirty.empty();
}

void Endpoint::flush(PeerId id, Time now, std::vector<Outgoing>& out) {
  Peer* peer = impl_->find(id);
  if (peer != nullptr)
    impl_->poll(*peer, now, out);  // it stays to be flushed with all: its timer is armed there
}

void Endpoint::recycle(std::vector<Outgoing>& sent) {
  for (Outgoing& datagram : sent) impl_->keep(std::move(datagram.bytes));
  sent.clear();
}

const EndpointFigures& Endpoint::figures() const {
  return impl_->figures;
}

}  // namespace everframe::transport
