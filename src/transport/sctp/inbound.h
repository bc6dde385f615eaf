// Inbound: the receiving half of an association. DATA and FORWARD-TSN in, whole messages and SACKs out.
// RFC 9260 sections 6.2 (acknowledgement), 6.5 to 6.9 (ordering, reassembly); RFC 3758 (FORWARD-TSN).
// A message in one chunk is delivered as soon as it comes (if ordered: in its turn); one of several chunks is
// put together in the order of TSNs, so each chunk is handled once however they arrive.
// Limits: what is held (chunks, messages waiting for their turn) stays under RECEIVE_WINDOW, which is also
// what the peer is told; a TSN further than TSN_SPREAD ahead is dropped, and a peer that uses more streams
// than STREAMS_MAX breaks the protocol, so that nothing grows with what a hostile peer invents.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "transport/sctp/packet.h"
#include "transport/sctp/tsn.h"

namespace everframe::transport::sctp {

inline constexpr std::size_t RECEIVE_WINDOW = 512 << 10;  // bytes; two of the largest messages
inline constexpr std::size_t RECEIVE_MESSAGE_MAX = 256 << 10;
inline constexpr std::size_t HELD_OVERHEAD = 96;    // bytes counted for each thing held: about its map node
inline constexpr std::uint64_t TSN_SPREAD = 4'096;  // a window of the smallest useful chunks
inline constexpr std::size_t IN_STREAMS_MAX = 128;  // twice the channels an association may have
inline constexpr Duration SACK_DELAY = 50ms;        // RFC 9260 allows 200 ms; games want losses known sooner

struct InboundMessage {
  std::uint16_t stream = 0;
  std::uint32_t ppid = 0;
  Bytes bytes;
};

class Inbound {
 public:
  void start(std::uint32_t peer_initial_tsn);

  // One DATA or FORWARD-TSN chunk. False if it breaks the protocol: the association is to be aborted.
  bool data(const Chunk& chunk, Time now);
  bool forward_tsn(const Chunk& chunk, Time now);
  void end_packet(Time now);  // after the chunks of one packet: says when its SACK is due

  std::optional<InboundMessage> next_message();

  // Has the peer's cumulative TSN reached `tsn`? (Stream resets wait for it: RFC 6525 section 5.2.2.)
  bool has_all_up_to(std::uint32_t tsn) const { return !serial_less(cumulative_tsn(), tsn); }
  std::uint32_t cumulative_tsn() const { return static_cast<std::uint32_t>(cumulative_); }
  void reset_stream(std::uint16_t stream);
  void reset_all_streams();

  bool wants_sack(Time now) const { return sack_due_ && *sack_due_ <= now; }
  bool may_sack() const { return sack_due_.has_value(); }
  std::optional<Time> sack_due() const { return sack_due_; }
  void write_sack(PacketWriter& writer);

  struct Figures {
    std::uint64_t chunks = 0;      // of DATA
    std::uint64_t duplicates = 0;  // of them, had before
    std::uint64_t refused = 0;     // of them, beyond the window: the peer sends them again
    std::uint64_t messages = 0;
    std::uint64_t forward_tsns = 0;
  };
  const Figures& figures() const { return figures_; }
  std::size_t held() const { return held_; }

 private:
  struct Fragment {
    std::uint16_t stream;
    std::uint16_t ssn;
    std::uint32_t ppid;
    std::uint8_t flags;
    Bytes bytes;
  };
  struct Stream {
    std::uint16_t id;
    std::uint64_t next_ssn = UNWRAP_BASE;
    std::map<std::uint64_t, InboundMessage> waiting;  // whole, but not their turn yet; by unwrapped number
  };
  struct Partial {  // the message whose chunks are being put together
    Fragment fragment;
    std::uint64_t next_tsn;
  };

  bool note_received(std::uint64_t tsn, Time now);
  void advance_cumulative();
  bool feed(std::uint64_t tsn, Fragment fragment);
  bool feed_stored();
  bool give_up_before(std::uint64_t tsn);
  bool deliver(const Fragment& fragment, Bytes bytes);
  void deliver_ready(InboundMessage message);
  void deliver_in_turn(Stream& stream);
  void deliver_before(Stream& stream, std::uint64_t ssn);
  Stream* stream_of(std::uint16_t id);  // null when there are too many

  std::uint64_t cumulative_ = 0;                     // all up to here have arrived, or were given up
  std::map<std::uint64_t, std::uint64_t> received_;  // beyond it: runs of TSNs, first -> last
  std::vector<std::uint32_t> duplicates_;            // since the last SACK
  std::map<std::uint64_t, Fragment> fragments_;      // beyond cumulative_
  std::optional<Partial> partial_;
  bool cut_off_ = false;         // a FORWARD-TSN may have given up the beginning of what comes next
  std::vector<Stream> streams_;  // only those that carried ordered messages; few, so searched in line
  std::vector<InboundMessage> ready_;
  std::size_t ready_at_ = 0;
  std::size_t held_ = 0;  // bytes in fragments_, partial_ and the streams' waiting messages, with overhead
  std::optional<Time> sack_due_;
  std::uint32_t unsacked_packets_ = 0;
  bool data_in_packet_ = false;
  Figures figures_;
};

}  // namespace everframe::transport::sctp
