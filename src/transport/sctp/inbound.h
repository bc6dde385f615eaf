// Inbound: the receiving half of an association. DATA and FORWARD-TSN in, whole messages and SACKs out.
// RFC 9260 sections 6.2 (acknowledgement), 6.5 to 6.9 (ordering, reassembly); RFC 3758 (FORWARD-TSN).
// Limits: what is held (fragments, messages waiting for their turn) stays under RECEIVE_WINDOW, which is also
// what the peer is told; a TSN further than TSN_SPREAD ahead is dropped, so that no map grows with what a
// hostile peer invents.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "transport/sctp/packet.h"
#include "transport/sctp/tsn.h"

namespace everframe::transport::sctp {

inline constexpr std::size_t RECEIVE_WINDOW = 512 << 10;  // bytes; two of the largest messages
inline constexpr std::size_t RECEIVE_MESSAGE_MAX = 256 << 10;
inline constexpr std::uint64_t TSN_SPREAD = 4'096;  // a window of the smallest useful chunks
inline constexpr Duration SACK_DELAY = 50ms;        // RFC 9260 allows 200 ms; games want losses known sooner

struct InboundMessage {
  std::uint16_t stream;
  std::uint32_t ppid;
  Bytes bytes;
};

class Inbound {
 public:
  void start(std::uint32_t peer_initial_tsn);

  // One DATA chunk. False if it breaks the protocol: the association is to be aborted.
  bool data(const Chunk& chunk, Time now);
  bool forward_tsn(const Chunk& chunk, Time now);

  std::optional<InboundMessage> next_message();

  // Has the peer's cumulative TSN reached `tsn`? (Stream resets wait for it: RFC 6525 section 5.2.2.)
  bool has_all_up_to(std::uint32_t tsn) const {
    return !serial_less(static_cast<std::uint32_t>(cumulative_), tsn);
  }
  void reset_stream(std::uint16_t stream);

  bool wants_sack(Time now) const { return sack_due_ && *sack_due_ <= now; }
  bool may_sack() const { return sack_due_.has_value(); }
  std::optional<Time> sack_due() const { return sack_due_; }
  void write_sack(PacketWriter& writer);

 private:
  struct Fragment {
    std::uint16_t stream;
    std::uint16_t ssn;
    std::uint32_t ppid;
    std::uint8_t flags;
    Bytes bytes;
  };
  struct Stream {
    std::uint16_t next_ssn = 0;
    std::map<std::uint16_t, InboundMessage> waiting;  // whole, but not their turn yet
  };
  using Fragments = std::map<std::uint64_t, Fragment>;

  bool note_received(std::uint64_t tsn, Time now);
  bool assemble(Fragments::iterator newest);
  bool deliver(const Fragment& first, Bytes bytes);
  void deliver_in_turn(Stream& stream);
  void advance_cumulative();

  std::uint64_t cumulative_ = 0;                     // all up to here have arrived, or were given up
  std::map<std::uint64_t, std::uint64_t> received_;  // beyond it: runs of TSNs, first -> last
  std::vector<std::uint32_t> duplicates_;            // since the last SACK
  Fragments fragments_;
  std::unordered_map<std::uint16_t, Stream> streams_;  // only those that carried ordered messages
  std::vector<InboundMessage> ready_;
  std::size_t ready_at_ = 0;
  std::size_t held_ = 0;  // bytes in fragments_ and in the streams' waiting messages
  std::optional<Time> sack_due_;
  std::uint32_t unsacked_packets_ = 0;
};

}  // namespace everframe::transport::sctp
