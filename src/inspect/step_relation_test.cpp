// What would break these: a trace that is as it should be and is blamed, over a crash at any point too; a bug
// of each kind that the relation lets pass; a line that is misread.
#include "inspect/step_relation.h"

#include <gtest/gtest.h>

namespace everframe::inspect {
namespace {

using Lines = std::vector<std::string>;

// The first complaint, as "LINE: why"; empty: all of them are licensed.
std::string complaint(const Lines& lines) {
  StepRelation relation;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto step = region::read_step(lines[i]);
    if (!step) return step.error().text;
    EXPECT_EQ(region::write_step(*step), lines[i]);
    if (const auto why = relation.take(*step)) return fmt::format("{}: {}", i, *why);
  }
  return {};
}

const Lines LIFE = {
    R"({"step":"take_over","region":1,"epoch":1,"frame":0,"actions":[]})",
    R"({"step":"open","region":1,"epoch":1,"actions":[]})",
    R"({"step":"enter","region":1,"epoch":1,"actions":[[5,0]]})",
    R"({"step":"arrive","region":1,"epoch":1,"actions":[[5,1]]})",
    R"({"step":"arrive","region":1,"epoch":1,"actions":[[5,2]]})",
    R"({"step":"durable","region":1,"epoch":1,"actions":[[5,1],[5,2]]})",
    R"({"step":"accepted","region":1,"actions":[[5,1]]})",
    R"({"step":"say_accepted","region":0,"actions":[[5,1]]})",
    R"({"step":"start_frame","region":1,"epoch":1,"frame":1,"actions":[[5,1]]})",
    R"({"step":"arrive","region":1,"epoch":1,"actions":[[5,3]]})",
    R"({"step":"finish_frame","region":1,"epoch":1,"frame":1,"actions":[[5,1,0]]})",
    R"({"step":"show","region":1,"frame":1,"actions":[]})",
    R"({"step":"answered","region":1,"frame":1,"actions":[[5,1,0]]})",
    R"({"step":"start_frame","region":1,"epoch":1,"frame":2,"actions":[[5,2]]})",
};
// What the next owner may find after a crash there, with each of two things done or not: T1 of action 3, T2
// of frame 2.
Lines after_crash(bool t1, bool t2, std::uint64_t epoch = 2) {
  const std::string queue = t2 ? (t1 ? "[5,3]" : "") : (t1 ? "[5,2],[5,3]" : "[5,2]");
  return {fmt::format(R"({{"step":"take_over","region":1,"epoch":{},"frame":{},"actions":[]}})", epoch,
                      t2 ? 2 : 1),
          fmt::format(R"({{"step":"open","region":1,"epoch":{},"actions":[{}]}})", epoch, queue),
          fmt::format(R"({{"step":"enter","region":1,"epoch":{},"actions":[[5,{}]]}})", epoch, t2 ? 2 : 1)};
}

Lines joined(Lines a, const Lines& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(StepRelation, LicensesALifeAndEveryCrash) {
  EXPECT_EQ(complaint(LIFE), "");
  for (const bool t1 : {false, true}) {
    for (const bool t2 : {false, true}) EXPECT_EQ(complaint(joined(LIFE, after_crash(t1, t2))), "");
  }
}

TEST(StepRelation, LicensesATraceThatBeginsInTheMiddle) {
  EXPECT_EQ(complaint(after_crash(true, false, 9)), "");
  EXPECT_EQ(complaint({R"({"step":"take_over","region":1,"epoch":4,"frame":7,"actions":[]})",
                       R"({"step":"open","region":1,"epoch":4,"actions":[]})",
                       R"({"step":"enter","region":1,"epoch":4,"actions":[[5,40]]})",
                       R"({"step":"answered","region":1,"frame":3,"actions":[[5,30,2]]})"}),
            "");
}

TEST(StepRelation, LicensesAnOwnerThatHearsLateOfWhatItCommittedInTime) {
  const std::string late = R"({"step":"finish_frame","region":1,"epoch":1,"frame":2,"actions":[[5,2,4]]})";
  EXPECT_EQ(complaint(joined(joined(LIFE, after_crash(false, true)),
                             {late, R"({"step":"answered","region":1,"frame":2,"actions":[[5,2,4]]})"})),
            "");
  EXPECT_NE(complaint(joined(joined(LIFE, after_crash(false, false)), {late})), "") << "it was not committed";
}

// Three owners: epoch 4 holds the region, 1 and 2 have not heard of it, and 3 tells last that it was there.
TEST(StepRelation, LicensesWhatStaleOwnersTellLateAndNothingThatNeverWas) {
  const Lines taken = joined(joined(LIFE, after_crash(false, true)),
                             {R"({"step":"take_over","region":1,"epoch":4,"frame":2,"actions":[]})",
                              R"({"step":"open","region":1,"epoch":4,"actions":[]})"});
  EXPECT_EQ(complaint(joined(taken,
                             {R"({"step":"finish_frame","region":1,"epoch":1,"frame":2,"actions":[[5,2,0]]})",
                              R"({"step":"durable","region":1,"epoch":1,"actions":[[5,2]]})",
                              R"({"step":"take_over","region":1,"epoch":3,"frame":2,"actions":[]})",
                              R"({"step":"open","region":1,"epoch":3,"actions":[]})",
                              R"({"step":"arrive","region":1,"epoch":3,"actions":[[5,9]]})",
                              R"({"step":"start_frame","region":1,"epoch":3,"frame":9,"actions":[[5,9]]})"})),
            "");
  const struct {
    const char* bug;
    const char* step;
  } BUGS[] = {
      {"two owners of an epoch", R"({"step":"take_over","region":1,"epoch":2,"frame":2,"actions":[]})"},
      {"a frame that never was", R"({"step":"finish_frame","region":1,"epoch":1,"frame":3,"actions":[]})"},
      {"another's frame", R"({"step":"finish_frame","region":1,"epoch":2,"frame":2,"actions":[[5,2,0]]})"},
      {"not of that frame", R"({"step":"finish_frame","region":1,"epoch":1,"frame":2,"actions":[[5,3,0]]})"},
      {"under an epoch that is over", R"({"step":"durable","region":1,"epoch":1,"actions":[[5,3]]})"},
  };
  for (const auto& [bug, step] : BUGS) EXPECT_NE(complaint(joined(taken, {step})), "") << bug;
}

TEST(StepRelation, NoticesEachKindOfBug) {
  const struct {
    const char* bug;
    std::size_t line;  // replaced, or that and what follows left out if `more` begins with a crash
    const char* instead;
  } BUGS[] = {
      {"accepted before T1", 5, R"({"step":"accepted","region":1,"actions":[[5,1]]})"},
      {"said before T1", 5, R"({"step":"say_accepted","region":0,"actions":[[5,2]]})"},
      {"durable, and never came", 5,
       R"({"step":"durable","region":1,"epoch":1,"actions":[[5,1],[5,2],[6,1]]})"},
      {"a seq left out", 4, R"({"step":"arrive","region":1,"epoch":1,"actions":[[5,3]]})"},
      {"a resend taken again", 4, R"({"step":"arrive","region":1,"epoch":1,"actions":[[5,1]]})"},
      {"a frame of what is not durable", 8,
       R"({"step":"start_frame","region":1,"epoch":1,"frame":1,"actions":[[5,3]]})"},
      {"a frame out of order", 8,
       R"({"step":"start_frame","region":1,"epoch":1,"frame":1,"actions":[[5,2],[5,1]]})"},
      {"a frame left out", 8, R"({"step":"start_frame","region":1,"epoch":1,"frame":2,"actions":[[5,1]]})"},
      {"shown before T2", 10, R"({"step":"show","region":1,"frame":1,"actions":[]})"},
      {"answered before T2", 10, R"({"step":"answered","region":1,"frame":1,"actions":[[5,1,0]]})"},
      {"said before T2", 10, R"({"step":"say_answer","region":0,"frame":1,"actions":[[5,1,0]]})"},
      {"another frame committed", 10,
       R"({"step":"finish_frame","region":1,"epoch":1,"frame":1,"actions":[[5,2,0]]})"},
      {"a stale owner's T1", 5, R"({"step":"durable","region":1,"epoch":0,"actions":[[5,1],[5,2]]})"},
      {"a stale owner's T2", 10,
       R"({"step":"finish_frame","region":1,"epoch":0,"frame":1,"actions":[[5,1,0]]})"},
      {"another outcome told", 12, R"({"step":"answered","region":1,"frame":1,"actions":[[5,1,3]]})"},
      {"another frame told", 12, R"({"step":"answered","region":1,"frame":9,"actions":[[5,1,0]]})"},
      {"two frames at once", 10,
       R"({"step":"start_frame","region":1,"epoch":1,"frame":2,"actions":[[5,2]]})"},
      {"done again", 13, R"({"step":"start_frame","region":1,"epoch":1,"frame":2,"actions":[[5,1]]})"},
  };
  for (const auto& [bug, line, instead] : BUGS) {
    Lines lines = LIFE;
    lines[line] = instead;
    EXPECT_EQ(complaint(lines).substr(0, complaint(lines).find(':')), std::to_string(line)) << bug;
  }
}

TEST(StepRelation, NoticesWhatACrashLostOrMadeUp) {
  const struct {
    const char* bug;
    const char* head;
    const char* queue;
    const char* answered;
  } BUGS[] = {
      {"a durable action is lost", "1", "", "1"},
      {"a done action is back", "2", "[5,2],[5,3]", "2"},
      {"an action that never came", "1", "[5,2],[5,4]", "1"},
      {"frames are lost", "0", "[5,1],[5,2]", "0"},
      {"frames from nowhere", "3", "", "2"},
      {"an answer is forgotten", "1", "[5,2]", "0"},
  };
  for (const auto& [bug, head, queue, answered] : BUGS) {
    const Lines found = {
        fmt::format(R"({{"step":"take_over","region":1,"epoch":2,"frame":{},"actions":[]}})", head),
        fmt::format(R"({{"step":"open","region":1,"epoch":2,"actions":[{}]}})", queue),
        fmt::format(R"({{"step":"enter","region":1,"epoch":2,"actions":[[5,{}]]}})", answered)};
    EXPECT_NE(complaint(joined(LIFE, found)), "") << bug;
  }
  EXPECT_NE(complaint(joined(LIFE, after_crash(false, false, 1))), "") << "the same epoch twice";
}

TEST(Steps, ReadsNothingButWhatIsWritten) {
  for (const char* line :
       {"", "{", R"({"step":"fly","region":1,"actions":[]})", R"({"step":"show","region":1,"actions":[]})",
        R"({"step":"show","region":1,"frame":1,"actions":[]} )",
        R"({"step":"arrive","region":1,"epoch":1,"actions":[[5]]})",
        R"({"step":"arrive","region":1,"epoch":1,"actions":[[5,1],]})",
        R"({"step":"arrive","region":-1,"actions":[]})",
        R"({"step":"answered","region":1,"frame":1,"actions":[[5,1,256]]})"}) {
    EXPECT_FALSE(region::read_step(line).has_value()) << line;
  }
}

TEST(Steps, FallSilentAtTheirLimitAndSayIt) {
  Lines lines;
  region::StepLines steps([&](std::string_view line) { lines.emplace_back(line); }, 120);
  for (int i = 0; i < 10; ++i) steps.take({region::Step::Kind::SHOW, RegionId{1}, 0, FrameNo{1}, {}});
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], "{\"step\":\"show\",\"region\":1,\"frame\":1,\"actions\":[]}\n");
  EXPECT_EQ(lines[2], std::string(region::STEPS_END) + "\n");
}

}  // namespace
}  // namespace everframe::inspect
