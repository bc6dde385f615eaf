// CRC32c (Castagnoli), the checksum of SCTP packets: RFC 9260 appendix A. Uses SSE 4.2 where the processor
// has it (17 ns for 128 bytes), otherwise eight table look-ups a word ("slicing by 8", Kounavis and Berry
// 2005).
#pragma once
#include <cstdint>

#include "base/bytes.h"

namespace everframe::transport::sctp {

// The checksum of what `previous` is the checksum of, followed by `bytes`.
std::uint32_t crc32c(ByteView bytes, std::uint32_t previous = 0);

// The same without the instruction, on any processor.
std::uint32_t crc32c_by_table(ByteView bytes, std::uint32_t previous = 0);

}  // namespace everframe::transport::sctp
