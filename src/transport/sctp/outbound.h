// Outbound: the sending half of an association. Messages in; DATA and FORWARD-TSN out; SACKs in.
// RFC 9260 sections 6.1, 6.3 (RTO), 7.2 (congestion control); RFC 3758 (giving up); and three rules for
// games:
// - Unreliable messages are newest-wins: while the window is closed, those of an earlier instant give way to
//   a newer one before they get a TSN. So a slow path gets fresh state, not a growing delay.
// - The congestion window is held where the smoothed RTT stays within BULK_DELAY_MAX of the smallest RTT of
//   the last RTT_MIN_SPAN, within STATE_DELAY_MAX unless BULK_SIZE waits, so that we do not fill a
//   bottleneck's buffer with our own data (the idea of delay-based control, RFC 6817).
// - A chunk is lost when one sent clearly later has arrived (the idea of RACK, RFC 8985), not only after
//   three reports: a game sends too seldom to wait for three.
// - State overtakes a large reliable message. Its fragments need consecutive TSNs (browsers offer no I-DATA,
//   RFC 8260), so they all get theirs at once, and what comes later a higher one, but leaves in between: to
//   the receiver the path has reordered packets. What is further than OUTSTANDING_MAX ahead waits. When both
//   wait they share the window by bytes, and while state flows a part of it is kept free for the next.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "transport/channel.h"
#include "transport/sctp/packet.h"
#include "transport/sctp/ring.h"
#include "transport/sctp/tsn.h"

namespace everframe::transport::sctp {

inline constexpr std::size_t SEND_BUFFER_MAX =
    4 << 20;  // reliable bytes not yet acknowledged: a joining player's chunks
inline constexpr std::size_t RELIABLE_MESSAGES_MAX =
    16'384;                                     // waiting for a TSN; bounds what small ones cost
inline constexpr std::size_t FRESH_MAX = 32;    // unreliable messages waiting for the window: one tick's
inline constexpr std::size_t SENT_MAX = 4'096;  // chunks between the peer's cumulative TSN and our last
inline constexpr std::size_t FRAGMENT_SIZE =
    (PACKET_SIZE_MAX - HEADER_SIZE - DATA_HEADER_SIZE) & ~std::size_t{3};
inline constexpr Duration RTO_INITIAL =
    500ms;  // RFC 9260 says 1 s; ICE has just shown that the path is alive
inline constexpr Duration RTO_MIN =
    200ms;  // RFC 9260 says 1 s; with SACKs after 50 ms that would stall a game
inline constexpr Duration RTO_MAX = 10s;
inline constexpr Duration BULK_DELAY_MAX = 100ms;
inline constexpr Duration STATE_DELAY_MAX = 50ms;
inline constexpr std::size_t BULK_SIZE = 4 << 10;  // reliable bytes waiting that are more than an answer
// Chunks between the peer's cumulative TSN and the last that was sent: what older libwebrtc takes.
inline constexpr std::uint64_t OUTSTANDING_MAX = 256;
inline constexpr Duration RTT_MIN_SPAN = 10s;  // a route that got longer is believed after at most twice this
inline constexpr Time NEVER = Time::max();
inline constexpr std::uint32_t TIMEOUTS_MAX = 10;  // in a row without an acknowledgement: the peer is gone

class Outbound {
 public:
  // `partial`: the peer understands FORWARD-TSN. If not, what has a TSN is sent until it arrives.
  void start(std::uint32_t initial_tsn, std::uint32_t peer_window, bool partial);

  struct Message {
    std::uint16_t stream = 0;
    std::uint32_t ppid = 0;
    Bytes bytes;
    bool ordered = true;
    bool establishes = false;  // our own OPEN or ACK: bounded by the number of channels, never refused
    std::optional<std::uint16_t> max_retransmits;
    Time expires = NEVER;
    Time queued{};

