#include "inspect/view.h"

#include <fmt/ranges.h>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "base/bytes.h"

namespace everframe::inspect {

namespace json = boost::json;

namespace {

json::array position(const Vec3& at) {
  return {at.x, at.y, at.z};
}

std::string_view cause_name(world::LedgerCause cause) {
  switch (cause) {
    case world::LedgerCause::JOIN:
      return "join";
    case world::LedgerCause::HARVEST:
      return "harvest";
    case world::LedgerCause::BUILD:
      return "build";
    case world::LedgerCause::CRAFT:
      return "craft";
    case world::LedgerCause::COLLECT:
      return "collect";
    case world::LedgerCause::GENESIS:
      return "genesis";
  }
  return "unknown";
}

std::string_view outcome_name(world::Refusal refusal) {
  return refusal == world::Refusal::NONE ? "applied" : world::refusal_name(refusal);
}

// In the order of InputBody's alternatives.
constexpr std::string_view INPUT_NAMES[] = {"harvest",  "build", "pick_up", "drop", "craft", "interact",
                                            "transfer", "idle",  "join",    "move", "due"};
static_assert(std::size(INPUT_NAMES) == std::variant_size_v<world::InputBody>);

void add_body(json::object&, const View&, const world::Idle&) {}
void add_body(json::object& out, const View& view, const world::Build& body) {
  out["type"] = view.type(body.what);
  out["position"] = position(body.position);
  out["yaw"] = body.yaw;
}
void add_body(json::object& out, const View& view, const world::Drop& body) {
  out["item"] = view.item(body.stack.item);
  out["count"] = body.stack.count;
}
void add_body(json::object& out, const View&, const world::Craft& body) {
  out["recipe"] = raw(body.recipe);
  out["times"] = body.times;
}
void add_body(json::object& out, const View& view, const world::Transfer& body) {
  out["target"] = raw(body.target);
  out["item"] = view.item(body.stack.item);
  out["count"] = body.stack.count;
  out["out"] = body.out;
}
void add_body(json::object& out, const View&, const world::Join& body) {
  out["name"] = body.name;
}
void add_body(json::object& out, const View&, const world::Move& body) {
  out["position"] = position(body.position);
  out["yaw"] = body.yaw;
}
template <class Targeted>
requires requires(Targeted body) {
  body.target;
}
void add_body(json::object& out, const View&, const Targeted& body) {
  out["target"] = raw(body.target);
}

}  // namespace

std::string hex(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

json::value View::type(EntityType type) const {
  const auto* def = content_ == nullptr ? nullptr : content_->entity(type);
  return def == nullptr ? json::value(raw(type)) : json::value(def->key);
}
json::value View::item(ItemType item) const {
  const auto* def = content_ == nullptr ? nullptr : content_->item(item);
  return def == nullptr ? json::value(raw(item)) : json::value(def->key);
}
json::array View::stacks(const std::vector<world::ItemCount>& stacks) const {
  json::array out;
  for (const auto& stack : stacks) out.push_back({{"item", item(stack.item)}, {"count", stack.count}});
  return out;
}

json::object View::operator()(const world::Input& input) const {
  json::object out{{"do", INPUT_NAMES[input.body.index()]}, {"player", raw(input.player)}};
  if (raw(input.seq) != 0) out["seq"] = raw(input.seq);
  std::visit([&](const auto& body) { add_body(out, *this, body); }, input.body);
  return out;
}

json::object View::operator()(const Row& row) const {
  return std::visit([this](const auto& kind) { return record(kind); }, row);
}

json::object View::record(const EntityRow& row) const {
  const world::Entity& entity = row.entity;
  json::object out{
      {"id", raw(entity.id)}, {"type", type(entity.type)}, {"position", position(entity.position)},
      {"yaw", entity.yaw},    {"hp", entity.hp},           {"state", entity.state}};
  if (raw(entity.owner) != 0) out["owner"] = raw(entity.owner);
  if (raw(entity.due) != 0) out["due_ms"] = raw(entity.due);
  if (!entity.stacks.empty()) out["stacks"] = stacks(entity.stacks);
  return out;
}

json::object View::record(const PlayerRow& row) const {
  const world::Player& player = row.player;
  json::array outcomes;
  for (const world::Outcome& outcome : player.outcomes) {
    outcomes.push_back({{"seq", raw(outcome.seq)},
                        {"frame", raw(outcome.frame)},
                        {"outcome", outcome_name(outcome.refusal)}});
  }
  return {{"id", raw(player.id)},
          {"name", player.name},
          {"body", raw(player.body)},
          {"chunk", raw(player.chunk)},
          {"last_seq", raw(player.last_seq)},
          {"outcomes", std::move(outcomes)}};
}

json::object View::record(const SessionRow& row) const {
  return {{"epoch", row.epoch}};
}
json::object View::record(const AccountRow& row) const {
  return {{"player", raw(row.player)}};
}
json::object View::record(const InputRow& row) const {
  return (*this)(row.input);
}

json::object View::record(const FrameRow& row) const {
  const world::FrameRecord& record = row.record;
  json::array inputs;
  for (const world::Input& input : record.frame.inputs) inputs.push_back((*this)(input));
  return {{"now_ms", raw(record.frame.now)},
          {"seed", hex(record.frame.seed)},
          {"hash_after", hex(record.hash_after)},
          {"effects_digest", hex(record.effects_digest)},
          {"inputs", std::move(inputs)}};
}

json::object View::record(const RegionRow& row) const {
  return {{"low", raw(row.ownership.low)}, {"high", raw(row.ownership.high)}, {"epoch", row.ownership.epoch}};
}

json::object View::record(const HeadRow& row) const {
  return {{"frame", raw(row.head.frame)},
          {"now_ms", raw(row.head.now)},
          {"next_entity", raw(row.head.next_entity)},
          {"next_player", raw(row.head.next_player)},
          {"hash", hex(row.head.hash)},
          {"counter", row.head.counter}};
}

json::object View::record(const TotalRow& row) const {
  return {{"item", item(row.item)}, {"total", row.total}};
}

json::object View::record(const LedgerRow& row) const {
  json::array entries;
  for (const world::LedgerEntry& entry : row.entries) {
    entries.push_back({{"item", item(entry.item)},
                       {"delta", entry.delta},
                       {"cause", cause_name(entry.cause)},
                       {"player", raw(entry.player)}});
  }
  return {{"entries", std::move(entries)}};
}

json::object View::record(const MetaRow& row) const {
  return {{"name", row.name}, {"value", hex(row.value)}};
}

}  // namespace everframe::inspect
