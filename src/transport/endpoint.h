// Endpoint: the server's side of many WebRTC peers on one UDP port, sans-IO. Offers, datagrams and time in;
// answers, events, datagrams and the next timeout out. ICE-lite (RFC 8445 section 2.5), DTLS 1.2 passive (RFC
// 6347, 8842), SCTP with data channels (sctp/association.h).
// Peers are told apart by the ufrag that we gave them in their answer, then by address; an address counts
// only once a STUN check with the right password came from it. A peer may move to another address by STUN
// plus a fresh DTLS record from there. Silence for SILENCE_MAX ends a peer (RFC 7675 counts from the last
// authenticated packet; browsers' throttled tabs check every 20 s to 30 s). Threads: one at a time. It calls
// nobody back: after any call, drain next_event() and flush(). Hostile bytes cost their sender alone: what is
// not authenticated is dropped, counted in figures(), and never answered with more bytes than it had.
// Handshakes cost half a millisecond each, so receive() only queues their datagrams: next_timeout() is then
// at once, and each advance() takes HANDSHAKE_STEPS of them. Its caller does other work between two calls,
// and a crowd that joins delays nobody who plays.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "transport/certificate.h"
#include "transport/channel.h"

namespace everframe::transport {

enum class PeerId : std::uint64_t {};  // never reused within a process

inline constexpr Duration SILENCE_MAX = 35s;
inline constexpr Duration CONNECT_MAX = 20s;  // from the answer to an open association

inline constexpr std::size_t HANDSHAKE_STEPS = 4;          // an advance(): about 1 ms
inline constexpr std::size_t HANDSHAKE_QUEUE_MAX = 4'096;  // datagrams that wait for their step, of all peers
inline constexpr std::size_t HANDSHAKE_DATAGRAMS_A_PEER = 8;  // of them; a flight has two or three
inline constexpr std::size_t ADDRESSES_A_PEER =
    8;  // that passed STUN; a phone changes networks, a flood does not

struct Outgoing {
  Address to;
  Bytes bytes;
};

struct PeerConnected {};
struct PeerChannel {  // the peer opened a channel
  ChannelId channel;
  ChannelOptions options;
};
struct PeerMessage {
  ChannelId channel;
  Bytes bytes;
  bool binary = true;
};
struct PeerChannelClosed {
  ChannelId channel;
};
struct PeerClosed {  // the last event of a peer
  std::string reason;
};
struct PeerEvent {
  PeerId peer{};
  std::variant<PeerConnected, PeerChannel, PeerMessage, PeerChannelClosed, PeerClosed> what;
};

struct EndpointFigures {
  std::uint64_t peers = 0;
  std::uint64_t connected = 0;
  std::uint64_t datagrams_in = 0;
  std::uint64_t datagrams_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t handshakes = 0;
  std::uint64_t bad_stun = 0;         // malformed, unknown ufrag, wrong password
  std::uint64_t unknown_address = 0;  // not STUN, from nobody we know
  std::uint64_t bad_records = 0;      // DTLS that does not decrypt, replays
  std::uint64_t bad_fingerprints = 0;
  std::uint64_t bad_packets = 0;  // SCTP inside good records
  std::uint64_t timed_out = 0;
  std::uint64_t roamed = 0;
  std::uint64_t handshakes_dropped = 0;  // datagrams of handshakes that found their queue full
  std::uint64_t crowded_addresses = 0;   // checks from a subscriber that has peers_an_ip_max peers
  std::uint64_t offers_refused = 0;      // malformed, or no room
};

class Endpoint {
 public:
  struct Options {
    std::vector<Address> candidates;  // what answers name: where clients reach us
    std::size_t peers_max = 5'000;
    std::uint64_t seed = 0;               // of passwords, ufrags and SCTP tags: true entropy in production
    std::size_t connecting_max = 2'048;   // peers that have an answer and are not connected yet
    std::size_t peers_an_ip_max = 4'096;  // of one subscriber: a campus, or somebody who opens sessions
  };
  Endpoint(std::shared_ptr<const Certificate> certificate, Options options);
  ~Endpoint();

  struct Accepted {
    PeerId peer{};
    std::string answer;  // SDP
  };
  // Refuses malformed offers (the Error says where), and with code 503 more peers than it takes.
  Result<Accepted> accept(std::string_view offer, Time now);

  void receive(const Address& from, ByteView datagram, Time now);
  void advance(Time now);  // timers that are due; flush() then
  std::optional<Time> next_timeout() const;
  std::optional<PeerEvent> next_event();

  SendOutcome send(PeerId peer, ChannelId channel, ByteView message, bool binary, Time now);
  std::size_t buffered(PeerId peer, ChannelId channel) const;  // reliable bytes not yet acknowledged
  std::size_t room(PeerId peer) const;                         // bytes that would leave at once
  void close_channel(PeerId peer, ChannelId channel, Time now);
  // Tells the peer and forgets it, at once; a PeerClosed follows.
  void close(PeerId peer, std::string reason, Time now);

  // Appends the datagrams that may leave now, of up to `peers_max` peers that have any: after each batch of
  // input or sends. True: there are more.
  bool flush(Time now, std::vector<Outgoing>& out, std::size_t peers_max = SIZE_MAX);
  // Gives back what flush() handed out, once it is sent: its memory is used again. Empties `sent`.
  void recycle(std::vector<Outgoing>& sent);
  // Those of one peer, ahead of the others: for an answer that must not wait for a crowd's updates.
  void flush(PeerId peer, Time now, std::vector<Outgoing>& out);

  const EndpointFigures& figures() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace everframe::transport
