#include "region/genesis.h"

#include <algorithm>
#include <map>

#include "world/generate.h"
#include "world/records.h"

namespace everframe::region {

namespace {

constexpr std::size_t CHUNKS_A_TRANSACTION = 64;  // about 100 kB

std::string text(const Bytes& bytes) {
  return std::string(chars_of(bytes));
}

Task<Result<std::uint64_t>> read_meta(store::Transaction& transaction, std::string key, const char* name) {
  const auto row = co_await transaction.get(key);
  if (!row) co_return tl::unexpected<Error>(row.error());
  if (!*row) co_return std::uint64_t{0};
  const std::optional<std::uint64_t> value = store::read_u64_value(**row);
  if (!value) co_return fail("the world's \"{}\" is damaged", name);
  co_return *value;
}

}  // namespace

Task<Result<Genesis>> ensure_world(store::Database& database, platform::Executor& executor,
                                   const store::WorldKeys& keys, const world::Content& content,
                                   std::uint64_t seed, Function<void(std::size_t, std::size_t)> progress) {
  using Body = Function<Task<Result<Genesis>>(store::Transaction&)>;
  Genesis genesis;

  // A world that is there; else whatever an interrupted attempt left goes.
  std::uint64_t format = 0;
  Body look = [&](store::Transaction& transaction) -> Task<Result<Genesis>> {
    Genesis found;
    const auto written = co_await read_meta(transaction, keys.meta(META_FORMAT), META_FORMAT);
    if (!written) co_return tl::unexpected<Error>(written.error());
    const auto its_seed = co_await read_meta(transaction, keys.meta(META_SEED), META_SEED);
    if (!its_seed) co_return tl::unexpected<Error>(its_seed.error());
    const auto its_content = co_await read_meta(transaction, keys.meta(META_CONTENT), META_CONTENT);
    if (!its_content) co_return tl::unexpected<Error>(its_content.error());
    format = *written;
    found.seed = *its_seed;
    found.content_hash = *its_content;
    if (format == 0) transaction.clear(keys.all());
    co_return found;
  };
  const auto looked = co_await database.run<Genesis>(executor, std::move(look));
  if (!looked) co_return looked;
  if (format == STORE_FORMAT) co_return looked;
  if (format != 0) {
    co_return fail("the world in the store has format {}, this server reads {}: use the server that wrote it",
                   format, STORE_FORMAT);
  }

  genesis.made = true;
  genesis.seed = seed;
  genesis.content_hash = content.hash;
  const std::vector<ChunkCode> codes = world::new_world_chunks();
  Head head;
  head.next_entity = world::first_free_entity();
  head.next_player = PlayerId{1};
  std::map<ItemType, std::int64_t> items;
  for (std::size_t begin = 0; begin < codes.size(); begin += CHUNKS_A_TRANSACTION) {
    const std::size_t end = std::min(codes.size(), begin + CHUNKS_A_TRANSACTION);
    std::vector<world::Entity> entities;
    for (std::size_t i = begin; i < end; ++i) {
      for (world::Entity& entity : world::generate_chunk(content, seed, codes[i])) {
        head.hash ^= world::hash_of(entity);
        for (const world::ItemCount& stack : entity.stacks) {
          items[stack.item] += static_cast<std::int64_t>(stack.count);
        }
        entities.push_back(std::move(entity));
      }
    }
    genesis.entities += entities.size();
    Body fill = [&](store::Transaction& transaction) -> Task<Result<Genesis>> {
      for (const world::Entity& entity : entities) {
        transaction.set(keys.entity(chunk_of(entity.position), entity.id), text(world::write_entity(entity)));
      }
      co_return genesis;
    };
    const auto filled = co_await database.run<Genesis>(executor, std::move(fill));
    if (!filled) co_return filled;
    progress(end, codes.size());
  }

  Body finish = [&](store::Transaction& transaction) -> Task<Result<Genesis>> {
    std::vector<world::LedgerEntry> ledger;
    for (const auto& [item, count] : items) {
      ledger.push_back({item, count, world::LedgerCause::GENESIS, PlayerId{0}});
      transaction.set(keys.ledger_total(item), store::u64_value(static_cast<std::uint64_t>(count)));
    }
    const RegionId region{1};
    transaction.set(keys.ledger_entries(region, FrameNo{0}), text(world::write_ledger(ledger)));
    transaction.set(keys.region(region), write_ownership({ChunkCode{0}, ChunkCode{UINT64_C(1) << 32}, 0}));
    transaction.set(keys.region_head(region), write_head(head));
    transaction.set(keys.meta(META_SEED), store::u64_value(seed));
    transaction.set(keys.meta(META_CONTENT), store::u64_value(content.hash));
    transaction.set(keys.meta(META_FORMAT), store::u64_value(STORE_FORMAT));
    co_return genesis;
  };
  co_return co_await database.run<Genesis>(executor, std::move(finish));
}

}  // namespace everframe::region
