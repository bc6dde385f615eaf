// What the step relation refuses, each told by a short trace that differs from a good one in one line.
#include "inspect/step_relation.h"

#include <gtest/gtest.h>

namespace everframe::inspect {

namespace {

using region::Step;
using Kind = Step::Kind;
using Trace = std::vector<Step>;

Step told(Kind kind, std::uint64_t epoch, std::uint64_t frame, std::vector<region::StepAction> actions = {}) {
  return {kind, RegionId{1}, epoch, FrameNo{frame}, std::move(actions)};
}

region::StepAction action(std::uint64_t player, std::uint64_t seq, std::uint8_t reason = 0) {
  return {PlayerId{player}, ActionSeq{seq}, reason};
}

// Player 5 enters a new world, and two actions of its go all the way.
enum Line { TAKE, OPEN, ENTER, ARRIVE_1, ARRIVE_2, DURABLE, ACCEPTED, START, FINISH, SHOW, ANSWERED, LINES };

Trace good() {
  Trace trace{told(Kind::TAKE_OVER, 1, 0),
              told(Kind::OPEN, 1, 0),
              told(Kind::ENTER, 1, 0, {action(5, 0)}),
              told(Kind::ARRIVE, 1, 0, {action(5, 1)}),
              told(Kind::ARRIVE, 1, 0, {action(5, 2)}),
              told(Kind::DURABLE, 1, 0, {action(5, 1), action(5, 2)}),
              told(Kind::ACCEPTED, 0, 0, {action(5, 1)}),
              told(Kind::START_FRAME, 1, 1, {action(5, 1), action(5, 2)}),
              told(Kind::FINISH_FRAME, 1, 1, {action(5, 1), action(5, 2, 3)}),
              told(Kind::SHOW, 0, 1),
              told(Kind::ANSWERED, 0, 1, {action(5, 2, 3)})};
  return trace;
}

// The complaint about the first line that is not licensed; empty: all are.
std::string complaint(const Trace& trace) {
  StepRelation relation;
  for (const Step& step : trace) {
    if (const auto why = relation.take(step)) return *why;
  }
  return {};
}

Trace without(Trace trace, std::initializer_list<int> lines) {
  for (auto line = std::rbegin(lines); line != std::rend(lines); ++line) trace.erase(trace.begin() + *line);
  return trace;
}

Trace with(Trace trace, int line, Step step) {
  trace[static_cast<std::size_t>(line)] = std::move(step);
  return trace;
}

Trace then(Trace trace, std::initializer_list<Step> more) {
  trace.insert(trace.end(), more.begin(), more.end());
  return trace;
}

Trace cut(Trace trace, int lines) {
  trace.resize(static_cast<std::size_t>(lines));
  return trace;
}

}  // namespace

TEST(StepRelation, LicensesAWorldThatRunsAndIsTakenOver) {
  EXPECT_EQ(complaint(good()), "");
  // Killed between T2 and hearing of it: the next owner's head tells.
  EXPECT_EQ(complaint(then(cut(good(), FINISH), {told(Kind::TAKE_OVER, 2, 1), told(Kind::OPEN, 2, 0),
                                                 told(Kind::ANSWERED, 0, 1, {action(5, 2, 3)})})),
            "");
  // Killed before T2: the queue is found.
  EXPECT_EQ(complaint(then(cut(good(), FINISH),
                           {told(Kind::TAKE_OVER, 2, 0), told(Kind::OPEN, 2, 0, {action(5, 1), action(5, 2)}),
                            told(Kind::START_FRAME, 2, 1, {action(5, 1), action(5, 2)})})),
            "");
  // Killed before it heard of T1, which may have happened or not.
  EXPECT_EQ(complaint(then(cut(good(), DURABLE), {told(Kind::TAKE_OVER, 2, 0), told(Kind::OPEN, 2, 0)})), "");
  EXPECT_EQ(complaint(then(cut(good(), DURABLE),
                           {told(Kind::TAKE_OVER, 2, 0), told(Kind::OPEN, 2, 0, {action(5, 1)})})),
            "");
}

TEST(StepRelation, LicensesWhatAStaleOwnerHearsLate) {
  const Trace taken = then(cut(good(), FINISH), {told(Kind::TAKE_OVER, 2, 1), told(Kind::TAKE_OVER, 4, 1),
                                                 told(Kind::OPEN, 2, 0), told(Kind::OPEN, 4, 0)});
  EXPECT_EQ(complaint(then(taken, {told(Kind::FINISH_FRAME, 1, 1, {action(5, 1), action(5, 2, 3)}),
                                   told(Kind::DURABLE, 1, 0, {action(5, 2)}), told(Kind::TAKE_OVER, 3, 1),
                                   told(Kind::ARRIVE, 3, 0, {action(5, 9)}),
                                   told(Kind::START_FRAME, 3, 9, {action(5, 9)})})),
            "");
  const auto refused = [&](Step step) { return complaint(then(taken, {std::move(step)})); };
  EXPECT_NE(refused(told(Kind::TAKE_OVER, 2, 1)), "");                     // two owners
  EXPECT_NE(refused(told(Kind::FINISH_FRAME, 1, 2)), "");                  // no such frame
  EXPECT_NE(refused(told(Kind::FINISH_FRAME, 2, 1)), "");                  // another's frame
  EXPECT_NE(refused(told(Kind::FINISH_FRAME, 1, 1, {action(5, 3)})), "");  // not of that frame
  EXPECT_NE(refused(told(Kind::DURABLE, 1, 0, {action(5, 3)})), "");       // under an epoch that is over
}

TEST(StepRelation, RefusesWhatWasToldBeforeItWasDurable) {
  EXPECT_NE(complaint(without(good(), {DURABLE})), "");
  EXPECT_NE(complaint(without(good(), {START, FINISH})), "");
  EXPECT_NE(complaint(cut(without(good(), {FINISH}), SHOW)), "");
  EXPECT_NE(complaint(with(good(), ANSWERED, told(Kind::ANSWERED, 0, 1, {action(5, 2, 0)}))), "");
  EXPECT_NE(complaint(with(good(), ANSWERED, told(Kind::SAY_ANSWER, 0, 2, {action(5, 2, 3)}))), "");
  EXPECT_NE(complaint(with(good(), ACCEPTED, told(Kind::SAY_ACCEPTED, 0, 0, {action(5, 3)}))), "");
}

TEST(StepRelation, RefusesWhatIsDoubledOrOutOfOrder) {
  EXPECT_NE(complaint(with(good(), ARRIVE_2, told(Kind::ARRIVE, 1, 0, {action(5, 1)}))), "");
  EXPECT_NE(complaint(with(good(), ARRIVE_2, told(Kind::ARRIVE, 1, 0, {action(5, 3)}))), "");
  EXPECT_NE(complaint(without(good(), {ENTER})), "");
  EXPECT_NE(complaint(with(good(), START, told(Kind::START_FRAME, 1, 1, {action(5, 2), action(5, 1)}))), "");
  EXPECT_NE(complaint(with(good(), START, told(Kind::START_FRAME, 1, 1, {action(5, 1), action(5, 1)}))), "");
  EXPECT_NE(complaint(with(good(), START, told(Kind::START_FRAME, 1, 2, {action(5, 1)}))), "");
  EXPECT_NE(complaint(then(good(), {told(Kind::START_FRAME, 1, 2, {action(5, 2)})})), "");
  EXPECT_NE(complaint(with(good(), FINISH, told(Kind::FINISH_FRAME, 1, 1, {action(5, 1)}))), "");
  EXPECT_NE(complaint(then(good(), {told(Kind::ENTER, 1, 1, {action(5, 1)})})), "");
}

TEST(StepRelation, RefusesAnOwnerThatLosesOrInvents) {
  const auto taken = [](int lines, std::uint64_t head, std::vector<region::StepAction> queue) {
    return complaint(
        then(cut(good(), lines), {told(Kind::TAKE_OVER, 2, head), told(Kind::OPEN, 2, 0, std::move(queue))}));
  };
  EXPECT_NE(taken(START, 0, {}), "");                                          // durable, and lost
  EXPECT_NE(taken(START, 0, {action(5, 1), action(5, 2), action(5, 3)}), "");  // never came
  EXPECT_NE(taken(LINES, 1, {action(5, 2)}), "");                              // was done
  EXPECT_NE(taken(LINES, 0, {}), "");                                          // a frame is rolled back
  EXPECT_NE(taken(LINES, 2, {}), "");                                          // a frame that never was
  EXPECT_NE(complaint(then(good(), {told(Kind::TAKE_OVER, 1, 1)})), "");
  EXPECT_NE(complaint(without(good(), {TAKE})), "");
}

}  // namespace everframe::inspect
