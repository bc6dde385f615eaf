// Between the wire's words and the world's: the same things, said in two rooms that may not know each other.
#pragma once
#include "wire/messages.h"
#include "world/frame.h"

namespace everframe::region {

world::InputBody to_world(const wire::ActionBody& body);
std::vector<wire::Stack> to_wire(const std::vector<world::ItemCount>& stacks);
wire::EntityView to_wire(const world::Entity& entity);
wire::ServerEvent answer_of(const world::Outcome& outcome);

}  // namespace everframe::region
