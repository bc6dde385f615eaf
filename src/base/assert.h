// EF_ASSERT: always on. A false one is a bug of ours, never of a peer's or a disk's: it throws
// AssertionFailure, which ends the actor it happened in; the actor's supervisor restarts it from the store.
#pragma once
#include <stdexcept>
#include <string>

namespace everframe {

class AssertionFailure : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace everframe

#define EF_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::everframe::assertion_failed(#condition, __FILE__, __LINE__))
