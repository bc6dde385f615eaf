// What would break these: an item that is made or lost without a ledger entry, an undo that forgets a row, a
// frame that does not come out the same twice, a hash that drifts from the rows it stands for.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "world/crowd_for_tests.h"
#include "world/records.h"

using namespace everframe;
using namespace everframe::world;

namespace {

constexpr std::uint64_t PLAYERS = 6;
constexpr std::int32_t HALF_CHUNKS = 5;
using Contents = std::map<ItemType, std::int64_t>;

std::vector<ChunkCode> field_chunks() {
  std::vector<ChunkCode> codes;
  for (std::int32_t z = -HALF_CHUNKS; z < HALF_CHUNKS; ++z) {
    for (std::int32_t x = -HALF_CHUNKS; x < HALF_CHUNKS; ++x) codes.push_back(code_of({x, z}));
  }
  return codes;
}

// All chunks that the crowd can come to, as they were generated, with players who already own something.
State busy_place(std::uint64_t seed) {
  std::map<ChunkCode, std::vector<Entity>> chunks;
  std::uint64_t hash = 0;
  for (const ChunkCode code : field_chunks()) {
    chunks[code] = generate_chunk(survival(), seed, code);
    for (const Entity& entity : chunks[code]) hash ^= hash_of(entity);
  }
  State state(survival(), first_free_entity(), hash);
  for (const auto& [code, entities] : chunks) state.load_chunk(code, entities);
  Frame joins{FrameNo{0}, WallMs{0}, 1, {}};
  for (std::uint64_t id = 1; id <= PLAYERS; ++id) joins.inputs.push_back({PlayerId{id}, {}, Join{"Player"}});
  apply(state, joins);
  for (std::uint64_t id = 1; id <= PLAYERS; ++id) {
    Entity body = *state.entity(state.player(PlayerId{id})->body);
    for (const char* item : {"stone_axe", "stone_pickaxe"}) body.stacks.push_back(stack_of(item, 1));
    for (const char* item : {"wood", "stone", "wood", "fibre"}) body.stacks.push_back(stack_of(item, 50));
    state.put(body);
  }
  return state;
}

template <class Each>
void for_each_entity(const State& state, Each each) {
  for (const ChunkCode code : field_chunks()) {
    for (const auto& [id, entity] : state.chunk(code)->entities) each(entity);
  }
}

std::vector<Entity> rows_of(const State& state) {
  std::vector<Entity> rows;
  for_each_entity(state, [&rows](const Entity& entity) { rows.push_back(entity); });
  return rows;
}
std::vector<Player> players_of(const State& state) {
  std::vector<Player> rows;
  for (std::uint64_t id = 1; id <= PLAYERS; ++id) rows.push_back(*state.player(PlayerId{id}));
  return rows;
}

Contents contents_of(const State& state) {
  Contents contents;
  for_each_entity(state, [&contents](const Entity& entity) {
    for (const ItemCount& stack : entity.stacks)
      contents[stack.item] += static_cast<std::int64_t>(stack.count);
  });
  return contents;
}

std::uint64_t hash_made_anew(const State& state) {
  std::uint64_t hash = 0;
  for_each_entity(state, [&hash](const Entity& entity) { hash ^= hash_of(entity); });
  for (const Player& player : players_of(state)) hash ^= hash_of(player);
  return hash;
}

bool balances(Contents before, const Contents& after, const std::vector<LedgerEntry>& ledger) {
  for (const LedgerEntry& entry : ledger) before[entry.item] += entry.delta;
  for (const auto& [item, count] : after) {
    if (before[item] != count) return false;
  }
  return std::all_of(before.begin(), before.end(), [&after](const auto& row) {
    return row.second == 0 || (after.contains(row.first) && after.at(row.first) == row.second);
  });
}

void expect_rules_kept(const State& state) {
  for_each_entity(state, [&state](const Entity& entity) {
    const EntityDef& def = *state.content().entity(entity.type);
    ASSERT_LE(entity.stacks.size(), def.slots);
    for (const ItemCount& stack : entity.stacks) {
      ASSERT_GT(stack.count, 0U);
      ASSERT_LE(stack.count, state.content().item(stack.item)->stack_max);
    }
    ASSERT_GE(entity.hp, 0);
    ASSERT_LE(entity.hp, def.hp);
    ASSERT_EQ((entity.state & STATE_DEPLETED) != 0, raw(entity.due) != 0);
  });
}

void expect_each_row_once(const Effects& effects) {
  std::set<EntityId> ids;
  for (const EntityChange& change : effects.entities) {
    ASSERT_NE(change.before, change.after);
    ASSERT_TRUE(ids.insert(change.before ? change.before->id : change.after->id).second);
  }
  std::set<PlayerId> players;
  for (const PlayerChange& change : effects.players) ASSERT_TRUE(players.insert(change.after->id).second);
}

}  // namespace

