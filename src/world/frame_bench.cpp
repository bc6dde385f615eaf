// frame_bench [FRAMES]: how long frames of 200 actions take in a new world, from the rules alone: no store,
// no wire. Prints the world's hash at the end, so that two builds can be compared for more than speed. Run
// from the project's root.
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>

#include "base/histogram.h"
#include "world/crowd_for_tests.h"
#include "world/records.h"

using namespace everframe;
using namespace everframe::world;

namespace {

constexpr std::uint64_t PLAYERS = 200;
constexpr std::uint64_t ACTIONS_A_FRAME = 200;
constexpr std::uint64_t FRAMES_MAX = 1'000'000;

State new_world() {
  std::uint64_t hash = 0;
  for (const ChunkCode code : new_world_chunks()) {
    for (const Entity& entity : generate_chunk(survival(), 1, code)) hash ^= hash_of(entity);
  }
  State state(survival(), first_free_entity(), hash);
  for (const ChunkCode code : new_world_chunks()) state.load_chunk(code, generate_chunk(survival(), 1, code));
  Frame joins{FrameNo{0}, WallMs{0}, 1, {}};
  for (std::uint64_t id = 1; id <= PLAYERS; ++id) joins.inputs.push_back({PlayerId{id}, {}, Join{"Player"}});
  apply(state, joins);
  return state;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t frames =
      argc > 1 ? std::min<std::uint64_t>(std::strtoull(argv[1], nullptr, 10), FRAMES_MAX) : 2'000;
  State state = new_world();
  std::size_t entities = 0;
  for (const ChunkCode code : new_world_chunks()) entities += state.chunk(code)->entities.size();
  Crowd crowd(state, PLAYERS, 1);
  Histogram micros;
  std::uint64_t inputs = 0;
  std::chrono::nanoseconds total{};
  for (std::uint64_t i = 0; i < frames; ++i) {
    Frame frame = crowd.frame_of(ACTIONS_A_FRAME);
    inputs += frame.inputs.size();
    const auto start = std::chrono::steady_clock::now();
    apply(state, frame);
    const auto took = std::chrono::steady_clock::now() - start;
    total += took;
    micros.add(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  }
  fmt::print("{} frames, {} inputs, {} entities, {} players\n", frames, inputs, entities, PLAYERS);
  fmt::print("a frame: p50 {:.3f} ms, p99 {:.3f} ms, max {:.3f} ms; an input: {} ns\n",
             micros.quantile_ms(0.5), micros.quantile_ms(0.99), micros.max_ms(),
             inputs > 0 ? total.count() / static_cast<std::int64_t>(inputs) : 0);
  fmt::print("hash {:016x}\n", state.hash());
}
