// For tests: how many rounds of a long proof to run. Under a sanitizer, where a round costs ten times as
// much, a tenth of them: the proof is the plain build's, and the sanitizer looks at the same code. The
// environment variable that the test names says another number.
#pragma once
#include <algorithm>
#include <cstdlib>

namespace everframe {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int SANITIZER_SHARE = 10;  // one in so many
#else
inline constexpr int SANITIZER_SHARE = 1;
#endif

inline int proof_size(int rounds, const char* variable = nullptr) {
  const char* wanted = variable == nullptr ? nullptr : std::getenv(variable);
  return wanted == nullptr ? std::max(1, rounds / SANITIZER_SHARE) : std::atoi(wanted);
}

}  // namespace everframe
