#include "region/convert.h"

namespace everframe::region {

namespace {

struct ToWorld {
  world::InputBody operator()(const wire::Harvest& from) const { return world::Harvest{from.target}; }
  world::InputBody operator()(const wire::Build& from) const {
    return world::Build{from.what, from.position, from.yaw};
  }
  world::InputBody operator()(const wire::PickUp& from) const { return world::PickUp{from.target}; }
  world::InputBody operator()(const wire::Drop& from) const {
    return world::Drop{{from.stack.item, from.stack.count}};
  }
  world::InputBody operator()(const wire::Craft& from) const { return world::Craft{from.recipe, from.times}; }
  world::InputBody operator()(const wire::Interact& from) const { return world::Interact{from.target}; }
  world::InputBody operator()(const wire::Transfer& from) const {
    return world::Transfer{from.target, {from.stack.item, from.stack.count}, from.out};
  }
  world::InputBody operator()(const wire::Idle&) const { return world::Idle{}; }
};

}  // namespace

world::InputBody to_world(const wire::ActionBody& body) {
  return std::visit(ToWorld{}, body);
}

std::vector<wire::Stack> to_wire(const std::vector<world::ItemCount>& stacks) {
  std::vector<wire::Stack> out;
  out.reserve(stacks.size());
  for (const world::ItemCount& stack : stacks) out.push_back({stack.item, stack.count});
  return out;
}

wire::EntityView to_wire(const world::Entity& entity) {
  return {entity.id, entity.type,  entity.position, entity.yaw,
          entity.hp, entity.state, entity.owner,    to_wire(entity.stacks)};
}

wire::ServerEvent answer_of(const world::Outcome& outcome) {
  if (outcome.refusal == world::Refusal::NONE) return wire::Applied{outcome.seq, outcome.frame};
  return wire::Refused{outcome.seq, outcome.frame, static_cast<std::uint8_t>(outcome.refusal)};
}

}  // namespace everframe::region
