#include "world/stacks.h"

#include <algorithm>

namespace everframe::world {

std::uint64_t count_of(const Stacks& stacks, ItemType item) {
  std::uint64_t sum = 0;
  for (const ItemCount& stack : stacks) {
    if (stack.item != item) continue;
    if (stack.count > UINT64_MAX - sum) return UINT64_MAX;
    sum += stack.count;
  }
  return sum;
}

bool add(Stacks& stacks, ItemCount what, std::size_t slots, const Content& content) {
  const ItemDef* def = content.item(what.item);
  if (def == nullptr) return false;
  std::uint64_t left = what.count;
  for (const ItemCount& stack : stacks) {
    if (stack.item != what.item || stack.count >= def->stack_max) continue;
    left -= std::min(left, def->stack_max - stack.count);
  }
  const std::uint64_t new_stacks = left / def->stack_max + (left % def->stack_max != 0 ? 1 : 0);
  if (new_stacks > 0 && (stacks.size() > slots || new_stacks > slots - stacks.size())) return false;

  left = what.count;
  for (ItemCount& stack : stacks) {
    if (stack.item != what.item || stack.count >= def->stack_max) continue;
    const std::uint64_t part = std::min(left, def->stack_max - stack.count);
    stack.count += part;
    left -= part;
  }
  for (; left > 0; left -= stacks.back().count) {
    stacks.push_back({what.item, std::min(left, def->stack_max)});
  }
  return true;
}

bool add_all(Stacks& stacks, const Stacks& what, std::size_t slots, const Content& content) {
  Stacks result = stacks;
  for (const ItemCount& each : what) {
    if (!add(result, each, slots, content)) return false;
  }
  stacks = std::move(result);
  return true;
}

bool take(Stacks& stacks, ItemCount what) {
  if (count_of(stacks, what.item) < what.count) return false;
  std::uint64_t left = what.count;
  for (auto stack = stacks.rbegin(); stack != stacks.rend() && left > 0; ++stack) {
    if (stack->item != what.item) continue;
    const std::uint64_t part = std::min(left, stack->count);
    stack->count -= part;
    left -= part;
  }
  std::erase_if(stacks, [](const ItemCount& stack) { return stack.count == 0; });
  return true;
}

}  // namespace everframe::world
