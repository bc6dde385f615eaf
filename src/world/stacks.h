// Stacks: what bodies, containers and piles hold: a list of at most `slots` stacks, none empty, none above
// its item's stack_max. Private to the room. All functions are total for every count; adding is all or
// nothing.
#pragma once
#include "world/content.h"

namespace everframe::world {

using Stacks = std::vector<ItemCount>;

// How many of the item there are; saturates at 2^64 - 1.
std::uint64_t count_of(const Stacks& stacks, ItemType item);

// Fills stacks of the item from the first on, then opens new ones. False, and nothing changed: no room, or no
// such item.
bool add(Stacks& stacks, ItemCount what, std::size_t slots, const Content& content);
bool add_all(Stacks& stacks, const Stacks& what, std::size_t slots, const Content& content);

// Empties the item's stacks from the last on. False, and nothing changed: there are fewer.
bool take(Stacks& stacks, ItemCount what);

}  // namespace everframe::world
