// Generation. Each chunk draws candidates from its own dice: for each type twice as many as its density asks
// for on average, of which the ground takes half on average (all of them in the middle of a forest, none in
// the middle of a clearing). What would touch something else tries a few other places. Everything stands
// wholly inside its chunk, so that chunks need not know their neighbours.
#include "world/generate.h"

#include <algorithm>
#include <array>

#include "base/codec.h"
#include "base/hash.h"
#include "base/random.h"

namespace everframe::world {

namespace {

constexpr std::int32_t HALF_CHUNKS = NEW_WORLD_CHUNKS / 2;
constexpr std::int64_t SPAWN_CLEAR_MM = 24'000;   // around the origin nothing stands
constexpr std::int64_t GAP_MM = 200;              // between two things, so that a player can pass
constexpr int PLACES_TRIED = 4;                   // for one thing
constexpr std::size_t CHUNK_GENERATED_MAX = 512;  // half of what a chunk may hold: the rest is for players
static_assert(CHUNK_GENERATED_MAX <= ENTITY_IDS_A_CHUNK);

// Persistent, as all of this file: the same seed makes the same world for ever.
constexpr std::uint64_t CHUNK_SALT = 1;
constexpr std::uint64_t FOREST_SALT = 2;
constexpr std::uint64_t ROCKS_SALT = 3;

std::uint64_t mix(std::uint64_t seed, std::uint64_t salt, std::int64_t x, std::int64_t z) {
  Bytes bytes;
  bytes.reserve(24);
  ByteWriter out(bytes);
  out.u64(salt);
  out.u64(static_cast<std::uint64_t>(x));
  out.u64(static_cast<std::uint64_t>(z));
  return hash64(bytes, seed);
}

// Value noise (random values on a lattice, smoothly joined) in 1/65536, from 0 to 65,535.
class Noise {
 public:
  Noise(std::uint64_t seed, std::uint64_t salt, std::int64_t cell_mm)
      : seed_(seed), salt_(salt), cell_mm_(cell_mm) {}

  std::int64_t at(const Vec3& place) const {
    const std::int64_t x = place.x + ORIGIN_MM;
    const std::int64_t z = place.z + ORIGIN_MM;
    const std::int64_t u = smooth((x % cell_mm_) * ONE / cell_mm_);
    const std::int64_t v = smooth((z % cell_mm_) * ONE / cell_mm_);
    const std::int64_t i = x / cell_mm_;
    const std::int64_t j = z / cell_mm_;
    const std::int64_t north = between(corner(i, j), corner(i + 1, j), u);
    const std::int64_t south = between(corner(i, j + 1), corner(i + 1, j + 1), u);
    return between(north, south, v);
  }

 private:
  static constexpr std::int64_t ONE = 1 << 16;
  static constexpr std::int64_t ORIGIN_MM = std::int64_t{1} << 32;  // makes all coordinates positive
  static std::int64_t smooth(std::int64_t t) { return t * t / ONE * (3 * ONE - 2 * t) / ONE; }
  static std::int64_t between(std::int64_t a, std::int64_t b, std::int64_t t) {
    return a + (b - a) * t / ONE;
  }
  std::int64_t corner(std::int64_t i, std::int64_t j) const {
    return static_cast<std::int64_t>(mix(seed_, salt_, i, j) >> 48);
  }

