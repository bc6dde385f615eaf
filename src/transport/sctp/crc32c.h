// CRC32c (Castagnoli), the checksum of SCTP packets: RFC 9260 appendix A. Uses SSE 4.2 where the processor
// has it.
#pragma once
#include <cstdint>

#include "base/bytes.h"

namespace everframe::transport::sctp {

std::uint32_t crc32c(ByteView bytes);

}  // namespace everframe::transport::sctp
