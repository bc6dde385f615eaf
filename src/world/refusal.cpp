#include "world/refusal.h"

#include <array>

#include "base/assert.h"

namespace everframe::world {

namespace {

struct Words {
  std::string_view name;
  std::string_view text;
};

constexpr std::array<Words, REFUSAL_LAST + 1> WORDS = {{
    {"none", "Done."},
    {"no_such_target", "It is not there any more, or too far away to know of."},
    {"out_of_range", "It is too far away: come closer."},
    {"wrong_target", "That cannot be done to it."},
    {"depleted", "Nothing is left of it for now: it regrows, come back later."},
    {"missing_tool", "A tool for it is missing: craft one first."},
    {"missing_item", "You do not carry enough for that."},
    {"inventory_full", "You cannot carry more: drop or store something first."},
    {"occupied", "There is no room there: choose another place."},
    {"not_buildable", "That cannot be built, or not there."},
    {"no_such_item", "The content pack has no such item."},
    {"no_such_recipe", "The content pack has no such recipe."},
    {"needs_station", "A station for it must be in reach: a workbench, or a fire that burns."},
    {"bad_count", "The count is zero, or more than one action may have."},
    {"not_yours", "It belongs to someone else."},
    {"container_full", "The container cannot hold more."},
    {"out_of_world", "That place is outside the world."},
    {"busy", "Too many of your actions wait, or the place is still loading: send it again in a moment."},
    {"draining", "The server is stopping: connect again and send it again."},
}};

}  // namespace

std::string_view refusal_name(Refusal refusal) {
  EF_ASSERT(static_cast<std::size_t>(refusal) < WORDS.size());
  return WORDS[static_cast<std::size_t>(refusal)].name;
}

std::string_view refusal_text(Refusal refusal) {
  EF_ASSERT(static_cast<std::size_t>(refusal) < WORDS.size());
  return WORDS[static_cast<std::size_t>(refusal)].text;
}

}  // namespace everframe::world
