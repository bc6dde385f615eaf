// A file of steps (everframed --trace FILE), held against the step relation.
#pragma once
#include <iosfwd>
#include <string>

#include "base/result.h"

namespace everframe::inspect {

struct TraceVerdict {
  std::uint64_t lines = 0;
  std::uint64_t frames = 0;
  std::uint64_t answers = 0;
  std::string complaint;  // about the first line that is not licensed; empty: all are
  bool cut = false;       // it ends before its world did: it reached its limit
};
Result<TraceVerdict> check_trace(std::istream& in);

}  // namespace everframe::inspect
