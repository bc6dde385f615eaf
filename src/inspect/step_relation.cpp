#include "inspect/step_relation.h"

#include <algorithm>

#include "world/entity.h"

namespace everframe::inspect {

namespace {

using region::Step;
using region::StepAction;
using Kind = Step::Kind;

template <class... Args>
std::optional<std::string> why(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(format, std::forward<Args>(args)...);
}

std::string name(const StepAction& action) {
  return fmt::format("action {} of player {}", raw(action.seq), raw(action.player));
}

}  // namespace

std::optional<std::string> StepRelation::take(const Step& step) {
  ++steps_;
  Region& region = regions_[step.region];
  const bool of_one = step.kind == Kind::ENTER || step.kind == Kind::ARRIVE || step.kind == Kind::ACCEPTED ||
                      step.kind == Kind::ANSWERED || step.kind == Kind::SAY_ACCEPTED ||
                      step.kind == Kind::SAY_ANSWER;
  if (of_one && step.actions.size() != 1) return why("it must name one action");
  switch (step.kind) {
    case Kind::TAKE_OVER:
      return take_over(region, step);
    case Kind::OPEN:
      return open(region, step);
    case Kind::ENTER:
      return enter(region, step);
    case Kind::ARRIVE:
      return arrive(region, step);
    case Kind::DURABLE:
      return durable(region, step);
    case Kind::START_FRAME:
      return start_frame(region, step);
    case Kind::FINISH_FRAME:
      return finish_frame(region, step);
    case Kind::SHOW:
      return step.frame <= region.head ? Why() : why("frame {} is not committed", raw(step.frame));
    case Kind::ACCEPTED:
    case Kind::SAY_ACCEPTED:
      return accepted(step);
    case Kind::ANSWERED:
    case Kind::SAY_ANSWER:
      answers_ += step.kind == Kind::ANSWERED ? 1 : 0;
      return answered(step);
  }
  return why("there is no such step");
}

bool StepRelation::is_done(const Ref& ref) const {
  const auto player = players_.find(ref.first);
  return player != players_.end() && player->second.last && ref.second <= *player->second.last;
}

bool StepRelation::is_durable(const Ref& ref) const {
  return is_done(ref) || std::any_of(regions_.begin(), regions_.end(),
                                     [&](const auto& r) { return r.second.queue.contains(ref); });
}

// The last of this player's that memory holds.
ActionSeq StepRelation::taken(const Region& region, PlayerId player) const {
  const auto known = players_.find(player);
  ActionSeq out = known != players_.end() ? known->second.last.value_or(ActionSeq{}) : ActionSeq{};
  for (const auto* refs : {&region.queue, &region.arrived}) {
    const auto after = refs->lower_bound({next(player), ActionSeq{}});
    if (after != refs->begin() && std::prev(after)->first == player)
      out = std::max(out, std::prev(after)->second);
  }
  return out;
}

void StepRelation::commit(Region& region, const Frame& frame, bool outcomes_known) {
  ++frames_;
  region.head = frame.no;
  region.committed[frame.no] = frame.epoch;
  if (region.committed.size() > FRAMES_KEPT) region.committed.erase(region.committed.begin());
  for (const StepAction& action : frame.actions) {
    Player& player = players_[action.player];
    player.last = action.seq;
    player.outcomes[action.seq] =
        Outcome{frame.no, outcomes_known ? std::optional(action.reason) : std::nullopt};
    if (player.outcomes.size() > world::OUTCOMES_KEPT) player.outcomes.erase(player.outcomes.begin());
    region.queue.erase({action.player, action.seq});
    region.perhaps.erase({action.player, action.seq});
  }
}

StepRelation::Why StepRelation::take_over(Region& region, const Step& step) {
  if (!region.epochs.insert(step.epoch).second) return why("epoch {} has two owners", step.epoch);
  if (region.epochs.size() > EPOCHS_KEPT) region.epochs.erase(region.epochs.begin());
  // Told late, by one that is stale already: none of its transactions can commit.
  if (step.epoch < region.epoch) return {};
  if (!region.known) {
    region.head = step.frame;
    region.whole = raw(step.frame) == 0;
  } else {
    const auto orphan = std::exchange(region.pending, std::nullopt);
    if (orphan && orphan->no == step.frame) {
      commit(region, *orphan, false);
    } else if (step.frame != region.head) {
      return why("the head is frame {}, the last that was committed is {}", raw(step.frame),
                 raw(region.head));
    }
  }
  region.known = true;
  region.epoch = step.epoch;
  region.open = false;
  region.perhaps.merge(region.arrived);
  region.arrived.clear();
  return {};
}

StepRelation::Why StepRelation::open(Region& region, const Step& step) {
  if (step.epoch < region.epoch) return {};  // a stale owner's memory
  if (!region.known || region.open || step.epoch != region.epoch) return why("nobody has just taken it over");
  std::set<Ref> found;
  for (const StepAction& action : step.actions) {
    const Ref ref{action.player, action.seq};
    if (is_done(ref)) return why("{} is in the queue, and was done", name(action));
    if (region.whole && !region.queue.contains(ref) && !region.perhaps.contains(ref))
      return why("{} is in the queue, and never came", name(action));
    Player& player = players_[action.player];
    if (!player.last) player.last = ActionSeq{raw(action.seq) - 1};
    found.insert(ref);
  }
  for (const Ref& ref : region.queue) {
    if (!found.contains(ref)) return why("{} was durable, and is lost", name({ref.first, ref.second}));
  }
  region.queue = std::move(found);
  region.perhaps.clear();
  region.open = region.whole = true;
  return {};
}

StepRelation::Why StepRelation::enter(const Region& region, const Step& step) {
  if (step.epoch < region.epoch) return {};  // what a stale owner hears late
  const StepAction& is = step.actions.front();
  Player& player = players_[is.player];
  if (!player.last) player.last = is.seq;
  if (*player.last == is.seq) return {};
  return why("player {} is answered up to {}, not {}", raw(is.player), raw(*player.last), raw(is.seq));
}

StepRelation::Why StepRelation::arrive(Region& region, const Step& step) {
  const StepAction& action = step.actions.front();
  if (step.epoch < region.epoch) return {};  // in a stale owner's memory; it cannot become durable
  if (!region.open || step.epoch != region.epoch) return why("epoch {} is not the owner's", step.epoch);
  const auto player = players_.find(action.player);
  if (player == players_.end() || !player->second.last) return why("{} has not entered", name(action));
  const ActionSeq last = taken(region, action.player);
  if (action.seq != next(last)) return why("{} follows {}", name(action), raw(last));
  region.arrived.insert({action.player, action.seq});
  return {};
}

StepRelation::Why StepRelation::durable(Region& region, const Step& step) {
  for (const StepAction& action : step.actions) {
    const Ref ref{action.player, action.seq};
    // An owner that hears late of what it committed in time: the next one has found it.
    if (step.epoch < region.epoch && is_durable(ref)) continue;
    if (step.epoch != region.epoch) return why("epoch {} is over: it is {}", step.epoch, region.epoch);
    if (region.arrived.erase(ref) == 0) return why("{} has not arrived", name(action));
    region.queue.insert(ref);
  }
  return {};
}

StepRelation::Why StepRelation::start_frame(Region& region, const Step& step) {
  if (step.epoch < region.epoch) return {};  // in a stale owner's memory; it must not finish
  if (!region.open || step.epoch != region.epoch) return why("epoch {} is not the owner's", step.epoch);
  if (region.pending) return why("frame {} is under way", raw(region.pending->no));
  if (step.frame != next(region.head)) return why("frame {} is the last", raw(region.head));
  std::map<PlayerId, ActionSeq> last;
  for (const StepAction& action : step.actions) {
    if (!region.queue.contains({action.player, action.seq})) return why("{} is not durable", name(action));
    const ActionSeq before =
        last.contains(action.player) ? last[action.player] : *players_[action.player].last;
    if (action.seq != next(before)) return why("{} follows {}", name(action), raw(before));
    last[action.player] = action.seq;
  }
  region.pending = Frame{step.epoch, step.frame, step.actions};
  return {};
}

StepRelation::Why StepRelation::finish_frame(Region& region, const Step& step) {
  if (step.epoch < region.epoch) return finished_late(region, step);
  const std::optional<Frame>& meant = region.pending;
  if (!meant || meant->epoch != step.epoch || meant->no != step.frame)
    return why("frame {} of epoch {} was not under way", raw(step.frame), step.epoch);
  const bool same =
      std::equal(step.actions.begin(), step.actions.end(), meant->actions.begin(), meant->actions.end(),
                 [](const auto& a, const auto& b) { return a.player == b.player && a.seq == b.seq; });
  if (!same) return why("its outcomes are not those of the actions that it started with");
  commit(region, Frame{step.epoch, step.frame, step.actions}, true);
  region.pending.reset();
  return {};
}

// An owner hears what it committed after others took over: the head that they found has told already.
StepRelation::Why StepRelation::finished_late(const Region& region, const Step& step) {
  const auto committed = region.committed.find(step.frame);
  if (committed == region.committed.end() || committed->second != step.epoch)
    return why("frame {} of epoch {} was not committed", raw(step.frame), step.epoch);
  for (const StepAction& action : step.actions) {
    auto& outcomes = players_[action.player].outcomes;
    const auto outcome = outcomes.find(action.seq);
    if (outcome == outcomes.end() && is_done({action.player, action.seq})) continue;  // of long ago
    if (outcome == outcomes.end() || outcome->second.frame != step.frame)
      return why("{} is not of frame {}", name(action), raw(step.frame));
    outcome->second.reason = action.reason;
  }
  return {};
}

StepRelation::Why StepRelation::accepted(const Step& step) const {
  const StepAction& action = step.actions.front();
  return is_durable({action.player, action.seq}) ? Why() : why("{} is not durable", name(action));
}

StepRelation::Why StepRelation::answered(const Step& step) const {
  const StepAction& action = step.actions.front();
  if (!is_done({action.player, action.seq})) return why("{} is in no frame that is committed", name(action));
  const auto& outcomes = players_.at(action.player).outcomes;
  const auto outcome = outcomes.find(action.seq);
  if (outcome == outcomes.end()) return {};  // of before the trace, or longer ago than is remembered
  if (outcome->second.frame != step.frame)
    return why("{} is in frame {}, not {}", name(action), raw(outcome->second.frame), raw(step.frame));
  if (outcome->second.reason.value_or(action.reason) != action.reason)
    return why("{} came out as {}, not {}", name(action), *outcome->second.reason, action.reason);
  return {};
}

}  // namespace everframe::inspect
