#include "embedded/log_sector.h"

#include <algorithm>

#include "base/assert.h"
#include "base/codec.h"
#include "base/hash.h"

namespace everframe::embedded {

namespace {

// sector := checksum u64, serial u64, segment u32, index u32, length u32, zero u32, body 480 bytes
// checksum := XXH64 of all that follows it, seeded by segment * 2^32 + place

std::uint64_t checksum(ByteView sector, std::uint32_t segment, std::uint64_t place) {
  return hash64(sector.subspan(8, SECTOR_BYTES - 8), (std::uint64_t{segment} << 32) + place);
}

}  // namespace

void append_sectors(Bytes& out, ByteView record, std::uint64_t serial, std::uint32_t segment,
                    std::uint64_t place) {
  EF_ASSERT(record.size() <= UINT32_MAX);
  const std::size_t count = sectors_of(record.size());
  out.reserve(out.size() + count * SECTOR_BYTES);
  ByteWriter writer(out);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t start = out.size();
    const ByteView body = record.subspan(i * SECTOR_BODY_BYTES,
                                         std::min(SECTOR_BODY_BYTES, record.size() - i * SECTOR_BODY_BYTES));
    writer.u64(0);
    writer.u64(serial);
    writer.u32(segment);
    writer.u32(static_cast<std::uint32_t>(i));
    writer.u32(static_cast<std::uint32_t>(record.size()));
    writer.u32(0);
    writer.raw_bytes(body);
    out.resize(start + SECTOR_BYTES);
    const std::uint64_t sum = checksum(ByteView(out).subspan(start, SECTOR_BYTES), segment, place + i);
    for (std::size_t b = 0; b < 8; ++b) out[start + b] = static_cast<std::uint8_t>(sum >> (8 * b));
  }
}

Sector read_sector(ByteView bytes, std::uint32_t segment, std::uint64_t place, bool check_sum) {
  EF_ASSERT(bytes.size() == SECTOR_BYTES);
  Sector out;
  if (std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; })) return out;
  ByteReader reader(bytes);
  const std::uint64_t sum = reader.u64();
  out.serial = reader.u64();
  const std::uint32_t written_in = reader.u32();
  out.index = reader.u32();
  out.length = reader.u32();
  const bool sound = !check_sum || sum == checksum(bytes, written_in, place);
  if (!sound || written_in > segment) {
    out.state = Sector::State::ROTTEN;
    return out;
  }
  out.state = written_in == segment ? Sector::State::LIVE : Sector::State::STALE;
  const std::size_t offset = std::size_t{out.index} * SECTOR_BODY_BYTES;
  if (out.index >= sectors_of(out.length)) {
    out.state = Sector::State::ROTTEN;  // a checksum met by chance: no writer makes such a sector
    return out;
  }
  out.body =
      bytes.subspan(SECTOR_HEADER_BYTES,
                    std::min(SECTOR_BODY_BYTES, out.length - std::min<std::size_t>(out.length, offset)));
  return out;
}

}  // namespace everframe::embedded
