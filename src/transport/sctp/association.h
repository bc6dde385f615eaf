// Association: one SCTP association carrying WebRTC data channels, sans-IO. Packets and time in; packets,
// events and the next timeout out. RFC 9260 (SCTP), 3758 (partial reliability), 6525 (stream reset), 8261
// (over DTLS), 8831 and 8832 (data channels and their establishment). Left out, as RFC 8831 allows:
// multi-homing, I-DATA, AUTH, ECN, PMTUD; also channels agreed outside the association ("negotiated").
// Threads: one at a time. Ownership: none taken. It calls nobody back, so it cannot be re-entered: its owner
// drains next_event() and poll()s packets until there is none, after any call.
// A malformed or lying packet is dropped, or aborts this association; it touches nothing else. A peer that
// starts over with a new INIT inside the same DTLS session is told ABORT: its channels' state is gone, so it
// has to join again.
// Memory: under 1 kB when idle, and then what its queues hold (limits: inbound.h, outbound.h).
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "transport/sctp/inbound.h"
#include "transport/sctp/outbound.h"
#include "transport/sctp/ring.h"

namespace everframe::transport::sctp {

inline constexpr std::uint16_t PORT = 5000;      // RFC 8841's default
inline constexpr std::size_t CHANNELS_MAX = 64;  // we need three; a hostile peer gets no table of 65,536
inline constexpr std::size_t LABEL_MAX = 256;    // bytes of a channel's label or protocol
inline constexpr std::uint32_t HANDSHAKE_TRIES_MAX = 10;  // with the doubling timeout: about 16 s
inline constexpr std::uint32_t SHUTDOWN_TRIES_MAX = 5;

enum class Role {
  CLIENT,
  SERVER
};  // of DTLS: the client's own channels have even ids, the server's odd (RFC 8832)

struct ConnectedEvent {};
struct ChannelEvent {  // a channel is open, whoever opened it
  ChannelId channel;
  ChannelOptions options;
};
struct MessageEvent {
  ChannelId channel;
  Bytes bytes;
  bool binary;
};
struct ChannelClosedEvent {
  ChannelId channel;
};
struct ClosedEvent {
  std::string reason;
};
using Event = std::variant<ConnectedEvent, ChannelEvent, MessageEvent, ChannelClosedEvent, ClosedEvent>;

class Association {
 public:
  // `peer_message_max` is the peer's a=max-message-size in bytes.
  Association(Role role, std::size_t peer_message_max, Prng random);

  void connect(Time now);  // the client's INIT; a server just answers (both may call it)
  void receive(ByteView packet, Time now);
  void advance(Time now);                    // timers that are due
  std::optional<Time> next_timeout() const;  // advance() and poll() then
  std::optional<Event> next_event();

  // Builds the next packet to send, at most PACKET_SIZE_MAX bytes, behind `headroom` bytes left for a
  // record's header. False when there is none now.
  bool poll(Bytes& packet, Time now, std::size_t headroom = 0);

  Result<ChannelId> open(ChannelOptions options, Time now);  // also before the association is up
  SendOutcome send(ChannelId channel, ByteView message, bool binary, Time now);
  void close(ChannelId channel, Time now);      // after what was sent has arrived
  void shutdown(std::string reason, Time now);  // ends when all that was sent has arrived
  void abort(std::string reason);               // tells the peer, ends at once

  bool connected() const { return state_ == State::ESTABLISHED; }
  bool closed() const { return state_ == State::CLOSED; }
  // Reliable bytes given but not acknowledged, of all channels and of one.
  std::size_t buffered() const { return outbound_.buffered(); }
  std::size_t buffered(ChannelId channel) const { return outbound_.buffered(raw(channel)); }
  // Bytes that would leave at once, were they given now: what an update should be cut to.
  std::size_t room() const { return outbound_.room(); }
  Duration srtt() const { return outbound_.srtt(); }

  struct Figures {
    std::uint64_t packets_in = 0;
    std::uint64_t packets_out = 0;
    std::uint64_t bad_packets = 0;      // malformed, wrong checksum or tag
    std::uint64_t control_dropped = 0;  // answers that found the queue of control chunks full
  };
  const Figures& figures() const { return figures_; }
  const Outbound::Figures& sent_figures() const { return outbound_.figures(); }
  const Inbound::Figures& received_figures() const { return inbound_.figures(); }

