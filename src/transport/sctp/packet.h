// SCTP packets and chunks as bytes: RFC 9260 section 3; network byte order. Reading is total: a malformed
// packet gives nothing. Numbers of chunks and parameters are those of the IANA registry "SCTP Parameters".
#pragma once
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "transport/network_order.h"

namespace everframe::transport::sctp {

inline constexpr std::size_t PACKET_SIZE_MAX =
    1150;  // so that a DTLS record of it stays under 1,187 bytes of UDP
inline constexpr std::size_t HEADER_SIZE = 12;
inline constexpr std::size_t CHUNK_HEADER_SIZE = 4;
inline constexpr std::size_t DATA_HEADER_SIZE = 16;

// Chunks and parameters begin at multiples of four bytes.
constexpr std::size_t padded(std::size_t length) {
  return (length + 3) & ~std::size_t{3};
}

enum class ChunkType : std::uint8_t {
  DATA = 0,
  INIT = 1,
  INIT_ACK = 2,
  SACK = 3,
  HEARTBEAT = 4,
  HEARTBEAT_ACK = 5,
  ABORT = 6,
  SHUTDOWN = 7,
  SHUTDOWN_ACK = 8,
  ERROR = 9,
  COOKIE_ECHO = 10,
  COOKIE_ACK = 11,
  SHUTDOWN_COMPLETE = 14,
  RE_CONFIG = 130,
  FORWARD_TSN = 192,
};

enum class ParamType : std::uint16_t {
  HEARTBEAT_DETAIL = 1,
  STATE_COOKIE = 7,
  UNRECOGNIZED = 8,
  OUTGOING_RESET = 13,
  INCOMING_RESET = 14,
  TSN_RESET = 15,
  RECONFIG_RESPONSE = 16,
  ADD_OUTGOING_STREAMS = 17,
  ADD_INCOMING_STREAMS = 18,
  SUPPORTED_EXTENSIONS = 0x8008,
  FORWARD_TSN_SUPPORTED = 0xc000,
};

struct Chunk {
  std::uint8_t type;
  std::uint8_t flags;
  ByteView value;  // without header and padding
};

struct Param {
  std::uint16_t type;
  ByteView value;
  ByteView whole;  // with its header, for echoing
};

// Takes the next type-length-value off `rest`; nothing if it is malformed or `rest` is empty.
std::optional<Chunk> next_chunk(ByteView& rest);
std::optional<Param> next_param(ByteView& rest);

// Checks length and checksum; the tag is the caller's to check.
struct Packet {
  std::uint32_t tag;
  ByteView chunks;
};
std::optional<Packet> read_packet(ByteView bytes);

// Writes one packet behind `headroom` bytes: chunks are opened, filled through `out`, and closed (which pads
// them).
class PacketWriter {
 public:
  PacketWriter(Bytes& out, std::uint16_t port, std::uint32_t tag, std::size_t headroom = 0);
  void open(ChunkType type, std::uint8_t flags = 0);
  void close();
  void data(std::uint8_t flags, std::uint32_t tsn, std::uint16_t stream, std::uint16_t ssn,
            std::uint32_t ppid, ByteView payload);  // a whole DATA chunk
  bool fits(std::size_t chunk_size) const { return chunk_size <= room(); }
  std::size_t room() const { return start_ + PACKET_SIZE_MAX - out_.size(); }
  bool empty() const { return out_.size() == start_ + HEADER_SIZE; }
  void finish();  // the checksum
  Bytes& out() { return out_; }

 private:
  Bytes& out_;
  const std::size_t start_;
  std::size_t opened_ = 0;
};

void put_param(Bytes& out, ParamType type, ByteView value);

}  // namespace everframe::transport::sctp
