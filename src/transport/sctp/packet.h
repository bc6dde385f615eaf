// SCTP packets and chunks as bytes: RFC 9260 section 3; network byte order. Reading is total: a malformed
// packet gives nothing. Numbers of chunks and parameters are those of the IANA registry "SCTP Parameters".
#pragma once
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace everframe::transport::sctp {

inline constexpr std::size_t PACKET_SIZE_MAX =
    1150;  // so that a DTLS record of it stays under 1,187 bytes of UDP
inline constexpr std::size_t HEADER_SIZE = 12;
inline constexpr std::size_t CHUNK_HEADER_SIZE = 4;
inline constexpr std::size_t DATA_HEADER_SIZE = 16;

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
  RECONFIG_RESPONSE = 16,
  SUPPORTED_EXTENSIONS = 0x8008,
  FORWARD_TSN_SUPPORTED = 0xc000,
};

inline std::uint16_t read_u16(const std::uint8_t* p) {
  return static_cast<std::uint16_t>(p[0] << 8 | p[1]);
}
inline std::uint32_t read_u32(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}
inline void put_u16(Bytes& out, std::uint16_t v) {
  out.push_back(static_cast<std::uint8_t>(v >> 8));
  out.push_back(static_cast<std::uint8_t>(v));
}
inline void put_u32(Bytes& out, std::uint32_t v) {
  put_u16(out, static_cast<std::uint16_t>(v >> 16));
  put_u16(out, static_cast<std::uint16_t>(v));
}

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

// Writes one packet: chunks are opened, filled through `out`, and closed (which pads them).
class PacketWriter {
 public:
  PacketWriter(Bytes& out, std::uint16_t port, std::uint32_t tag);
  void open(ChunkType type, std::uint8_t flags = 0);
  void close();
  bool fits(std::size_t chunk_size) const { return out_.size() + chunk_size <= PACKET_SIZE_MAX; }
  std::size_t room() const { return PACKET_SIZE_MAX - out_.size(); }
  bool empty() const { return out_.size() == HEADER_SIZE; }
  void finish();  // the checksum
  Bytes& out() { return out_; }

 private:
  Bytes& out_;
  std::size_t opened_ = 0;
};

void put_param(Bytes& out, ParamType type, ByteView value);

}  // namespace everframe::transport::sctp
