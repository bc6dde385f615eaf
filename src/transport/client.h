// Client: one WebRTC peer in the client's role, sans-IO, for bots, tests and native clients: controlling ICE
// agent with one host candidate, DTLS client, SCTP. Threads: one at a time; it calls nobody back.
#pragma once
#include "transport/endpoint.h"

namespace everframe::transport {

class Client {
 public:
  // `seed` as in Endpoint::Options.
  Client(std::shared_ptr<const Certificate> certificate, std::uint64_t seed);
  ~Client();

  std::string offer() const;  // SDP, without candidates
  // Begins to connect to the answer's first usable candidate.
  Result<void> accept_answer(std::string_view answer, Time now);

  Result<ChannelId> open(ChannelOptions options, Time now);  // also before it is connected

  void receive(const Address& from, ByteView datagram, Time now);
  void advance(Time now);
  std::optional<Time> next_timeout() const;
  std::optional<PeerEvent> next_event();  // PeerEvent::peer is 0

  SendOutcome send(ChannelId channel, ByteView message, bool binary, Time now);
  std::size_t buffered(ChannelId channel) const;
  void close(std::string reason, Time now);
  void flush(Time now, std::vector<Outgoing>& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace everframe::transport
