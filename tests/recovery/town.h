// Town: a process that runs a world in an embedded store, with players who act as fast as they are answered
// and write down what they see. Made to be killed.
#pragma once
#include <string>

namespace everframe::recovery {

inline constexpr std::size_t PLAYERS = 8;
inline constexpr std::uint64_t WORLD_SEED = 11;
inline constexpr char WORLD[] = "town";
inline constexpr char STEPS[] =
    ".steps";  // the journal's name, and this: the region's steps (region/steps.h)

// `actions`: 0 goes on until it is killed; else each player ends with that action at least, all is answered,
// the region drains, and the town returns. The exit status.
int live(const std::string& store_directory, const std::string& journal, std::uint64_t actions);

}  // namespace everframe::recovery