    bool reliable() const { return !max_retransmits && expires == NEVER; }
    std::size_t fragments() const { return (bytes.size() + FRAGMENT_SIZE - 1) / FRAGMENT_SIZE; }
  };
  SendOutcome send(Message message);

  // A SACK chunk. False if it breaks the protocol.
  bool sack(const Chunk& chunk, Time now);
  void cumulative_ack(std::uint32_t tsn, Time now);  // what a SHUTDOWN carries
  void retransmission_timeout(Time now);

  // Adds what may be sent now to the packet: FORWARD-TSN, retransmissions, new data.
  void write(PacketWriter& writer, Time now);
  bool wants_to_write(Time now) const;

  // When retransmission_timeout() is due, and when write() has something to say again by itself.
  std::optional<Time> timeout() const { return timer_; }
  std::optional<Time> forward_due() const;
  bool gave_up() const { return timeouts_ > TIMEOUTS_MAX; }
  bool idle(std::uint16_t stream) const;  // nothing of this stream is waiting or unacknowledged
  bool idle() const { return reliable_.empty() && fresh_.empty() && sent_.empty(); }
  void reset_stream(std::uint16_t stream);
  std::uint32_t last_assigned_tsn() const { return static_cast<std::uint32_t>(next_tsn_ - 1); }

  std::size_t buffered() const { return buffered_; }  // reliable bytes not acknowledged yet
  std::size_t buffered(std::uint16_t stream) const;   // of one stream
  std::size_t room() const;  // bytes that would leave with the next flush, were they given now
  Duration srtt() const { return srtt_; }

  struct Figures {
    std::uint64_t chunks = 0;  // of DATA, each time one was sent
    std::uint64_t retransmitted = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t abandoned = 0;  // unreliable chunks given up after they were sent
    std::uint64_t gave_way = 0;   // unreliable messages replaced before they were sent
    std::uint64_t forward_tsns = 0;
  };
  const Figures& figures() const { return figures_; }

 private:
  struct Sent {  // a cache line
    enum class State : std::uint8_t { IN_FLIGHT, TO_SEND, ACKED, ABANDONED };
    Bytes bytes;  // empty once it will not be sent again
    Time sent_at{};
    Time expires = NEVER;
    std::uint32_t ppid = 0;
    std::uint32_t order = 0;  // of all sendings, the last of this chunk
    std::uint16_t stream = 0;
    std::uint16_t ssn = 0;
    std::optional<std::uint16_t> max_retransmits;
    std::uint16_t size = 0;
    std::uint16_t sends = 0;
    std::uint8_t misses = 0;  // SACKs that reported later ones but not this
    std::uint8_t flags = 0;
    State state = State::TO_SEND;

    bool reliable() const { return !max_retransmits && expires == NEVER; }
    bool lost() const { return state == State::TO_SEND && sends > 0; }
    std::size_t weight() const { return size + DATA_HEADER_SIZE; }
  };
  static_assert(sizeof(Sent) == 64);
  struct Unsent {  // TSNs of one message that have not been sent yet, but for those given up meanwhile
    std::uint64_t next = 0;
    std::uint64_t end = 0;
  };
  struct Stream {
    std::uint16_t id;
    std::uint16_t next_ssn = 0;
    std::size_t buffered = 0;
  };
  struct News {  // what one SACK newly acknowledges
    std::size_t bytes = 0;
    bool any = false;
    Time sent_at{};  // of the latest-sent chunk among them, and its place in the order of sendings
    std::uint32_t order = 0;
    bool sent_once = false;
    bool earliest = false;  // among them the earliest outstanding chunk
  };

