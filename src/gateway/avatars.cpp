#include "gateway/avatars.h"

#include <algorithm>

#include "wire/messages.h"

namespace everframe::gateway {

namespace {

constexpr std::size_t HEAD_SIZE = 48;       // of a state message, at most
constexpr std::size_t DATAGRAM_EXTRA = 93;  // IP, UDP, DTLS, SCTP and DATA headers: they cost budget too
constexpr std::size_t RESERVED_MAX = 600;   // poses keep half of the datagram
constexpr double NEAR_MM = 8'000;           // within it all are equally urgent, at twice it half so, …

}  // namespace

void Avatars::visit(const region::PoseTable& table, const region::PoseTable::Chunk& chunk, bool border,
                    const region::PoseRow& own) {
  for (std::uint32_t i = 0; i < chunk.count; ++i) {
    const region::PoseRow& row = table.rows[chunk.begin + i];
    if (row.player == own_) continue;
    if (row.slot >= seen_.size()) seen_.resize(row.slot + 1);
    Seen& seen = seen_[row.slot];
    if (seen.body != row.body) {
      if (border) continue;
      if (raw(seen.body) != 0) {  // the slot's last body is gone, this one is new
        shown_.went.push_back(seen.body);
      } else {
        followed_.push_back(row.slot);
      }
      seen = Seen{row.body, 0, 0};
      shown_.came.push_back(&row);
    }
    seen.looked = table.tick;
    const std::uint64_t age = table.tick - seen.sent;
    const bool fresh = row.changed > seen.sent;
    const bool repeat = table.tick - row.changed <= REPEAT_WITHIN_TICKS && age >= REPEAT_EVERY_TICKS;
    if (!fresh && !repeat) continue;
    const auto far = static_cast<double>(distance_squared(own.position, row.position));
    smallest_ = std::min<std::size_t>(smallest_, row.size);
    candidates_.push_back({static_cast<double>(age) / (NEAR_MM * NEAR_MM + far), &row});
  }
}

// By the few chunks with anybody in them, or by the many in view: whichever is less.
void Avatars::visit(const region::PoseTable& table, ChunkPos centre, const region::PoseRow& own) {
  const std::int32_t reach = radius_ + 1;
  const auto side = static_cast<std::size_t>(2 * reach + 1);
  if (table.chunks.size() <= side * side) {
    for (const region::PoseTable::Chunk& chunk : table.chunks) {
      const std::int32_t far =
          std::max(std::abs(chunk.place.x - centre.x), std::abs(chunk.place.z - centre.z));
      if (far <= reach) visit(table, chunk, far > radius_, own);
    }
    return;
  }
  for (std::int32_t dz = -reach; dz <= reach; ++dz) {
    for (std::int32_t dx = -reach; dx <= reach; ++dx) {
      const auto found = table.by_chunk.find(code_of({centre.x + dx, centre.z + dz}));
      if (found == table.by_chunk.end()) continue;
      visit(table, table.chunks[found->second], std::max(std::abs(dx), std::abs(dz)) > radius_, own);
    }
  }
}

void Avatars::forget_unseen(std::uint64_t tick) {
  std::erase_if(followed_, [&](std::uint32_t slot) {
    Seen& seen = seen_[slot];
    if (seen.looked == tick) return false;
    shown_.went.push_back(seen.body);
    seen = Seen{};
    return true;
  });
}

// Takes the most urgent candidates that fit; the bytes they take.
std::size_t Avatars::choose(std::uint64_t tick, std::size_t bytes_max) {
  const auto before = [](const Candidate& a, const Candidate& b) {
    return a.urgency != b.urgency ? a.urgency > b.urgency : a.row->body < b.row->body;
  };
  const auto enough = static_cast<std::ptrdiff_t>(std::min(bytes_max / smallest_ + 1, candidates_.size()));
  std::partial_sort(candidates_.begin(), candidates_.begin() + enough, candidates_.end(), before);
  std::size_t size = 0;
  for (const Candidate& candidate : candidates_) {
    if (size + candidate.row->size > bytes_max) break;
    size += candidate.row->size;
    seen_[candidate.row->slot].sent = tick;
    shown_.poses.push_back(candidate.row);
  }
  return size;
}

const Avatars::Shown& Avatars::look(const region::PoseTable& table, std::size_t reserved) {
  shown_.came.clear();
  shown_.went.clear();
  shown_.poses.clear();
  shown_.position.reset();
  shown_.worth_sending = false;
  const auto own_index = table.by_player.find(own_);
  if (own_index == table.by_player.end()) return shown_;
  const region::PoseRow& own = table.rows[own_index->second];
  shown_.pose_seq = own.pose_seq;
  shown_.position = own.position;

  const std::int64_t passed_ms =
      last_wall_ ? static_cast<std::int64_t>(table.wall) - static_cast<std::int64_t>(*last_wall_) : 0;
  last_wall_ = table.wall;
  const auto gained =
      static_cast<std::size_t>(std::clamp<std::int64_t>(passed_ms, 0, 250)) * bytes_a_second_ / 1'000;
  allowance_ = std::min(allowance_ + gained, bytes_a_second_ / 4);

  candidates_.clear();
  smallest_ = wire::SERVER_STATE_MAX;
  visit(table, chunk_pos_of(own.position), own);
  forget_unseen(table.tick);
  const std::size_t room = wire::SERVER_STATE_MAX - std::min(reserved, RESERVED_MAX);
  const std::size_t most = std::min(room, allowance_ > DATAGRAM_EXTRA ? allowance_ - DATAGRAM_EXTRA : 0);
  if (most < HEAD_SIZE) return shown_;
  const std::size_t size = HEAD_SIZE + choose(table.tick, most - HEAD_SIZE);
  shown_.worth_sending = !shown_.poses.empty() || own.pose_seq != own_seq_sent_ ||
                         table.tick - own.changed <= REPEAT_WITHIN_TICKS;
  if (shown_.worth_sending) {
    own_seq_sent_ = own.pose_seq;
    allowance_ -= std::min(allowance_, size + DATAGRAM_EXTRA);
  }
  return shown_;
}

}  // namespace everframe::gateway
