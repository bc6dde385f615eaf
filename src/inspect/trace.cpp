#include "inspect/trace.h"

#include <istream>

#include "inspect/step_relation.h"

namespace everframe::inspect {

Result<TraceVerdict> check_trace(std::istream& in) {
  StepRelation relation;
  TraceVerdict verdict;
  for (std::string line; verdict.complaint.empty() && std::getline(in, line);) {
    ++verdict.lines;
    if (line == region::STEPS_END) {
      verdict.cut = true;
      break;
    }
    const auto step = region::read_step(line);
    if (!step) return fail("line {}: {}", verdict.lines, step.error().text);
    if (const auto why = relation.take(*step))
      verdict.complaint = fmt::format("line {}: {}", verdict.lines, *why);
  }
  verdict.frames = relation.frames();
  verdict.answers = relation.answers();
  return verdict;
}

}  // namespace everframe::inspect
