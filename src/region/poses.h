// Poses: where every body of a region is right now (P7: volatile, never waits for the store). Checks what
// players say against the speed limit and the world's edge, remembers what is not saved yet, and makes the
// table that a tick shows to everybody. One owner, one thread.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "region/messages.h"
#include "world/content.h"

namespace everframe::region {

inline constexpr std::uint64_t TABLES_AFTER_CHANGE = 16 * TABLE_TURNS;

class Poses {
 public:
  explicit Poses(const world::Rules& rules) : rules_(rules) {}

  struct Place {
    Vec3 position;
    std::int32_t yaw = 0;
    bool operator==(const Place&) const = default;
  };

  // `place` is where it is, `stored` where the store has it.
  void add(PlayerId player, EntityId body, std::string name, const Place& place, const Place& stored,
           Time now);
  void remove(PlayerId player);

  enum class Verdict { TAKEN, OLD, REFUSED };
  // OLD: its pose_seq is not newer. REFUSED: too fast, or out of the world: the player stays where it was.
  Verdict take(PlayerId player, const wire::PoseUpdate& update, Time now);

  std::optional<Place> where(PlayerId player) const;
  // The place, if it is not the one that was last saved.
  std::optional<Place> unsaved(PlayerId player) const;
  void saved(PlayerId player, const Place& place);
  std::vector<PlayerId> all_unsaved() const;  // by id

  // Is a table wanted? After the last change a few more are: the messages made of them may be lost.
  bool table_wanted() const { return changed_ || tick_ < last_change_ + TABLES_AFTER_CHANGE; }
  std::shared_ptr<const PoseTable> table(WallMs wall, FrameNo frame);
  std::size_t size() const { return bodies_.size(); }

 private:
  struct Body {
    EntityId id{};
    std::uint32_t slot = 0;
    std::shared_ptr<const std::string> name;
    wire::Pose pose;
    std::uint64_t pose_seq = 0;
    std::uint64_t changed = 0;  // tick
    Place in_store;
    Time last_taken{};
    std::int64_t stride_mm = 0;  // how far it may go now: fills with time, empties with movement
  };
  bool reachable(const Body& body, const Vec3& to, std::int64_t stride_mm) const;

  const world::Rules& rules_;
  std::map<PlayerId, Body> bodies_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t slots_ = 0;  // ever given
  std::uint64_t tick_ = 0;
  std::uint64_t last_change_ = 0;  // tick
  bool changed_ = false;
};

}  // namespace everframe::region
