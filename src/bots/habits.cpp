#include "bots/habits.h"

#include <algorithm>
#include <cmath>

namespace everframe::bots {

namespace {

constexpr std::int32_t ROAM_MM = 60'000;   // from home
constexpr std::int32_t SIGHT_MM = 20'000;  // for the next goal
constexpr std::int32_t ARRIVED_MM = 300;
constexpr std::uint32_t DEPLETED = 1;  // bit of EntityView::state
constexpr double PACE = 0.7;           // of the speed limit: a person does not always run

}  // namespace

void Habits::place(const Vec3& position) {
  if (home_ == Vec3{}) home_ = position;
  here_ = goal_ = position;
  stay_ = Duration(0);
}

void Habits::choose_goal(const Replica& world) {
  const std::int32_t edge = pack_.world_size_mm / 2 - 2'000;
  std::vector<const wire::EntityView*> wanted;
  for (const wire::EntityView* entity : world.near(here_, SIGHT_MM)) {
    const Pack::Thing* thing = pack_.thing(entity->type);
    if (thing == nullptr || (entity->state & DEPLETED) != 0) continue;
    if (!thing->harvestable && thing->kind != "item_pile") continue;
    if (std::abs(entity->position.x - home_.x) < ROAM_MM && std::abs(entity->position.z - home_.z) < ROAM_MM)
      wanted.push_back(entity);
  }
  if (!wanted.empty() && dice_.below(8) != 0) {
    const wire::EntityView& target = *wanted[dice_.below(wanted.size())];
    const std::int32_t beside = pack_.thing(target.type)->radius_mm + 700;
    goal_ = {target.position.x + beside, here_.y, target.position.z};
  } else {
    goal_ = {static_cast<std::int32_t>(home_.x + dice_.between(-ROAM_MM, ROAM_MM)), here_.y,
             static_cast<std::int32_t>(home_.z + dice_.between(-ROAM_MM, ROAM_MM))};
  }
  goal_.x = std::clamp(goal_.x, -edge, edge);
  goal_.z = std::clamp(goal_.z, -edge, edge);
}

wire::Pose Habits::walk(const Replica& world, Duration span) {
  const double dx = goal_.x - here_.x;
  const double dz = goal_.z - here_.z;
  const double far = std::hypot(dx, dz);
  if (far < ARRIVED_MM) {
    stay_ -= span;
    if (stay_ <= Duration(0)) {
      choose_goal(world);
      stay_ = std::chrono::milliseconds(dice_.between(1'500, 5'000));
    }
  } else {
    const double stride = PACE * pack_.speed_mm_s * static_cast<double>(span.count()) / 1e6;
    const double part = std::min(1.0, stride / far);
    here_.x += static_cast<std::int32_t>(dx * part);
    here_.z += static_cast<std::int32_t>(dz * part);
    yaw_ = static_cast<std::int32_t>(std::atan2(-dx, -dz) * 180'000.0 / M_PI);
  }
  wire::Pose pose;
  pose.position = here_;
  pose.yaw = yaw_;
  // A head and two hands that are never quite still, as a headset's are.
  for (std::size_t part = 0; part < wire::PARTS; ++part) {
    const auto sway = [this] { return static_cast<std::int32_t>(dice_.between(-20, 20)); };
    const std::int32_t side = part == 0 ? 0 : part == 1 ? -250 : 250;
    const std::int32_t height = part == 0 ? 1'650 : 1'100;
    pose.parts[part] = wire::Part{{side + sway(), height + sway(), sway() - (part == 0 ? 0 : 300)},
                                  static_cast<std::uint32_t>(dice_.next())};
  }
  return pose;
}

wire::ActionBody Habits::act(const Replica& world) {
  const std::uint64_t mood = dice_.below(20);
  if (mood == 0 && !world.carried.empty()) {
    const wire::Stack& some = world.carried[dice_.below(world.carried.size())];
    if (some.count > 1) return wire::Drop{{some.item, 1}};
  }
  if (mood < 6) {
    if (auto built = build(world)) return *built;
  }
  if (mood < 9) {
    if (auto crafted = craft(world)) return *crafted;
  }
  if (auto gathered = gather(world)) return *gathered;
  return wire::Idle{};
}

// As src/world's rule of what is occupied, but coarser: whole radii.
bool Habits::is_free(const Replica& world, const Vec3& place, const Pack::Thing& thing) const {
  constexpr std::int32_t RADIUS_MM_MAX = 4'000;
  for (const wire::EntityView* entity : world.near(place, thing.radius_mm + RADIUS_MM_MAX)) {
    const Pack::Thing* other = pack_.thing(entity->type);
    if (other == nullptr || other->kind == "body" || other->kind == "item_pile") continue;
    const std::int64_t apart = std::int64_t{thing.radius_mm} + other->radius_mm;
    if (distance_squared(place, entity->position) < apart * apart) return false;
  }
  return true;
}

std::optional<wire::ActionBody> Habits::build(const Replica& world) {
  if (pack_.buildables.empty()) return std::nullopt;
  const Pack::Buildable& what = pack_.buildables[dice_.below(pack_.buildables.size())];
  if (!world.carries(what.cost)) return std::nullopt;
  const Vec3 place{static_cast<std::int32_t>(here_.x + dice_.between(-2'500, 2'500)), here_.y,
                   static_cast<std::int32_t>(here_.z + dice_.between(-2'500, 2'500))};
  if (!is_free(world, place, pack_.things[raw(what.type)])) return std::nullopt;
  return wire::Build{what.type, place, static_cast<std::int32_t>(dice_.below(4) * 90'000)};
}

std::optional<wire::ActionBody> Habits::craft(const Replica& world) {
  if (pack_.recipes.empty()) return std::nullopt;
  const std::size_t first = dice_.below(pack_.recipes.size());
  for (std::size_t i = 0; i < pack_.recipes.size(); ++i) {
    const std::size_t at = (first + i) % pack_.recipes.size();
    const Pack::Recipe& recipe = pack_.recipes[at];
    if (!recipe.station && world.carries(recipe.inputs))
      return wire::Craft{RecipeId{static_cast<std::uint16_t>(at)}, 1};
  }
  return std::nullopt;
}

std::optional<wire::ActionBody> Habits::gather(const Replica& world) {
  std::vector<wire::ActionBody> possible;
  constexpr std::int32_t RADIUS_MM_MAX = 4'000;
  for (const wire::EntityView* entity : world.near(here_, pack_.reach_mm + RADIUS_MM_MAX)) {
    const Pack::Thing* thing = pack_.thing(entity->type);
    if (thing == nullptr || (entity->state & DEPLETED) != 0) continue;
    const std::int64_t reach = std::int64_t{pack_.reach_mm} + thing->radius_mm - 200;
    if (distance_squared(here_, entity->position) > reach * reach) continue;
    if (thing->harvestable && !thing->tool_required) possible.push_back(wire::Harvest{entity->id});
    const bool lies_about = thing->kind == "item_pile" || (thing->collectable && raw(entity->owner) == 0);
    if (lies_about) possible.push_back(wire::PickUp{entity->id});
    if (thing->toggles && thing->kind == "fire" && dice_.below(8) == 0)
      possible.push_back(wire::Interact{entity->id});
  }
  if (possible.empty()) return std::nullopt;
  return possible[dice_.below(possible.size())];
}

}  // namespace everframe::bots
