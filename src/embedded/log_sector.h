// Sectors: what the commit log's files are made of (grammar: spec/store_format.md, "Log"). A record lies in
// one or more sectors of 512 bytes, the unit that a disk writes whole or not at all. Each sector carries its
// own checksum, seeded by its file and place, and says to which record it belongs. So after a power cut each
// sector of a record that was being written is either new and whole, or old and whole; a sector that is
// neither has rotted.
#pragma once
#include <cstdint>

#include "base/bytes.h"

namespace everframe::embedded {

inline constexpr std::size_t SECTOR_BYTES = 512;
inline constexpr std::size_t SECTOR_HEADER_BYTES = 32;
inline constexpr std::size_t SECTOR_BODY_BYTES = SECTOR_BYTES - SECTOR_HEADER_BYTES;

struct Sector {
  enum class State {
    EMPTY,  // zeros: never written
    STALE,  // whole, of the file's earlier life under a lower number
    LIVE,   // whole, of this file
    ROTTEN
  };
  State state = State::EMPTY;
  // Of LIVE ones only:
  std::uint64_t serial = 0;  // of the record
  std::uint32_t index = 0;   // of this sector within the record
  std::uint32_t length = 0;  // of the record, in bytes
  ByteView body;
};

constexpr std::size_t sectors_of(std::size_t record_bytes) {
  return record_bytes == 0 ? 1 : (record_bytes + SECTOR_BODY_BYTES - 1) / SECTOR_BODY_BYTES;
}

// Appends the sectors of a record to `out`; the first will lie at sector `place` of segment `segment`.
void append_sectors(Bytes& out, ByteView record, std::uint64_t serial, std::uint32_t segment,
                    std::uint64_t place);

// What the SECTOR_BYTES bytes at sector `place` of segment `segment` are. Without `check_sum` (a test's
// switch) damage goes unnoticed.
Sector read_sector(ByteView bytes, std::uint32_t segment, std::uint64_t place, bool check_sum = true);

}  // namespace everframe::embedded
