// StepRelation: which step of a trace (region/steps.h) may follow which: spec/WorldState.tla seen from
// outside. It knows nothing of the code that steps. What it holds a trace to:
//   durable before told: accepted after T1, answered and shown after T2, each answer as the outcome was;
//   exactly once, in order: a frame holds each player's next actions, all of them durable, none twice;
//   nothing lost: the queue that an owner finds holds what was durable, and nothing that never came;
//   frames without gaps; one owner: what is written under an epoch that is over is not licensed.
// A trace may begin in the middle of a world's life, and whoever writes it may be killed at any time: what T1
// and T2 did just before is then learnt from what the next owner finds. Memory: OUTCOMES_KEPT outcomes a
// player, the queue, and what is under way. One thread.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "region/steps.h"

namespace everframe::inspect {

class StepRelation {
 public:
  // Why this step is not licensed after those before it; nothing: it is. After the first that is not, what
  // follows says little.
  std::optional<std::string> take(const region::Step& step);

  std::uint64_t steps() const { return steps_; }
  std::uint64_t frames() const { return frames_; }
  std::uint64_t answers() const { return answers_; }

 private:
  static constexpr std::size_t FRAMES_KEPT = 1'024;
  static constexpr std::size_t EPOCHS_KEPT = 1'024;
  using Why = std::optional<std::string>;
  using Ref = std::pair<PlayerId, ActionSeq>;
  struct Outcome {
    FrameNo frame{};
    std::optional<std::uint8_t> reason;  // unknown: its frame was committed, and its owner gone
  };
  struct Player {
    std::optional<ActionSeq> last;  // of a frame; unknown until something tells
    std::map<ActionSeq, Outcome> outcomes;
  };
  struct Frame {
    std::uint64_t epoch = 0;
    FrameNo no{};
    std::vector<region::StepAction> actions;
  };
  struct Region {
    bool known = false;  // its owner's take-over was seen
    std::uint64_t epoch = 0;
    FrameNo head{};
    bool open = false;
    std::set<Ref> arrived;                       // in the owner's memory, not durable as far as we know
    std::set<Ref> perhaps;                       // likewise, of owners that are gone
    std::set<Ref> queue;                         // durable
    std::optional<Frame> pending;                // between its start and its end
    std::map<FrameNo, std::uint64_t> committed;  // under which epoch, of the last FRAMES_KEPT
    std::set<std::uint64_t> epochs;              // taken over, the last EPOCHS_KEPT
    bool whole = false;                          // the queue is known from its beginning
  };

  Why take_over(Region& region, const region::Step& step);
  Why open(Region& region, const region::Step& step);
  Why enter(const Region& region, const region::Step& step);
  Why arrive(Region& region, const region::Step& step);
  Why durable(Region& region, const region::Step& step);
  Why start_frame(Region& region, const region::Step& step);
  Why finish_frame(Region& region, const region::Step& step);
  Why finished_late(const Region& region, const region::Step& step);
  Why accepted(const region::Step& step) const;
  Why answered(const region::Step& step) const;
  void commit(Region& region, const Frame& frame, bool outcomes_known);
  bool is_done(const Ref& ref) const;
  bool is_durable(const Ref& ref) const;
  ActionSeq taken(const Region& region, PlayerId player) const;

  std::map<RegionId, Region> regions_;
  std::map<PlayerId, Player> players_;
  std::uint64_t steps_ = 0;
  std::uint64_t frames_ = 0;
  std::uint64_t answers_ = 0;
};

}  // namespace everframe::inspect
