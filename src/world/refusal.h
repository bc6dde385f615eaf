// Refusal: why the rules turned an action down. Persistent: the numbers are on the wire, in outcome records
// and in frame logs; never reuse one. Names and texts for people: refusal_name, refusal_text.
#pragma once
#include <cstdint>
#include <string_view>

namespace everframe::world {

enum class Refusal : std::uint8_t {
  NONE = 0,            // applied
  NO_SUCH_TARGET = 1,  // it is not there (any more), or not where you can know of it
  OUT_OF_RANGE = 2,
  WRONG_TARGET = 3,  // this cannot be done to it
  DEPLETED = 4,      // harvested out; it regrows
  MISSING_TOOL = 5,
  MISSING_ITEM = 6,
  INVENTORY_FULL = 7,
  OCCUPIED = 8,       // something stands there
  NOT_BUILDABLE = 9,  // no such thing to build, or not there
  NO_SUCH_ITEM = 10,
  NO_SUCH_RECIPE = 11,
  NEEDS_STATION = 12,  // a workbench or fire must be in reach
  BAD_COUNT = 13,      // zero, or more than the limit
  NOT_YOURS = 14,
  CONTAINER_FULL = 15,
  OUT_OF_WORLD = 16,
  BUSY = 17,      // before the queue: too many unanswered, or the place is still loading; resend later
  DRAINING = 18,  // before the queue: the server stops
};
inline constexpr std::uint8_t REFUSAL_LAST = 18;

std::string_view refusal_name(Refusal refusal);  // "out_of_range"
std::string_view refusal_text(Refusal refusal);  // "It is too far away: come closer."

}  // namespace everframe::world
