// Habits: how a survivor spends its time: walks from tree to rock to bush, harvests, picks up, crafts,
// builds, now and then drops something. Looks only at what the client was told, so it is refused about as
// often as a person is: when somebody else was quicker. Deterministic from its seed. One owner.
#pragma once
#include <optional>

#include "base/random.h"
#include "base/time.h"
#include "bots/pack.h"
#include "bots/replica.h"

namespace everframe::bots {

class Habits {
 public:
  // `pack` outlives this.
  Habits(const Pack& pack, std::uint64_t seed) : pack_(pack), dice_(seed) {}

  // The server put it there.
  void place(const Vec3& position);
  // Where it is after walking for so long.
  wire::Pose walk(const Replica& world, Duration span);
  wire::ActionBody act(const Replica& world);

 private:
  std::optional<wire::ActionBody> build(const Replica& world);
  std::optional<wire::ActionBody> craft(const Replica& world);
  std::optional<wire::ActionBody> gather(const Replica& world);
  bool is_free(const Replica& world, const Vec3& place, const Pack::Thing& thing) const;
  void choose_goal(const Replica& world);

  const Pack& pack_;
  Prng dice_;
  Vec3 here_;
  Vec3 home_;
  Vec3 goal_;
  Duration stay_{0};  // before it walks on
  std::int32_t yaw_ = 0;
};

}  // namespace everframe::bots