 private:
  // SHUTTING_DOWN is ESTABLISHED but takes no new messages (RFC 9260's SHUTDOWN-PENDING and SHUTDOWN-SENT).
  enum class State { IDLE, COOKIE_WAIT, COOKIE_ECHOED, ESTABLISHED, SHUTTING_DOWN, CLOSED };
  struct Channel {
    std::uint16_t stream = 0;
    enum class State : std::uint8_t { OPENING, OPEN, CLOSING } state = State::OPENING;
    bool announced = true;  // its owner knows of it (not: an OPEN that we refused)
    bool reset_sent = false;
    bool reset_received = false;
    ChannelOptions options;
  };
  struct Reset {  // our outgoing stream reset request that waits for its answer
    std::uint32_t request;
    std::vector<std::uint16_t> streams;
  };
  struct PeerInit {  // what we must know of the peer's INIT; our cookie carries it
    std::uint32_t tag = 0;
    std::uint32_t window = 0;
    std::uint32_t tsn = 0;
    std::uint16_t streams = 0;  // it takes from us
    bool partial = false;       // it understands FORWARD-TSN
  };
  struct Control {
    ChunkType type{};
    std::uint8_t flags = 0;
    Bytes value;
    std::uint32_t tag = 0;
  };

  bool up() const { return state_ == State::ESTABLISHED || state_ == State::SHUTTING_DOWN; }
  bool dispatch(const Chunk& chunk, Time now);
  void after_packet(Time now);
  void on_init(const Chunk& chunk);
  bool on_init_ack(const Chunk& chunk, Time now);
  bool on_cookie_echo(const Chunk& chunk, Time now);
  void on_shutdown(const Chunk& chunk, Time now);
  void on_re_config(const Chunk& chunk, Time now);
  void on_outgoing_reset(const Param& param, Time now);
  void perform_reset(ByteView request, Time now);
  void on_reset_answer(const Param& param);
  void answer_reset(std::uint32_t request, std::uint32_t outcome);
  bool on_unknown(const Chunk& chunk);
  void on_message(InboundMessage message, Time now);
  void on_control(std::uint16_t stream, ByteView message, Time now);
  void on_open(std::uint16_t stream, ByteView message, Time now);
  void begin(const PeerInit& peer);
  void established(Time now);
  void progress_shutdown(Time now);
  void end(std::string reason);

  void queue_control(ChunkType type, std::uint8_t flags, Bytes value);
  void write_init(ChunkType type, const Bytes& tail);
  void try_handshake(Time now);
  Channel* channel_of(std::uint16_t stream);
  Channel& add_channel(std::uint16_t stream, ChannelOptions options, Channel::State state);
  void request_resets(Time now);
  void drop_channel_if_closed(std::uint16_t stream);
  void send_open(const Channel& channel);
  Bytes cookie() const;

  const Role role_;
  const std::size_t peer_message_max_;
  std::uint32_t own_tag_;
  std::uint32_t own_tsn_;
  std::uint64_t cookie_secret_;

  State state_ = State::IDLE;
  std::uint32_t peer_tag_ = 0;
  std::uint16_t peer_streams_ = UINT16_MAX;
  Bytes peer_cookie_;
  std::optional<Time> handshake_timer_;
  std::uint32_t handshake_tries_ = 0;
  std::optional<Time> shutdown_timer_;
  std::uint32_t shutdown_tries_ = 0;
  std::string shutdown_reason_;

  Inbound inbound_;
  Outbound outbound_;
  std::vector<Channel> channels_;       // few, so searched in line
  std::vector<std::uint16_t> refused_;  // streams that the peer opened beyond CHANNELS_MAX, to be reset
  bool resets_wanted_ = false;  // some channel closes and has not asked for its reset, or some are refused
  std::uint16_t next_own_stream_;

  std::uint32_t next_request_ = 0;  // RE-CONFIG sequence numbers: ours start at our initial TSN
  std::uint32_t peer_next_request_ = 0;
  std::optional<Reset> reset_;
  std::optional<Time> reset_timer_;
  std::optional<Bytes> waiting_reset_;  // the peer's request for a TSN that has not arrived yet

  Ring<Control> control_;
  Ring<Event> events_;
  Figures figures_;
};

}  // namespace everframe::transport::sctp
