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
  remove(player);
  Body& added = bodies_[player];
  if (free_slots_.empty()) free_slots_.push_back(slots_++);
  added.slot = free_slots_.back();
  free_slots_.pop_back();
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
  const auto found = bodies_.find(player);
  if (found == bodies_.end()) return;
  free_slots_.push_back(found->second.slot);
  bodies_.erase(found);
  changed_ = true;
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
    const auto row_index = static_cast<std::uint32_t>(out->rows.size());
    if (out->by_chunk.emplace(code, static_cast<std::uint32_t>(out->chunks.size())).second)
      out->chunks.push_back({pos_of(code), row_index, 0});
    ++out->chunks.back().count;
    PoseRow row;
    row.body = body.id;
    row.player = player;
    row.slot = body.slot;
    row.position = body.pose.position;
    row.pose_seq = body.pose_seq;
    row.changed = body.changed;
    row.name = body.name;
    row.begin = static_cast<std::uint32_t>(out->encoded.size());
    wire::encode_avatar_pose(out->encoded, {body.id, body.pose});
    row.size = static_cast<std::uint32_t>(out->encoded.size()) - row.begin;
    out->by_player.emplace(player, row_index);
    out->rows.push_back(std::move(row));
  }
  return out;
}

}  // namespace everframe::region
