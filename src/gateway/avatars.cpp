#include "gateway/avatars.h"

#include <algorithm>

#include "wire/messages.h"

namespace everframe::gateway {

namespace {

constexpr std::size_t HEAD_SIZE = 48;       // of a state message, at most
constexpr std::size_t DATAGRAM_EXTRA = 93;  // IP, UDP, DTLS, SCTP and DATA headers: they cost budget too
constexpr std::int64_t NEAR_MM = 8'000;

}  // namespace

void Avatars::visit(const region::PoseTable& table, ChunkPos centre, const region::PoseRow& own,
                    Shown& shown) {
  for (std::int32_t dz = -radius_ - 1; dz <= radius_ + 1; ++dz) {
    for (std::int32_t dx = -radius_ - 1; dx <= radius_ + 1; ++dx) {
      const auto rows = table.by_chunk.find(code_of({centre.x + dx, centre.z + dz}));
      if (rows == table.by_chunk.end()) continue;
      const bool border = std::max(std::abs(dx), std::abs(dz)) > radius_;
      for (std::uint32_t i = 0; i < rows->second.count; ++i) {
        const region::PoseRow& row = table.rows[rows->second.begin + i];
        if (row.player == own_) continue;
        auto seen = seen_.find(row.body);
        if (seen == seen_.end()) {
          if (border) continue;
          seen = seen_.emplace(row.body, Seen{}).first;
          shown.came.push_back(&row);
        }
        seen->second.looked = table.tick;
        const std::uint64_t age = table.tick - seen->second.sent;
        const bool fresh = row.changed > seen->second.sent;
        const bool repeat = table.tick - row.changed <= REPEAT_WITHIN_TICKS && age >= REPEAT_EVERY_TICKS;
        if (!fresh && !repeat) continue;
        const std::int64_t far = distance_squared(own.position, row.position) / (NEAR_MM * NEAR_MM);
        candidates_.push_back(
            {std::min<std::uint64_t>(age, 1'000) * 1'000'000 / static_cast<std::uint64_t>(far + 1), &row,
             &seen->second});
      }
    }
  }
}

Avatars::Shown Avatars::look(const region::PoseTable& table) {
  Shown shown;
  const auto own_index = table.by_player.find(own_);
  if (own_index == table.by_player.end()) return shown;
  const region::PoseRow& own = table.rows[own_index->second];
  shown.pose_seq = own.pose_seq;
  shown.position = own.position;

  const std::int64_t passed_ms =
      last_wall_ ? static_cast<std::int64_t>(table.wall) - static_cast<std::int64_t>(*last_wall_) : 0;
  last_wall_ = table.wall;
  const auto gained =
      static_cast<std::size_t>(std::clamp<std::int64_t>(passed_ms, 0, 250)) * bytes_a_second_ / 1'000;
  allowance_ = std::min(allowance_ + gained, bytes_a_second_ / 4);

  candidates_.clear();
  visit(table, chunk_pos_of(own.position), own, shown);
  for (auto seen = seen_.begin(); seen != seen_.end();) {
    if (seen->second.looked != table.tick) {
      shown.went.push_back(seen->first);
      seen = seen_.erase(seen);
    } else {
      ++seen;
    }
  }

  const std::size_t most =
      std::min(wire::SERVER_STATE_MAX, allowance_ > DATAGRAM_EXTRA ? allowance_ - DATAGRAM_EXTRA : 0);
  if (most < HEAD_SIZE) return shown;
  std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return a.urgency != b.urgency ? a.urgency > b.urgency : a.row->body < b.row->body;
  });
  std::size_t size = HEAD_SIZE;
  for (const Candidate& candidate : candidates_) {
    if (size + candidate.row->size > most) break;
    size += candidate.row->size;
    candidate.seen->sent = table.tick;
    shown.poses.push_back(candidate.row);
  }
  shown.worth_sending = !shown.poses.empty() || own.pose_seq != own_seq_sent_ ||
                        table.tick - own.changed <= REPEAT_WITHIN_TICKS;
  if (shown.worth_sending) {
    own_seq_sent_ = own.pose_seq;
    allowance_ -= std::min(allowance_, size + DATAGRAM_EXTRA);
  }
  return shown;
}

}  // namespace everframe::gateway
