// Link: what runs over a proven path to one peer: DTLS, and the SCTP association inside it once DTLS is open
// and the fingerprint was right. Both the endpoint's peers and the client have one. Sans-IO, as they are.
#pragma once
#include <optional>
#include <string>

#include "transport/channel.h"
#include "transport/dtls.h"
#include "transport/sctp/association.h"

namespace everframe::transport {

class Link {
 public:
  // `peer_message_max` is the peer's a=max-message-size in bytes.
  Link(std::shared_ptr<const Certificate> certificate, Dtls::Role role, const Fingerprint& expected,
       std::size_t peer_message_max, Prng random);

  void start(Time now);  // the client's first flight
  // What the path's round trip seems to be, before the handshake.
  void expect_round_trip(Duration rtt) { dtls_.expect_round_trip(rtt); }
  // RECORD: something authenticated came. NEWEST: and nothing that was sent after it had come before.
  enum class Heard { NOTHING, HANDSHAKE, RECORD, NEWEST };
  Heard receive(ByteView datagram, Time now);
  void advance(Time now);
  std::optional<Time> next_timeout() const;
  std::optional<sctp::Event> next_event();
  bool poll(Bytes& datagram, Time now);  // the next one to send, if any

  Result<ChannelId> open(ChannelOptions options, Time now) {
    return association_.open(std::move(options), now);
  }
  SendOutcome send(ChannelId channel, ByteView message, bool binary, Time now) {
    return association_.send(channel, message, binary, now);
  }
  void close_channel(ChannelId channel, Time now) { association_.close(channel, now); }
  std::size_t buffered(ChannelId channel) const { return association_.buffered(channel); }
  std::size_t room() const { return association_.room(); }

  // Tells the peer by ABORT and close_notify; poll() has them.
  void close(std::string reason, Time now);
  bool closed() const { return dtls_.state() == Dtls::State::CLOSED || association_.closed(); }
  std::string why_closed() const;
  bool secured() const { return secured_; }
  bool wrong_fingerprint() const { return dtls_.wrong_fingerprint(); }
  std::uint64_t bad_packets() const { return association_.figures().bad_packets; }
  std::uint64_t bad_records() const { return dtls_.bad_records(); }

 private:
  void secure(Time now);

  const Dtls::Role role_;
  Dtls dtls_;
  sctp::Association association_;
  bool secured_ = false;
  std::string why_;
};

}  // namespace everframe::transport
