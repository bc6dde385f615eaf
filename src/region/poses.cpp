#include "region/poses.h"

#include <algorithm>

#include "base/assert.h"
#include "wire/codec.h"

namespace everframe::region {

namespace {

// A player may be up to a second ahead of its speed: poses arrive in bursts after a stall of the network.
constexpr Duration STRIDE_TIME_MAX = 1s;
constexpr std::int32_t HEIGHT_MIN_MM = -100'000;
constexpr std::int32_t HEIGHT_MAX_MM = 1'000'000;

std::int64_t root(std::int64_t square) {  // floor; Newton's iteration
  if (square < 2) return square;
  std::int64_t x = square;
  for (std::int64_t y = (x + 1) / 2; y < x; y = (x + square / x) / 2) x = y;
  return x;
}

}  // namespace

void Poses::add(PlayerId player, EntityId body, std::string name, const Place& place, const Place& stored,
                Time now) {
  Body& added = bodies_[player];
  added = Body{};
  added.id = body;
  added.name = std::make_shared<const std::string>(std::move(name));
  added.pose.position = place.position;
  added.pose.yaw = place.yaw;
  added.in_store = stored;
  added.last_taken = now;
  added.changed = tick_ + 1;
  changed_ = true;
}

void Poses::remove(PlayerId player) {
  if (bodies_.erase(player) > 0) changed_ = true;
}

bool Poses::reachable(const Body& body, const Vec3& to, std::int64_t stride_mm) const {
  const std::int32_t edge = rules_.world_size_mm / 2;
  if (to.x < -edge || to.x >= edge || to.z < -edge || to.z >= edge) return false;
  if (to.y < HEIGHT_MIN_MM || to.y > HEIGHT_MAX_MM) return false;
  return distance_squared(body.pose.position, to) <= stride_mm * stride_mm;
}

Poses::Verdict Poses::take(PlayerId player, const wire::PoseUpdate& update, Time now) {
  const auto found = bodies_.find(player);
  if (found == bodies_.end()) return Verdict::OLD;
  Body& body = found->second;
  if (update.pose_seq <= body.pose_seq) return Verdict::OLD;
  body.pose_seq = update.pose_seq;
  changed_ = true;  // its sender waits to see the number come back

  const std::int64_t speed = rules_.speed_mm_s;
  const std::int64_t stride_max = speed * STRIDE_TIME_MAX.count() / 1'000'000;
  const std::int64_t gained =
      speed * std::min<std::int64_t>((now - body.last_taken).count(), 1'000'000) / 1'000'000;
  body.stride_mm = std::min(stride_max, body.stride_mm + gained);
  body.last_taken = now;
  if (!reachable(body, update.pose.position, body.stride_mm)) return Verdict::REFUSED;

  body.stride_mm -= root(distance_squared(body.pose.position, update.pose.position));
  if (update.pose == body.pose) return Verdict::TAKEN;
  body.pose = update.pose;
  body.changed = tick_ + 1;
  return Verdict::TAKEN;
}

std::optional<Poses::Place> Poses::where(PlayerId player) const {
  const auto found = bodies_.find(player);
  if (found == bodies_.end()) return std::nullopt;
  return Place{found->second.pose.position, found->second.pose.yaw};
}

std::optional<Poses::Place> Poses::unsaved(PlayerId player) const {
  const std::optional<Place> place = where(player);
  if (!place || *place == bodies_.at(player).in_store) return std::nullopt;
  return place;
}

void Poses::saved(PlayerId player, const Place& place) {
  const auto found = bodies_.find(player);
  if (found == bodies_.end()) return;
  found->second.in_store = place;
}

std::vector<PlayerId> Poses::all_unsaved() const {
  std::vector<PlayerId> out;
  for (const auto& [player, body] : bodies_) {
    if (unsaved(player)) out.push_back(player);
  }
  return out;
}

std::shared_ptr<const PoseTable> Poses::table(WallMs wall, FrameNo frame) {
  ++tick_;
  if (std::exchange(changed_, false)) last_change_ = tick_;
  auto out = std::make_shared<PoseTable>();
  out->tick = tick_;
  out->wall = wall;
  out->frame = frame;
  out->rows.reserve(bodies_.size());
  std::vector<std::pair<ChunkCode, PlayerId>> order;
  order.reserve(bodies_.size());
  for (const auto& [player, body] : bodies_) order.emplace_back(chunk_of(body.pose.position), player);
  std::sort(order.begin(), order.end());
  for (const auto& [code, player] : order) {
    const Body& body = bodies_.at(player);
    PoseTable::Rows& rows = out->by_chunk[code];
    if (rows.count++ == 0) rows.begin = static_cast<std::uint32_t>(out->rows.size());
    PoseRow row{body.id, player, body.pose.position, body.pose_seq, body.changed, body.name, 0, 0};
    row.begin = static_cast<std::uint32_t>(out->encoded.size());
    wire::encode_avatar_pose(out->encoded, {body.id, body.pose});
    row.size = static_cast<std::uint32_t>(out->encoded.size()) - row.begin;
    out->by_player.emplace(player, static_cast<std::uint32_t>(out->rows.size()));
    out->rows.push_back(std::move(row));
  }
  return out;
}

}  // namespace everframe::region
