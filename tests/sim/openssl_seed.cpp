// RAND_set_rand_method is deprecated in favour of providers, which would have to be written as a library of
// their own; it is what a test needs. Time: OpenSSL asks gettimeofday() and time(); both are defined here,
// and a program's own functions go before the C library's.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "openssl_seed.h"

#include <openssl/rand.h>
#include <sys/time.h>

#include <ctime>
#include <optional>

#include "base/random.h"

namespace everframe::sim {

namespace {

std::optional<Prng> dice;
const platform::Clock* clock_now = nullptr;

int fill(unsigned char* out, int count) {
  for (int i = 0; i < count; ++i) out[i] = static_cast<unsigned char>(dice->next() >> 32);
  return 1;
}

}  // namespace

void seed_openssl(std::uint64_t seed, const platform::Clock& clock) {
  static const RAND_METHOD seeded = {nullptr, fill, nullptr, nullptr, fill, [] { return 1; }};
  dice.emplace(seed);
  clock_now = &clock;
  EF_ASSERT(RAND_set_rand_method(&seeded) == 1);
}

void unseed_openssl() {
  RAND_set_rand_method(nullptr);
  clock_now = nullptr;
}

// Microseconds since the epoch.
static std::int64_t time_us() {
  if (clock_now != nullptr) {
    return static_cast<std::int64_t>(clock_now->wall()) * 1'000 +
           clock_now->now().time_since_epoch().count() % 1'000;
  }
  timespec real{};
  clock_gettime(CLOCK_REALTIME, &real);
  return real.tv_sec * std::int64_t{1'000'000} + real.tv_nsec / 1'000;
}

}  // namespace everframe::sim

extern "C" int gettimeofday(timeval* out, void*) noexcept {
  const std::int64_t us = everframe::sim::time_us();
  out->tv_sec = us / 1'000'000;
  out->tv_usec = us % 1'000'000;
  return 0;
}

extern "C" time_t time(time_t* out) noexcept {
  const time_t seconds = everframe::sim::time_us() / 1'000'000;
  if (out != nullptr) *out = seconds;
  return seconds;
}
