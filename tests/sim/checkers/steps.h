// StepCheck: every step that the servers of a run tell, over all their lives, is licensed by the step
// relation (inspect/step_relation.h: spec/WorldState.tla seen from outside). What follows the first that is
// not, says little, and is not looked at.
#pragma once
#include "checkers/checkers.h"
#include "inspect/step_relation.h"

namespace everframe::sim {

class StepCheck final : public region::Steps {
 public:
  explicit StepCheck(Findings& findings) : findings_(findings) {}
  void take(const region::Step& step) override {
    if (broken_) return;
    const auto why = relation_.take(step);
    if (!why) return;
    broken_ = true;
    findings_.push_back({"steps", *why + ": " + region::write_step(step)});
  }

 private:
  inspect::StepRelation relation_;
  Findings& findings_;
  bool broken_ = false;
};

}  // namespace everframe::sim
