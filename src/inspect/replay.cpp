#include "inspect/replay.h"

#include <deque>
#include <set>

#include "inspect/scan.h"
#include "store/world_keys.h"
#include "world/generate.h"

namespace everframe::inspect {

namespace {

// What a world was made from.
struct Origin {
  std::uint64_t seed = 0;
  RegionId region{};
};

Task<Result<Origin>> origin_of(store::Database& database, platform::Executor& executor, std::string world,
                               std::uint64_t content_hash) {
  const store::WorldKeys keys(world);
  Origin origin;
  std::optional<std::uint64_t> made_from;
  bool whole = false;
  Scan meta(database, executor, store::range_of(store::TuplePacker().text(world).text("meta").key()));
  const auto meta_rows = co_await meta.next();
  if (!meta_rows) co_return tl::unexpected<Error>(meta_rows.error());
  for (const store::KeyValue& row : *meta_rows) {
    const auto value = store::read_u64_value(row.value);
    if (!value) co_return fail("{} is damaged", key_text(row.key));
    if (row.key == keys.meta(region::META_SEED)) origin.seed = *value;
    if (row.key == keys.meta(region::META_CONTENT)) made_from = *value;
    if (row.key == keys.meta(region::META_FORMAT)) whole = *value == region::STORE_FORMAT;
  }
  if (!whole) co_return fail("there is no whole world \"{}\" of format {}", world, region::STORE_FORMAT);
  if (made_from != content_hash) {
    co_return fail("the world was made with the content pack {:016x}, this one is {:016x}: give the first",
                   made_from.value_or(0), content_hash);
  }
  std::set<RegionId> regions;
  Scan scan(database, executor, store::range_of(store::TuplePacker().text(world).text("region").key()));
  const auto region_rows = co_await scan.next();
  if (!region_rows) co_return tl::unexpected<Error>(region_rows.error());
  for (const store::KeyValue& row : *region_rows) {
    auto read = read_row(row);
    if (!read) co_return tl::unexpected<Error>(read.error());
    if (const auto* owner = std::get_if<RegionRow>(&*read)) regions.insert(owner->region);
  }
  if (regions.size() != 1)
    co_return fail("the world has {} regions; only one can be replayed", regions.size());
  origin.region = *regions.begin();
  co_return origin;
}

// One row after the other, of whatever kind.
class RowStream {
 public:
  RowStream(store::Database& database, platform::Executor& executor, store::KeyRange range)
      : scan_(database, executor, std::move(range)) {}

  // The next row, good until the next call; nullopt: the end.
  Task<Result<std::optional<store::KeyValue>>> next() {
    if (at_ == page_.size()) {
      auto page = co_await scan_.next();
      if (!page) co_return tl::unexpected<Error>(page.error());
      page_ = std::move(*page);
      at_ = 0;
    }
    if (page_.empty()) co_return std::nullopt;
    co_return page_[at_++];
  }

 private:
  Scan scan_;
  store::KeyValues page_;
  std::size_t at_ = 0;
};

// The world while it is made again.
class Remade {
 public:
  Remade(const world::Content& content, std::uint64_t seed)
      : state_(content, world::first_free_entity(), generated_hash(content, seed)) {
    for (const ChunkCode code : world::new_world_chunks()) {
      chunks_.insert(code);
      state_.load_chunk(code, world::generate_chunk(content, seed, code));
    }
  }

  const world::State& state() const { return state_; }

  world::Effects apply(const world::Frame& frame) {
    for (const world::Input& input : frame.inputs) {
      if (const auto* move = std::get_if<world::Move>(&input.body)) open_around(move->position);
      if (const auto* build = std::get_if<world::Build>(&input.body)) open_around(build->position);
    }
    return world::apply(state_, frame);
  }

  std::size_t entity_count() const {
    std::size_t count = 0;
    for (const ChunkCode code : chunks_) count += state_.chunk(code)->entities.size();
    return count;
  }

 private:
  static std::uint64_t generated_hash(const world::Content& content, std::uint64_t seed) {
    std::uint64_t hash = 0;
    for (const ChunkCode code : world::new_world_chunks()) {
      for (const world::Entity& entity : world::generate_chunk(content, seed, code)) {
        hash ^= world::hash_of(entity);
      }
    }
    return hash;
  }

  // Chunks outside of what was generated begin empty.
  void open_around(const Vec3& position) {
    const ChunkPos centre = chunk_pos_of(position);
    for (std::int32_t dz = -1; dz <= 1; ++dz) {
      for (std::int32_t dx = -1; dx <= 1; ++dx) {
        const ChunkCode code = code_of({centre.x + dx, centre.z + dz});
        if (chunks_.insert(code).second) state_.load_chunk(code, {});
      }
    }
  }

