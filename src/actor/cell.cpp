#include "actor/cell.h"

#include <exception>

namespace everframe::actor {

void Cell::guarded(const char* what, std::uint64_t incarnation, const Function<void()>& work) {
  if (!running_ || incarnation != incarnation_) return;
  const char* const outer = std::exchange(working_on_, what);
  try {
    work();
  } catch (const std::exception& failure) {
    finish({true, failure.what(), what, 0});
  } catch (...) {
    finish({true, "an exception of unknown type", what, 0});
  }
  working_on_ = outer;
}

}  // namespace everframe::actor
