// Outbound: the sending half of an association. Messages in; DATA and FORWARD-TSN out; SACKs in.
// RFC 9260 sections 6.1, 6.3 (RTO), 7.2 (congestion control); RFC 3758 (giving up); and two of our own rules
// for games:
// - Unreliable messages are newest-wins: what cannot be sent now waits in a short queue whose oldest gives
// way, before it
//   gets a TSN. So a slow path gets fresh state, not a growing delay.
// - The congestion window is held where the smoothed RTT stays within QUEUE_DELAY_MAX of the smallest RTT
// seen, so that
//   we do not fill a bottleneck's buffer with our own data (the idea of delay-based control, RFC 6817).
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "transport/channel.h"
#include "transport/sctp/packet.h"
#include "transport/sctp/tsn.h"

namespace everframe::transport::sctp {

inline constexpr std::size_t SEND_BUFFER_MAX =
    4 << 20;                                 // reliable bytes not yet acknowledged: a joining player's chunks
inline constexpr std::size_t FRESH_MAX = 8;  // unreliable messages waiting for the window
inline constexpr std::size_t FRAGMENT_SIZE =
    (PACKET_SIZE_MAX - HEADER_SIZE - DATA_HEADER_SIZE) & ~std::size_t{3};
inline constexpr Duration RTO_INITIAL =
    500ms;  // RFC 9260 says 1 s; ICE has just shown that the path is alive
inline constexpr Duration RTO_MIN =
    200ms;  // RFC 9260 says 1 s; with SACKs after 50 ms that would stall a game
inline constexpr Duration RTO_MAX = 10s;
inline constexpr Duration QUEUE_DELAY_MAX = 100ms;
inline constexpr std::uint32_t TIMEOUTS_MAX = 10;  // in a row without an acknowledgement: the peer is gone

// Known limit: while a reliable message of several fragments is being sent, unreliable ones wait (no I-DATA,
// RFC 8260), so senders keep reliable messages small.
class Outbound {
 public:
  void start(std::uint32_t initial_tsn, std::uint32_t peer_window);

  struct Message {
    std::uint16_t stream;
    std::uint32_t ppid;
    Bytes bytes;
    bool ordered;
    std::optional<std::uint16_t> max_retransmits;
    std::optional<Time> expires;
  };
  SendOutcome send(Message message);

  // A SACK chunk. False if it breaks the protocol.
  bool sack(const Chunk& chunk, Time now);
  void retransmission_timeout(Time now);

  // Adds what may be sent now to the packet: FORWARD-TSN, retransmissions, new data. False if nothing was
  // added.
  bool write(PacketWriter& writer, Time now);
  bool wants_to_write(Time now) const;

  // When retransmission_timeout() is due, and when write() has something to say again by itself.
  std::optional<Time> timeout() const { return timer_; }
  std::optional<Time> forward_due() const;
  bool gave_up() const { return timeouts_ > TIMEOUTS_MAX; }
  bool idle(std::uint16_t stream) const;  // nothing of this stream is waiting or unacknowledged
  void reset_stream(std::uint16_t stream) { next_ssn_.erase(stream); }
  std::uint32_t last_assigned_tsn() const { return static_cast<std::uint32_t>(next_tsn_ - 1); }
  std::size_t buffered() const { return buffered_; }
  Duration srtt() const { return srtt_; }

  struct Figures {
    std::uint64_t chunks = 0;
    std::uint64_t retransmitted = 0;
    std::uint64_t abandoned = 0;  // unreliable chunks given up after they were sent
    std::uint64_t gave_way = 0;   // unreliable messages replaced before they were sent
    std::uint64_t forward_tsns = 0;
  };
  const Figures& figures() const { return figures_; }

 private:
  struct Sent {
    std::uint16_t stream;
    std::uint16_t ssn;
    std::uint32_t ppid;
    std::uint8_t flags;
    Bytes bytes;
    Time sent_at{};
    std::uint16_t sends = 0;
    std::uint16_t misses = 0;  // SACKs that reported later ones but not this
    std::optional<std::uint16_t> max_retransmits;
    std::optional<Time> expires;
    enum class State : std::uint8_t { IN_FLIGHT, TO_RESEND, ACKED, ABANDONED } state = State::IN_FLIGHT;
  };

  std::size_t acknowledge(Sent& sent, Time now);  // gives the bytes that are newly acknowledged
  bool acknowledge_gaps(const Chunk& chunk, std::uint64_t base, Time now, std::size_t& newly_acked);
  void count_misses(std::uint64_t highest, Time now);
  void mark_lost(std::uint64_t tsn, Time now);
  void abandon_message(std::uint64_t tsn);
  void after_ack(std::size_t newly_acked, bool advanced, Time now);
  void measure(Duration rtt, Time now);
  void fast_recovery();
  void write_forward_tsn(PacketWriter& writer, Time now);
  void write_data(PacketWriter& writer, const Sent& sent, std::uint64_t tsn);
  bool write_resends(PacketWriter& writer, Time now);
  void cut_reliable();  // the next fragment of the oldest reliable message gets its TSN
  void cut_fresh(Time now);
  void assign(const Message& message, std::size_t offset, std::uint16_t ssn);
  std::uint16_t ssn_of(const Message& message);
  std::uint64_t advanced_ack_point() const;
  // With nothing in flight one chunk may always go: it probes a closed window (RFC 9260 section 6.1 A).
  bool window_open() const { return flight_ == 0 || (flight_ < cwnd_ && flight_ < peer_window_); }
  Sent& at(std::uint64_t tsn) { return sent_[static_cast<std::size_t>(tsn - cumulative_ - 1)]; }

  std::deque<Message> reliable_;
  std::size_t reliable_offset_ = 0;  // of the first of them: bytes already cut off
  bool reliable_started_ = false;
  std::deque<Message> fresh_;
  std::map<std::uint16_t, std::uint16_t> next_ssn_;  // of streams that carried ordered messages

  std::deque<Sent> sent_;  // TSNs cumulative_ + 1 to next_tsn_ - 1
  std::uint64_t cumulative_ = 0;
  std::uint64_t next_tsn_ = 0;
  std::size_t resend_waiting_ = 0;
  std::size_t buffered_ = 0;
  std::size_t flight_ = 0;
  std::size_t cwnd_ = 0;
  std::size_t ssthresh_ = 0;
  std::size_t partial_acked_ = 0;
  std::size_t peer_window_ = 0;
  std::uint64_t recovery_until_ = 0;  // fast recovery ends when this TSN is acknowledged
  Duration srtt_{};
  Duration rttvar_{};
  Duration rtt_min_{};
  Duration rto_ = RTO_INITIAL;
  Time delay_checked_{};
  std::optional<Time> timer_;
  std::uint32_t timeouts_ = 0;
  Time forwarded_at_{};
  Figures figures_;
};

}  // namespace everframe::transport::sctp
