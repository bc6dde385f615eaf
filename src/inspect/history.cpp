#include "inspect/history.h"

#include <algorithm>

#include <boost/json/array.hpp>

namespace everframe::inspect {

namespace json = boost::json;

namespace {

class Teller {
 public:
  Teller(HistoryFilter filter, View view, TellDeed tell)
      : filter_(filter), view_(view), tell_(std::move(tell)) {}

  void operator()(const world::State& state, const world::FrameRecord& record,
                  const world::Effects& effects) {
    const world::Frame& frame = record.frame;
    if (frame.no < filter_.first || frame.no > filter_.last) return;
    std::size_t next_new = 0;
    for (const world::Input& input : frame.inputs) {
      const world::Refusal outcome = outcome_of(input, effects);
      const auto* built = made_by(input, outcome, effects, next_new);
      const EntityId entity = built != nullptr ? built->id : target_of(input);
      if (!fits(input, entity)) continue;
      const std::optional<Vec3> place = place_of(input, entity, state, effects);
      if (filter_.area && !(place && within(*place, *filter_.area))) continue;
      json::object deed{{"frame", raw(frame.no)}, {"now_ms", raw(frame.now)}};
      for (const auto& [key, value] : view_(input)) deed[key] = value;
      if (const auto* player = state.player(input.player)) deed["name"] = player->name;
      if (raw(input.seq) != 0) {
        deed["outcome"] =
            outcome == world::Refusal::NONE ? std::string_view("applied") : world::refusal_name(outcome);
      }
      if (built != nullptr) deed["built"] = raw(built->id);
      if (place) deed["position"] = json::array{place->x, place->y, place->z};
      tell_(deed);
    }
  }

 private:
  static world::Refusal outcome_of(const world::Input& input, const world::Effects& effects) {
    for (const world::PlayerOutcome& of : effects.outcomes) {
      if (of.player == input.player && of.outcome.seq == input.seq) return of.outcome.refusal;
    }
    return world::Refusal::NONE;
  }

  static EntityId target_of(const world::Input& input) {
    return std::visit(
        [](const auto& body) {
          if constexpr (requires { body.target; }) {
            return body.target;
          } else {
            return EntityId{};
          }
        },
        input.body);
  }

  // New entities of a frame stand in the order of its inputs, so each build takes the next that fits.
  static const world::Entity* made_by(const world::Input& input, world::Refusal outcome,
                                      const world::Effects& effects, std::size_t& next_new) {
    const auto* build = std::get_if<world::Build>(&input.body);
    if (build == nullptr || outcome != world::Refusal::NONE) return nullptr;
    for (std::size_t i = next_new; i < effects.entities.size(); ++i) {
      const world::EntityChange& change = effects.entities[i];
      if (change.before || !change.after || change.after->type != build->what) continue;
      if (change.after->owner != input.player || change.after->position != build->position) continue;
      next_new = i + 1;
      return &*change.after;
    }
    return nullptr;
  }

  bool fits(const world::Input& input, EntityId entity) const {
    if (!filter_.moves && std::holds_alternative<world::Move>(input.body)) return false;
    if (filter_.player && input.player != *filter_.player) return false;
    return !filter_.entity || entity == *filter_.entity;
  }

  static std::optional<Vec3> place_of(const world::Input& input, EntityId entity, const world::State& state,
                                      const world::Effects& effects) {
    if (const auto* build = std::get_if<world::Build>(&input.body)) return build->position;
    if (const auto* move = std::get_if<world::Move>(&input.body)) return move->position;
    if (const auto* there = state.entity(entity)) return there->position;
    for (const world::EntityChange& change : effects.entities) {
      if (change.before && change.before->id == entity) return change.before->position;  // it went just now
    }
    const auto* player = state.player(input.player);
    const auto* body = player == nullptr ? nullptr : state.entity(player->body);
    if (body == nullptr) return std::nullopt;
    return body->position;
  }

  static bool within(const Vec3& place, const Area& area) {
    const Vec3 level{place.x, 0, place.z};
    const Vec3 centre{area.centre.x, 0, area.centre.z};
    return distance_squared(level, centre) <= std::int64_t{area.radius_mm} * area.radius_mm;
  }

  const HistoryFilter filter_;
  const View view_;
  TellDeed tell_;
};

}  // namespace

WatchFrame history(HistoryFilter filter, View view, TellDeed tell) {
  return Teller(filter, view, std::move(tell));
}

}  // namespace everframe::inspect
