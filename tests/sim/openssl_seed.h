// OpenSSL's randomness from a seed and its time from a virtual clock, for this process: so that a DTLS
// handshake is the same bytes in every run. Test programs only: what it makes is no secret.
#pragma once
#include <cstdint>

#include "platform/clock.h"

namespace everframe::sim {

// Until unseed_openssl(); `clock` outlives that.
void seed_openssl(std::uint64_t seed, const platform::Clock& clock);
void unseed_openssl();

}  // namespace everframe::sim
