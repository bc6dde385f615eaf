// History: who did what at an entity, by a player, or in an area: the frame log seen through replay, so that
// each input comes with its outcome, and what was built with its id.
#pragma once
#include "inspect/replay.h"
#include "inspect/view.h"

namespace everframe::inspect {

struct Area {
  Vec3 centre;  // y does not count
  std::int32_t radius_mm = 0;
};

// All that are given must fit.
struct HistoryFilter {
  std::optional<EntityId> entity;
  std::optional<PlayerId> player;
  std::optional<Area> area;
  FrameNo first{1};
  FrameNo last{UINT64_MAX};
  bool moves = false;  // where bodies walked, too
};

// One line a deed: {"frame", "now_ms", "do", "player", "name", …, "outcome", "built"?, "position"}.
using TellDeed = Function<void(const boost::json::object&)>;

// A WatchFrame for replay(). Filter, view and `tell` are kept.
WatchFrame history(HistoryFilter filter, View view, TellDeed tell);

}  // namespace everframe::inspect