  std::uint64_t earliest_outstanding() const;
  void acknowledge(std::uint64_t tsn, Time now, News& news);
  void acknowledge_up_to(std::uint64_t tsn, Time now, News& news);
  bool acknowledge_gaps(const Chunk& chunk, std::uint64_t base, Time now, News& news);
  void after_news(const News& news, bool advanced, Time now);
  void detect_losses(const News& news, Time now);
  void mark_lost(std::uint64_t tsn, Time now);
  void abandon_message(std::uint64_t tsn);
  void measure(Duration rtt, Time now);
  void fast_recovery();
  void write_forward_tsn(PacketWriter& writer, Time now);
  bool write_lost(PacketWriter& writer, Time now);
  bool write_fresh(PacketWriter& writer, Time now);
  bool write_bulk(PacketWriter& writer, Time now);
  bool write_unsent(PacketWriter& writer, Unsent& part, Time now);
  bool write_chunk(PacketWriter& writer, std::uint64_t tsn, Time now);
  Unsent assign(Message& message);
  bool fresh_may_go() const;
  bool bulk_may_go(Time now) const;
  void give_up(Sent& sent);
  Stream& stream_of(std::uint16_t id);
  std::uint64_t advanced_ack_point() const;
  Duration rtt_min() const { return std::min(rtt_min_now_, rtt_min_before_); }
  std::size_t window() const { return std::min(cwnd_, peer_window_); }
  // With nothing in flight one chunk may always go: it probes a closed window (RFC 9260 section 6.1 A).
  bool window_open() const { return flight_ == 0 || flight_ < window(); }
  // What the bottleneck's queue may add to the round trip by our doing.
  Duration delay_max() const { return has_bulk() ? BULK_DELAY_MAX : STATE_DELAY_MAX; }
  bool has_bulk() const { return waiting_ >= BULK_SIZE; }
  bool within_reach(std::uint64_t tsn) const { return tsn - cumulative_ <= OUTSTANDING_MAX; }
  Sent& at(std::uint64_t tsn) { return sent_[static_cast<std::size_t>(tsn - cumulative_ - 1)]; }
  const Sent& at(std::uint64_t tsn) const { return sent_[static_cast<std::size_t>(tsn - cumulative_ - 1)]; }

  // In the order in which a packet touches them.
  std::uint64_t cumulative_ = 0;
  std::uint64_t next_tsn_ = 0;
  std::size_t flight_ = 0;
  std::size_t cwnd_ = 0;
  std::size_t peer_window_ = 0;
  std::size_t lost_ = 0;          // chunks that wait to be sent again
  std::uint64_t first_lost_ = 0;  // no chunk with a smaller TSN does
  Unsent urgent_;                 // of the unreliable message that is being sent
  Unsent bulk_;                   // of the reliable one
  Time fresh_at_{};               // when an unreliable one last left
  std::uint32_t sendings_ = 0;
  std::int32_t bulk_lead_ = 0;  // bytes that reliable messages have had more than others while both waited
  bool partial_ = true;
  std::uint32_t timeouts_ = 0;
  std::optional<Time> timer_;
  Ring<Message, 1> fresh_;
  Ring<Sent, 4> sent_;  // TSNs cumulative_ + 1 to next_tsn_ - 1
  Ring<Message> reliable_;

  std::size_t ssthresh_ = 0;
  std::size_t partial_acked_ = 0;
  // Fast recovery ends when nothing of what was sent before it began is in flight. Not at a TSN, as RFC 9260
  // section 7.2.4 has it: here TSNs do not leave in order, and a large message has its own before they leave.
  bool recovering_ = false;
  std::uint32_t recovery_order_ = 0;  // of the first sending after it began
  Duration srtt_{};
  Duration rttvar_{};
  Duration rtt_min_now_ = Duration::max();  // of the span that runs, and of the one before it
  Duration rtt_min_before_ = Duration::max();
  Time span_began_{};
  Duration rto_ = RTO_INITIAL;
  Time delay_checked_{};
  Time forwarded_at_{};
  std::size_t buffered_ = 0;
  std::size_t waiting_ = 0;      // of them, those not sent yet
  std::vector<Stream> streams_;  // those in use; few, so searched in line
  Figures figures_;
};

}  // namespace everframe::transport::sctp
