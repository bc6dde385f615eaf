// hash64: XXH64 of bytes; the same on every machine. Not for secrets.
#pragma once
#include <cstdint>

#include "base/bytes.h"

namespace everframe {

std::uint64_t hash64(ByteView bytes, std::uint64_t seed = 0);

}  // namespace everframe
