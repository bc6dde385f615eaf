#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace everframe {

std::uint64_t hash64(ByteView bytes, std::uint64_t seed) {
  return XXH64(bytes.data(), bytes.size(), seed);
}

}  // namespace everframe