  std::uint64_t seed_;
  std::uint64_t salt_;
  std::int64_t cell_mm_;
};

// What share of the candidates the ground takes, in 1/65536: half on average over the world, because noise is
// as often above its middle as below.
class GroundMap {
 public:
  explicit GroundMap(std::uint64_t seed)
      : forest_wide_(seed, FOREST_SALT, 72'000),
        forest_fine_(seed, FOREST_SALT + 16, 20'000),
        rocks_wide_(seed, ROCKS_SALT, 96'000),
        rocks_fine_(seed, ROCKS_SALT + 16, 24'000) {}

  std::int64_t share(Ground ground, const Vec3& place) const {
    switch (ground) {
      case Ground::ANYWHERE:
        return ONE / 2;
      case Ground::FOREST:
        return ramp(forest_wide_, forest_fine_, place);
      case Ground::CLEARING:
        return ONE - ramp(forest_wide_, forest_fine_, place);
      case Ground::ROCKY:
        return ramp(rocks_wide_, rocks_fine_, place);
    }
    return ONE / 2;
  }

  static constexpr std::int64_t ONE = 1 << 16;

 private:
  static std::int64_t ramp(const Noise& wide, const Noise& fine, const Vec3& place) {
    constexpr std::int64_t LOW = ONE * 42 / 100;
    constexpr std::int64_t HIGH = ONE - LOW;
    const std::int64_t value = (3 * wide.at(place) + fine.at(place)) / 4;
    return (std::clamp(value, LOW, HIGH) - LOW) * ONE / (HIGH - LOW);
  }

  Noise forest_wide_;
  Noise forest_fine_;
  Noise rocks_wide_;
  Noise rocks_fine_;
};

bool is_near_spawn(const Vec3& place, std::int64_t radius) {
  const std::int64_t x = place.x;
  const std::int64_t z = place.z;
  return x * x + z * z < (SPAWN_CLEAR_MM + radius) * (SPAWN_CLEAR_MM + radius);
}

class ChunkMaker {
 public:
  ChunkMaker(const Content& content, std::uint64_t seed, ChunkCode code)
      : content_(content),
        chunk_(pos_of(code)),
        ground_(seed),
        dice_(mix(seed, CHUNK_SALT, chunk_.x, chunk_.z)) {}

  std::vector<Entity> make();

 private:
  std::uint64_t candidates(const EntityDef& def);
  Vec3 draw_place(const EntityDef& def);
  bool is_free(const EntityDef& def, const Vec3& place) const;
  void stand(EntityType type, const EntityDef& def);

  const Content& content_;
  ChunkPos chunk_;
  GroundMap ground_;
  Prng dice_;
  std::vector<Entity> out_;
};

std::vector<Entity> ChunkMaker::make() {
  for (std::size_t i = 0; i < content_.entities.size(); ++i) {
    const EntityDef& def = content_.entities[i];
    for (std::uint64_t left = candidates(def); left > 0; --left) {
      stand(EntityType{static_cast<std::uint16_t>(i)}, def);
    }
  }
  const std::int64_t row = chunk_.z + HALF_CHUNKS;
  const auto place = static_cast<std::uint64_t>(row * NEW_WORLD_CHUNKS + chunk_.x + HALF_CHUNKS);
  for (std::size_t i = 0; i < out_.size(); ++i) out_[i].id = EntityId{place * ENTITY_IDS_A_CHUNK + i + 1};
  return std::move(out_);
}

std::uint64_t ChunkMaker::candidates(const EntityDef& def) {
  constexpr std::uint64_t CHUNK_M2 = (CHUNK_SIZE_MM / 1'000) * (CHUNK_SIZE_MM / 1'000);
  constexpr std::uint64_t WHOLE = 10'000 * 1'000;  // square metres a hectare, thousandths of a density
  // The one float of the rules: a figure of the pack, turned into thousandths, the same on every machine.
  const auto density_thousandths = static_cast<std::uint64_t>(def.density * 1'000 + 0.5);
  const std::uint64_t expected = 2 * density_thousandths * CHUNK_M2;
  return expected / WHOLE + (dice_.below(WHOLE) < expected % WHOLE ? 1 : 0);
}

Vec3 ChunkMaker::draw_place(const EntityDef& def) {
  const std::int64_t room = CHUNK_SIZE_MM - 2 * std::int64_t{def.radius_mm};
  const auto draw = [&](std::int32_t chunk) {
    const std::int64_t start = std::int64_t{chunk} * CHUNK_SIZE_MM + def.radius_mm;
    return static_cast<std::int32_t>(
        start + static_cast<std::int64_t>(dice_.below(static_cast<std::uint64_t>(room))));
  };
  const std::int32_t x = draw(chunk_.x);  // x first: the order of draws is persistent
  return {x, 0, draw(chunk_.z)};
}

bool ChunkMaker::is_free(const EntityDef& def, const Vec3& place) const {
  if (is_near_spawn(place, def.radius_mm)) return false;
  const std::int32_t half = content_.rules.world_size_mm / 2;
  if (place.x < -half || place.x >= half || place.z < -half || place.z >= half) return false;
  for (const Entity& other : out_) {
    const std::int64_t apart = def.radius_mm + content_.entity(other.type)->radius_mm + GAP_MM;
    if (distance_squared(place, other.position) < apart * apart) return false;
  }
  return true;
}

void ChunkMaker::stand(EntityType type, const EntityDef& def) {
  if (out_.size() >= CHUNK_GENERATED_MAX) return;
  Vec3 place = draw_place(def);
  const auto share = static_cast<std::uint64_t>(ground_.share(def.grows_in, place));
  if (dice_.below(GroundMap::ONE) >= share) return;
  int tried = 1;
  while (!is_free(def, place)) {
    if (tried++ == PLACES_TRIED) return;
    place = draw_place(def);
  }
  Entity entity;
  entity.type = type;
  entity.position = place;
  entity.yaw = static_cast<std::int32_t>(dice_.below(360'000));
  entity.hp = def.hp;
  out_.push_back(entity);
}

}  // namespace

std::vector<ChunkCode> new_world_chunks() {
  std::vector<ChunkCode> codes;
  for (std::int32_t z = -HALF_CHUNKS; z < HALF_CHUNKS; ++z) {
    for (std::int32_t x = -HALF_CHUNKS; x < HALF_CHUNKS; ++x) codes.push_back(code_of({x, z}));
  }
  std::sort(codes.begin(), codes.end());
  return codes;
}

std::vector<Entity> generate_chunk(const Content& content, std::uint64_t seed, ChunkCode code) {
  const ChunkPos chunk = pos_of(code);
  const auto outside = [](std::int32_t v) { return v < -HALF_CHUNKS || v >= HALF_CHUNKS; };
  if (outside(chunk.x) || outside(chunk.z)) return {};
  return ChunkMaker(content, seed, code).make();
}

EntityId first_free_entity() {
  return EntityId{std::uint64_t{NEW_WORLD_CHUNKS} * NEW_WORLD_CHUNKS * ENTITY_IDS_A_CHUNK + 1};
}

// A square of SIDE x SIDE places, filled along a spiral from the middle. Later rounds stand between the
// places of the first.
Vec3 spawn_position(std::uint64_t n) {
  constexpr std::uint64_t SIDE = 21;
  constexpr std::int32_t SPACING_MM = 1'500;
  constexpr std::array<std::array<std::int32_t, 2>, 4> ROUNDS_MM = {{{0, 0}, {750, 750}, {750, 0}, {0, 750}}};
  const std::uint64_t place = n % (SIDE * SIDE);
  const auto& [round_x, round_z] = ROUNDS_MM[n / (SIDE * SIDE) % ROUNDS_MM.size()];
  std::int32_t x = 0;
  std::int32_t z = 0;
  std::int32_t step_x = 1;
  std::int32_t step_z = 0;
  std::uint64_t in_leg = 0;
  std::uint64_t leg = 1;  // each length twice: 1 1 2 2 3 3 ...
  bool is_second = false;
  for (std::uint64_t i = 0; i < place; ++i) {
    x += step_x;
    z += step_z;
    if (++in_leg < leg) continue;
    in_leg = 0;
    if (is_second) ++leg;
    is_second = !is_second;
    step_z = std::exchange(step_x, -step_z);
  }
  return {x * SPACING_MM + round_x, 0, z * SPACING_MM + round_z};
}

}  // namespace everframe::world
