#include "actor/cell.h"

#include <exception>

namespace everframe::actor {

void Cell::crash(const char* what) {
  try {
    throw;
  } catch (const std::exception& failure) {
    finish({true, failure.what(), what, 0});
  } catch (...) {
    finish({true, "an exception of unknown type", what, 0});
  }
}

}  // namespace everframe::actor
