// Avatars: what one session is shown of other bodies. From each tick's table it picks those that fit the
// session's budget: nearest first and those longest unsent, so that in a crowd far ones update less often and
// nobody is left out. A pose is repeated a few times after its body came to rest, since state messages may be
// lost.
#pragma once
#include <optional>
#include <vector>

#include "region/messages.h"

namespace everframe::gateway {

inline constexpr std::uint64_t REPEAT_WITHIN_TICKS =
    15 * region::TABLE_TURNS;  // after its last change a pose is sent again …
inline constexpr std::uint64_t REPEAT_EVERY_TICKS = 5 * region::TABLE_TURNS;  // … this often

class Avatars {
 public:
  // `radius` in chunks; `bytes_a_second`: what state messages may take together.
  Avatars(PlayerId own, std::int32_t radius, std::size_t bytes_a_second)
      : own_(own), radius_(radius), bytes_a_second_(bytes_a_second), allowance_(bytes_a_second / 4) {}

  struct Shown {
    std::vector<const region::PoseRow*> came;  // to be announced before their poses
    std::vector<EntityId> went;
    std::vector<const region::PoseRow*> poses;  // for this tick's message, within its size limit
    std::uint64_t pose_seq = 0;                 // own
    std::optional<Vec3> position;               // own
    bool worth_sending = false;
  };
  // Views into the table; until the next look. `reserved`: bytes of the state message's datagram that are
  // wanted for something else.
  const Shown& look(const region::PoseTable& table, std::size_t reserved = 0);

 private:
  struct Seen {
    EntityId body{};         // nobody: not followed
    std::uint64_t sent = 0;  // tick; 0: not yet
    std::uint64_t looked = 0;
  };
  struct Candidate {
    double urgency = 0;
    const region::PoseRow* row = nullptr;
  };
  void visit(const region::PoseTable& table, ChunkPos centre, const region::PoseRow& own);
  void visit(const region::PoseTable& table, const region::PoseTable::Chunk& chunk, bool border,
             const region::PoseRow& own);
  void forget_unseen(std::uint64_t tick);
  std::size_t choose(std::uint64_t tick, std::size_t bytes_max);

  const PlayerId own_;
  const std::int32_t radius_;
  const std::size_t bytes_a_second_;
  std::size_t allowance_;  // bytes that may be sent now
  std::optional<WallMs> last_wall_;
  std::uint64_t own_seq_sent_ = 0;
  std::vector<Seen> seen_;               // by PoseRow::slot
  std::vector<std::uint32_t> followed_;  // slots of those that are
  std::vector<Candidate> candidates_;
  std::size_t smallest_ = 1;  // bytes of the smallest candidate
  Shown shown_;
};

}  // namespace everframe::gateway