  world::State state_;
  std::set<ChunkCode> chunks_;
};

std::optional<std::string> compare(const FrameRow& row, const world::Effects& effects,
                                   const std::vector<world::LedgerEntry>& ledger) {
  const world::FrameRecord& stored = row.record;
  if (effects.hash_after != stored.hash_after) {
    return fmt::format("frame {}: the world's hash was {:016x}, replay gives {:016x}", raw(row.no),
                       stored.hash_after, effects.hash_after);
  }
  if (world::digest(effects) != stored.effects_digest) {
    return fmt::format("frame {}: the digest of its effects was {:016x}, replay gives {:016x}", raw(row.no),
                       stored.effects_digest, world::digest(effects));
  }
  if (effects.ledger != ledger) {
    return fmt::format("frame {}: {} ledger entries are stored, replay gives {}, not the same", raw(row.no),
                       ledger.size(), effects.ledger.size());
  }
  return std::nullopt;
}

// Every stored entity and player must be in the remade state with the same bytes, and none be missing.
Task<Result<void>> compare_rows(store::Database& database, platform::Executor& executor, std::string world,
                                const Remade& remade, Replayed& out) {
  const store::WorldKeys keys(world);
  std::size_t entities = 0;
  for (const bool players : {false, true}) {
    RowStream rows(database, executor, players ? keys.players() : keys.chunks());
    for (;;) {
      const auto row = co_await rows.next();
      if (!row) co_return tl::unexpected<Error>(row.error());
      if (!*row) break;
      const auto read = read_row(**row);
      if (!read) co_return tl::unexpected<Error>(read.error());
      bool same = false;
      if (const auto* stored = std::get_if<EntityRow>(&*read)) {
        const world::Entity* made = remade.state().entity(stored->id);
        same = made != nullptr && *made == stored->entity && chunk_of(made->position) == stored->chunk;
        ++entities;
      } else if (const auto* player = std::get_if<PlayerRow>(&*read)) {
        const world::Player* made = remade.state().player(player->id);
        same = made != nullptr && *made == player->player;
      }
      ++out.rows;
      if (!same) {
        out.difference = fmt::format("{} is not what replay makes", key_text((*row)->key));
        co_return Result<void>{};
      }
    }
  }
  if (entities != remade.entity_count()) {
    out.difference = fmt::format("{} entities are stored, replay makes {}", entities, remade.entity_count());
  }
  co_return Result<void>{};
}

}  // namespace

Task<Result<Replayed>> replay(store::Database& database, platform::Executor& executor, std::string world,
                              const world::Content& content, WatchFrame watch) {
  const auto origin = co_await origin_of(database, executor, world, content.hash);
  if (!origin) co_return tl::unexpected<Error>(origin.error());
  const store::WorldKeys keys(world);
  Remade remade(content, origin->seed);
  Replayed out;
  RowStream frames(database, executor, keys.frames(origin->region));
  RowStream ledgers(database, executor, keys.ledger_log(origin->region));
  std::optional<LedgerRow> ledger;  // the next one not used yet
  bool more_ledgers = true;
  for (FrameNo expected{1};; expected = next(expected)) {
    const auto row = co_await frames.next();
    if (!row) co_return tl::unexpected<Error>(row.error());
    if (!*row) break;
    const auto read = read_row(**row);
    if (!read) co_return tl::unexpected<Error>(read.error());
    const FrameRow& frame = std::get<FrameRow>(*read);
    if (frame.no != expected) co_return fail("frame {} is missing from the log", raw(expected));
    while (more_ledgers && (!ledger || ledger->no < frame.no)) {
      const auto entry = co_await ledgers.next();
      if (!entry) co_return tl::unexpected<Error>(entry.error());
      more_ledgers = entry->has_value();
      if (!more_ledgers) break;
      auto entries = read_row(**entry);
      if (!entries) co_return tl::unexpected<Error>(entries.error());
      ledger = std::get<LedgerRow>(std::move(*entries));
    }
    const world::Effects effects = remade.apply(frame.record.frame);
    const bool has_ledger = ledger && ledger->no == frame.no;
    out.difference =
        compare(frame, effects, has_ledger ? ledger->entries : std::vector<world::LedgerEntry>{});
    if (out.difference) co_return out;
    ++out.frames;
    out.inputs += frame.record.frame.inputs.size();
    watch(remade.state(), frame.record, effects);
  }
  const auto compared = co_await compare_rows(database, executor, world, remade, out);
  if (!compared) co_return tl::unexpected<Error>(compared.error());
  co_return out;
}

}  // namespace everframe::inspect
