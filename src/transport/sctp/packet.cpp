#include "transport/sctp/packet.h"

#include "transport/sctp/crc32c.h"

namespace everframe::transport::sctp {

namespace {

std::size_t padded(std::size_t length) {
  return (length + 3) & ~std::size_t{3};
}

}  // namespace

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
  Bytes copy(bytes.begin(), bytes.end());
  for (std::size_t i = 8; i < 12; ++i) copy[i] = 0;
  const std::uint32_t crc = crc32c(copy);
  for (std::size_t i = 0; i < 4; ++i) {  // little-endian in the header: RFC 9260 appendix A
    if (bytes[8 + i] != static_cast<std::uint8_t>(crc >> (8 * i))) return std::nullopt;
  }
  return Packet{read_u32(bytes.data() + 4), bytes.subspan(HEADER_SIZE)};
}

PacketWriter::PacketWriter(Bytes& out, std::uint16_t port, std::uint32_t tag) : out_(out) {
  out_.clear();
  put_u16(out_, port);
  put_u16(out_, port);
  put_u32(out_, tag);
  put_u32(out_, 0);
}

void PacketWriter::open(ChunkType type, std::uint8_t flags) {
  opened_ = out_.size();
  out_.push_back(static_cast<std::uint8_t>(type));
  out_.push_back(flags);
  put_u16(out_, 0);
}

void PacketWriter::close() {
  const std::size_t length = out_.size() - opened_;
  out_[opened_ + 2] = static_cast<std::uint8_t>(length >> 8);
  out_[opened_ + 3] = static_cast<std::uint8_t>(length);
  out_.resize(opened_ + padded(length));
}

void PacketWriter::finish() {
  const std::uint32_t crc = crc32c(out_);
  for (std::size_t i = 0; i < 4; ++i) out_[8 + i] = static_cast<std::uint8_t>(crc >> (8 * i));
}

void put_param(Bytes& out, ParamType type, ByteView value) {
  put_u16(out, static_cast<std::uint16_t>(type));
  put_u16(out, static_cast<std::uint16_t>(4 + value.size()));
  out.insert(out.end(), value.begin(), value.end());
  out.resize(padded(out.size()));
}

}  // namespace everframe::transport::sctp
