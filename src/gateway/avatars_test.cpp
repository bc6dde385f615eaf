// What would break these: an avatar shown without its announcement, one that stays after its body went, a
// slot's next body taken for the last one, a budget that is overrun, a far one in a crowd that is never
// shown, a near one that waits as long as a far one.
#include "gateway/avatars.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "gateway/interest.h"
#include "gateway/session_state.h"
#include "region/poses.h"

namespace everframe::gateway {
namespace {

constexpr std::int32_t RADIUS = 4;
constexpr std::size_t BUDGET = 32'000;  // bytes a second

class Crowded : public ::testing::Test {
 protected:
  Crowded() {
    rules_.speed_mm_s = 1'000'000;
    rules_.world_size_mm = 1'024'000;
  }
  void add(std::uint64_t player, std::int32_t x, std::int32_t z) {
    poses_.add(PlayerId{player}, EntityId{1'000 + player}, "P", {{x, 0, z}, 0}, {{x, 0, z}, 0}, Time{});
  }
  // Everybody moves a little, then a table is made, a session's turn later.
  std::shared_ptr<const region::PoseTable> tick(const std::vector<std::uint64_t>& movers = {}) {
    for (const std::uint64_t player : movers) {
      wire::PoseUpdate update;
      update.pose_seq = ++seq_;
      update.pose.position = poses_.where(PlayerId{player})->position;
      update.pose.position.x += seq_ % 2 == 0 ? 10 : -10;
      EXPECT_EQ(poses_.take(PlayerId{player}, update, Time{std::chrono::hours(1 + seq_)}),
                region::Poses::Verdict::TAKEN);
    }
    wall_ += 33;
    return poses_.table(WallMs{wall_}, FrameNo{1});
  }
  static std::vector<std::uint64_t> players(std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint64_t> out;
    for (std::uint64_t i = first; i <= last; ++i) out.push_back(i);
    return out;
  }

  world::Rules rules_;
  region::Poses poses_{rules_};
  std::uint64_t seq_ = 0;
  std::int64_t wall_ = 1'000'000;
};

std::vector<std::uint64_t> bodies(const std::vector<const region::PoseRow*>& rows) {
  std::vector<std::uint64_t> out;
  for (const region::PoseRow* row : rows) out.push_back(raw(row->body));
  std::sort(out.begin(), out.end());
  return out;
}

TEST_F(Crowded, EachIsAnnouncedOnceAndTakenBackWhenItGoesOrWalksOutOfView) {
  add(1, 0, 0);
  add(2, 5'000, 0);
  add(3, 8'000, 0);
  Avatars avatars(PlayerId{1}, RADIUS, BUDGET);
  const auto first = tick();
  EXPECT_EQ(bodies(avatars.look(*first).came), (std::vector<std::uint64_t>{1'002, 1'003}));
  EXPECT_EQ(bodies(avatars.look(*first).poses).size(), 0U) << "nothing new in the same table";
  poses_.remove(PlayerId{3});
  const auto second = tick();
  const auto& gone = avatars.look(*second);
  EXPECT_TRUE(gone.came.empty());
  EXPECT_EQ(gone.went, std::vector<EntityId>{EntityId{1'003}});
  poses_.remove(PlayerId{2});
  add(2, 300'000, 0);
  const auto third = tick();
  EXPECT_EQ(avatars.look(*third).went, std::vector<EntityId>{EntityId{1'002}});
}

TEST_F(Crowded, TheNextBodyInASlotIsAnotherBody) {
  add(1, 0, 0);
  add(2, 5'000, 0);
  Avatars avatars(PlayerId{1}, RADIUS, BUDGET);
  const auto first = tick();
  avatars.look(*first);
  poses_.remove(PlayerId{2});
  add(3, 6'000, 0);
  const auto second = tick();
  const auto& shown = avatars.look(*second);
  EXPECT_EQ(shown.went, std::vector<EntityId>{EntityId{1'002}});
  EXPECT_EQ(bodies(shown.came), std::vector<std::uint64_t>{1'003});
  EXPECT_EQ(bodies(shown.poses), std::vector<std::uint64_t>{1'003});
}

TEST_F(Crowded, InACrowdTheBudgetHoldsNobodyIsLeftOutAndTheNearComeMoreOften) {
  constexpr std::uint64_t OTHERS = 300;
  add(1, 0, 0);
  for (std::uint64_t i = 2; i <= OTHERS + 1; ++i)
    add(i, static_cast<std::int32_t>(i % 20) * 4'000, static_cast<std::int32_t>(i / 20) * 4'000);
  Avatars avatars(PlayerId{1}, RADIUS, BUDGET);
  std::map<std::uint64_t, int> shown;
  std::size_t bytes = 0;
  constexpr int TICKS = 300;
  for (int i = 0; i < TICKS; ++i) {
    const auto table = tick(players(2, OTHERS + 1));
    const auto& look = avatars.look(*table);
    std::size_t size = 0;
    for (const region::PoseRow* row : look.poses) {
      ++shown[raw(row->body)];
      size += row->size;
    }
    EXPECT_LE(size, wire::SERVER_STATE_MAX);
    bytes += size;
  }
  EXPECT_LE(bytes, BUDGET * 33 * TICKS / 1'000 + BUDGET / 4);
  EXPECT_GT(bytes, BUDGET * 33 * TICKS / 1'000 / 2) << "most of the budget is used";
  EXPECT_EQ(shown.size(), OTHERS);
  const auto least = std::min_element(shown.begin(), shown.end(),
                                      [](const auto& a, const auto& b) { return a.second < b.second; });
  EXPECT_GE(least->second, 3);
  EXPECT_GT(shown.at(1'020), 3 * shown.at(1'299)) << "at 4 m and at 84 m";
}

TEST_F(Crowded, APoseIsRepeatedAFewTimesAfterItsBodyCameToRestThenNotAnyMore) {
  add(1, 0, 0);
  add(2, 5'000, 0);
  Avatars avatars(PlayerId{1}, RADIUS, BUDGET);
  tick();
  int sent = 0;
  for (std::uint64_t i = 0; i < 3 * REPEAT_WITHIN_TICKS; ++i) {
    const auto table = tick();
    sent += static_cast<int>(avatars.look(*table).poses.size());
  }
  EXPECT_GE(sent, 2);
  EXPECT_LE(sent, 1 + static_cast<int>(REPEAT_WITHIN_TICKS / REPEAT_EVERY_TICKS));
}

TEST(Interest, WalkingAlongABorderLoadsAndForgetsNothing) {
  Interest interest(2, 512'000);
  const Interest::Change first = interest.move_to({1'000, 0, 1'000});
  EXPECT_EQ(first.gained.size(), 25U);
  EXPECT_EQ(first.gained.front(), chunk_of({1'000, 0, 1'000})) << "nearest first";
  const Interest::Change step = interest.move_to({-1'000, 0, 1'000});
  EXPECT_EQ(step.gained.size(), 5U);
  EXPECT_TRUE(step.lost.empty()) << "one chunk farther than the radius is kept";
  const Interest::Change back = interest.move_to({1'000, 0, 1'000});
  EXPECT_TRUE(back.gained.empty());
  EXPECT_TRUE(back.lost.empty());
  const Interest::Change far = interest.move_to({200'000, 0, 1'000});
  EXPECT_EQ(far.lost.size(), 30U);
  EXPECT_EQ(far.gained.size(), 25U);
}

TEST(Interest, BeyondTheWorldThereIsNothingToSee) {
  Interest interest(2, 512'000);
  EXPECT_EQ(interest.move_to({511'000, 0, 511'000}).gained.size(), 9U);
}

TEST(SessionStates, ASessionThatIsClosedOrHasLeftNeverComesBack) {
  using enum SessionState;
  for (const SessionState to : {ADMITTING, CONNECTING, ENTERING, IN_WORLD, LEAVING, CLOSED}) {
    EXPECT_FALSE(licensed(CLOSED, to));
    EXPECT_EQ(licensed(LEAVING, to), to == CLOSED);
    EXPECT_FALSE(licensed(to, ADMITTING));
  }
  EXPECT_FALSE(licensed(CONNECTING, IN_WORLD)) << "only through entering";
}

}  // namespace
}  // namespace everframe::gateway