TEST(Conservation, WhateverACrowdDoesTheLedgerSaysWhereEveryItemCameFromAndWent) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    State state = busy_place(seed);
    Crowd crowd(state, PLAYERS, seed);
    Contents before = contents_of(state);
    for (int i = 0; i < 1'000; ++i) {
      const Effects effects = apply(state, crowd.frame(12));
      const Contents after = contents_of(state);
      ASSERT_TRUE(balances(before, after, effects.ledger)) << "seed " << seed << ", frame " << i;
      before = after;
      expect_each_row_once(effects);
    }
    expect_rules_kept(state);
  }
}

TEST(Conservation, AnInjectedDupeIsFound) {
  State state = busy_place(1);
  const Contents before = contents_of(state);
  EXPECT_TRUE(balances(before, contents_of(state), {}));
  Entity body = *state.entity(state.player(PlayerId{1})->body);
  body.stacks[0].count += 1;
  state.put(body);
  EXPECT_FALSE(balances(before, contents_of(state), {}));
  EXPECT_TRUE(
      balances(before, contents_of(state), {{body.stacks[0].item, 1, LedgerCause::COLLECT, PlayerId{1}}}));
  body.stacks.clear();
  state.put(body);
  EXPECT_FALSE(balances(before, contents_of(state), {}));
}

TEST(Conservation, TheCrowdSucceedsAtEverythingAndMeetsMostRefusals) {
  State state = busy_place(1);
  Crowd crowd(state, PLAYERS, 1);
  std::map<std::size_t, int> successes;
  std::set<Refusal> refusals;
  for (int i = 0; i < 2'000; ++i) {
    const Frame frame = crowd.frame(12);
    const Effects effects = apply(state, frame);
    std::size_t answered = 0;
    for (const Input& input : frame.inputs) {
      if (answered == effects.outcomes.size()) break;
      const PlayerOutcome& next_outcome = effects.outcomes[answered];
      if (input.player != next_outcome.player || input.seq != next_outcome.outcome.seq) continue;
      ++answered;
      refusals.insert(next_outcome.outcome.refusal);
      if (next_outcome.outcome.refusal == Refusal::NONE) ++successes[input.body.index()];
    }
    EXPECT_EQ(answered, effects.outcomes.size());
  }
  for (std::size_t kind = 0; kind < 8; ++kind) EXPECT_GE(successes[kind], 40) << "kind " << kind;
  EXPECT_GE(refusals.size(), 14U);
}

