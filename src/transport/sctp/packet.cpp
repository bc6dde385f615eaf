#include "transport/sctp/packet.h"

#include <algorithm>
#include <cstring>

#include "transport/sctp/crc32c.h"

namespace everframe::transport::sctp {

std::optional<Chunk> next_chunk(ByteView& rest) {
  if (rest.size() < CHUNK_HEADER_SIZE) return std::nullopt;
  const std::size_t length = read_u16(rest.data() + 2);
  if (length < CHUNK_HEADER_SIZE || length > rest.size()) return std::nullopt;
  const Chunk chunk{rest[0], rest[1], rest.subspan(CHUNK_HEADER_SIZE, length - CHUNK_HEADER_SIZE)};
  rest = rest.subspan(std::min(padded(length), rest.size()));
  return chunk;
}

std::optional<Param> next_param(ByteView& rest) {
  if (rest.size() < 4) return std::nullopt;
  const std::size_t length = read_u16(rest.data() + 2);
  if (length < 4 || length > rest.size()) return std::nullopt;
  const Param param{read_u16(rest.data()), rest.subspan(4, length - 4), rest.first(length)};
  rest = rest.subspan(std::min(padded(length), rest.size()));
  return param;
}

std::optional<Packet> read_packet(ByteView bytes) {
  if (bytes.size() < HEADER_SIZE + CHUNK_HEADER_SIZE || bytes.size() % 4 != 0) return std::nullopt;
  // The checksum is that of the packet with its own field zero, and stands there little-endian: RFC 9260
  // appendix A.
  constexpr std::uint8_t ZERO[4] = {};
  const std::uint32_t head = crc32c(ZERO, crc32c(bytes.first(8)));
  const std::uint32_t crc = crc32c(bytes.subspan(HEADER_SIZE), head);
  const std::uint8_t* p = bytes.data() + 8;
  const std::uint32_t told =
      std::uint32_t{p[0]} | std::uint32_t{p[1]} << 8 | std::uint32_t{p[2]} << 16 | std::uint32_t{p[3]} << 24;
  if (told != crc) return std::nullopt;
  return Packet{read_u32(bytes.data() + 4), bytes.subspan(HEADER_SIZE)};
}

PacketWriter::PacketWriter(Bytes& out, std::uint16_t port, std::uint32_t tag, std::size_t headroom)
    : out_(out), start_(headroom) {
  out_.assign(headroom + HEADER_SIZE, 0);
  write_u16(out_.data() + start_, port);
  write_u16(out_.data() + start_ + 2, port);
  write_u32(out_.data() + start_ + 4, tag);
}

void PacketWriter::open(ChunkType type, std::uint8_t flags) {
  opened_ = out_.size();
  out_.push_back(static_cast<std::uint8_t>(type));
  out_.push_back(flags);
  put_u16(out_, 0);
}

void PacketWriter::close() {
  const std::size_t length = out_.size() - opened_;
  write_u16(out_.data() + opened_ + 2, static_cast<std::uint16_t>(length));
  out_.resize(opened_ + padded(length));
}

void PacketWriter::data(std::uint8_t flags, std::uint32_t tsn, std::uint16_t stream, std::uint16_t ssn,
                        std::uint32_t ppid, ByteView payload) {
  const std::size_t at = out_.size();
  const std::size_t length = DATA_HEADER_SIZE + payload.size();
  out_.resize(at + padded(length));
  std::uint8_t* p = out_.data() + at;
  p[0] = static_cast<std::uint8_t>(ChunkType::DATA);
  p[1] = flags;
  write_u16(p + 2, static_cast<std::uint16_t>(length));
  write_u32(p + 4, tsn);
  write_u16(p + 8, stream);
  write_u16(p + 10, ssn);
  write_u32(p + 12, ppid);
  std::memcpy(p + DATA_HEADER_SIZE, payload.data(), payload.size());
}

void PacketWriter::finish() {
  const std::uint32_t crc = crc32c(ByteView(out_).subspan(start_));
  for (std::size_t i = 0; i < 4; ++i) out_[start_ + 8 + i] = static_cast<std::uint8_t>(crc >> (8 * i));
}

void put_param(Bytes& out, ParamType type, ByteView value) {
  put_u16(out, static_cast<std::uint16_t>(type));
  put_u16(out, static_cast<std::uint16_t>(4 + value.size()));
  out.insert(out.end(), value.begin(), value.end());
  out.resize(padded(out.size()));
}

}  // namespace everframe::transport::sctp