TEST(Undo, GivesBackEveryRowAndTheHashHoweverManyFramesAreTakenBack) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    State state = busy_place(seed);
    Crowd crowd(state, PLAYERS, seed);
    for (int i = 0; i < 200; ++i) {
      const std::vector<Entity> rows = rows_of(state);
      const std::vector<Player> players = players_of(state);
      const EntityId next_entity = state.next_entity();
      const std::uint64_t hash = state.hash();
      const auto due = state.due(WallMs{INT64_MAX}, 100'000);
      std::vector<Effects> done;
      for (int n = 0; n < 3; ++n) done.push_back(apply(state, crowd.frame(12)));
      for (; !done.empty(); done.pop_back()) undo(state, done.back());
      ASSERT_EQ(state.hash(), hash);
      ASSERT_EQ(state.next_entity(), next_entity);
      ASSERT_EQ(rows_of(state), rows);
      ASSERT_EQ(players_of(state), players);
      ASSERT_EQ(state.due(WallMs{INT64_MAX}, 100'000), due);
      apply(state, crowd.frame(12));
    }
  }
}

TEST(Undo, OfAnythingButTheLastFrameIsABug) {
  State state = busy_place(1);
  const Frame first{FrameNo{1}, WallMs{1}, 1, {{PlayerId{1}, ActionSeq{1}, Idle{}}}};
  const Frame second{FrameNo{2}, WallMs{1}, 1, {{PlayerId{1}, ActionSeq{2}, Idle{}}}};
  const Effects effects = apply(state, first);
  apply(state, second);
  EXPECT_THROW(undo(state, effects), AssertionFailure);
}

TEST(Replay, FromItsRecordAFrameComesOutTheSame) {
  State live = busy_place(1);
  State replayed = busy_place(1);
  Crowd crowd(live, PLAYERS, 9);
  for (int i = 0; i < 1'000; ++i) {
    FrameRecord record{crowd.frame(12), 0, 0};
    const Effects effects = apply(live, record.frame);
    record.hash_after = effects.hash_after;
    record.effects_digest = digest(effects);
    const Result<FrameRecord> read = read_frame(write_frame(record));
    ASSERT_TRUE(read);
    const Effects again = apply(replayed, read->frame);
    ASSERT_EQ(again.hash_after, read->hash_after);
    ASSERT_EQ(digest(again), read->effects_digest);
  }
  EXPECT_EQ(rows_of(live), rows_of(replayed));
}

TEST(Replay, WithOnlyTheChunksAroundTheBodyLoadedAFrameComesOutTheSame) {
  State whole = busy_place(1);
  Crowd crowd(whole, 1, 5);  // one player, so that nine chunks are all there is to it
  std::set<Refusal> refusals;
  for (int i = 0; i < 1'500; ++i) {
    const Player player = *whole.player(PlayerId{1});
    State part(survival(), whole.next_entity(), whole.hash());
    const ChunkPos centre = pos_of(player.chunk);
    for (std::int32_t z = centre.z - 1; z <= centre.z + 1; ++z) {
      for (std::int32_t x = centre.x - 1; x <= centre.x + 1; ++x) {
        const ChunkState* chunk = whole.chunk(code_of({x, z}));
        if (chunk == nullptr) continue;
        std::vector<Entity> entities;
        for (const auto& [id, entity] : chunk->entities) entities.push_back(entity);
        part.load_chunk(code_of({x, z}), std::move(entities));
      }
    }
    part.load_player(player);
    Frame frame = crowd.frame(1);
    // What is due lies anywhere; its owner loads it before it asks.
    std::erase_if(frame.inputs, [&part](const Input& input) {
      const Due* due = std::get_if<Due>(&input.body);
      return due != nullptr && part.entity(due->target) == nullptr;
    });
    const Effects in_part = apply(part, frame);
    const Effects in_whole = apply(whole, frame);
    ASSERT_EQ(digest(in_part), digest(in_whole)) << "frame " << i;
    ASSERT_EQ(in_part.hash_after, in_whole.hash_after);
  }
}

TEST(WorldHash, KeptFrameByFrameItIsThatOfTheRows) {
  State state = busy_place(2);
  ASSERT_NE(state.hash(), 0U);
  ASSERT_EQ(state.hash(), hash_made_anew(state));
  Crowd crowd(state, PLAYERS, 2);
  for (int i = 0; i < 500; ++i) {
    const Effects effects = apply(state, crowd.frame(12));
    ASSERT_EQ(effects.hash_after, state.hash());
    ASSERT_EQ(state.hash(), hash_made_anew(state)) << "frame " << i;
  }
}

TEST(WorldHash, LoadingAndDroppingChunksAndPlayersDoesNotChangeIt) {
  State state = busy_place(1);
  const std::uint64_t hash = state.hash();
  const ChunkCode code = code_of({2, 2});
  std::vector<Entity> entities;
  for (const auto& [id, entity] : state.chunk(code)->entities) entities.push_back(entity);
  state.drop_chunk(code);
  EXPECT_EQ(state.entity(entities[0].id), nullptr);
  EXPECT_EQ(state.hash(), hash);
  state.load_chunk(code, entities);
  EXPECT_EQ(*state.entity(entities[0].id), entities[0]);
  const Player player = *state.player(PlayerId{1});
  state.drop_player(player.id);
  EXPECT_EQ(state.player(player.id), nullptr);
  state.load_player(player);
  EXPECT_EQ(state.hash(), hash);
  EXPECT_EQ(state.hash(), hash_made_anew(state));
}

TEST(Determinism, TwoThousandFramesComeToTheSameHashOnEveryMachine) {
  State state = busy_place(1);
  Crowd crowd(state, PLAYERS, 1);
  std::uint64_t digests = 0;
  for (int i = 0; i < 2'000; ++i) {
    const Effects effects = apply(state, crowd.frame(12));
    digests = digests * 31 + digest(effects);
  }
  EXPECT_EQ(state.hash(), 5'122'792'264'040'842'172U);
  EXPECT_EQ(digests, 15'824'262'054'240'724'080U);
}
