#include <algorithm>
#include <set>

#include "checkers/checkers.h"
#include "inspect/replay.h"
#include "region/convert.h"
#include "store/world_keys.h"
#include "world/generate.h"

namespace everframe::sim {

namespace {

class Sights {
 public:
  Sights(const Journal& journal, const world::Content& content, Findings& out)
      : journal_(journal), content_(content), sights_(out, "sights"), answers_(out, "answers") {
    for (const Sight& sight : journal.sights) by_version_[sight.version].push_back(&sight);
    for (const SeenInventory& seen : journal.inventories) inventories_[seen.frame].push_back(&seen);
  }

  void before_the_first(std::uint64_t seed) {
    for (const Sight* sight : by_version_[0]) {
      std::map<EntityId, world::Entity> made;
      for (world::Entity& entity : world::generate_chunk(content_, seed, sight->chunk))
        made.emplace(entity.id, std::move(entity));
      compare_whole(*sight, made);
    }
  }

  void after(const world::State& state, const world::FrameRecord& record, const world::Effects& effects) {
    last_ = record.frame.no;
    for (const world::PlayerOutcome& each : effects.outcomes) {
      const bool first = outcomes_.emplace(std::pair(each.player, each.outcome.seq), each.outcome).second;
      if (!first)
        answers_("action {} of player {} has two outcomes", raw(each.outcome.seq), raw(each.player));
    }
    if (const auto found = by_version_.find(raw(record.frame.no)); found != by_version_.end()) {
      for (const Sight* sight : found->second) {
        sight->whole ? compare_whole(*sight, state) : compare_changes(*sight, state, effects);
      }
    }
    if (const auto found = inventories_.find(record.frame.no); found != inventories_.end()) {
      for (const SeenInventory* seen : found->second) compare_inventory(*seen, state);
    }
  }

  void finish() {
    for (const auto& [version, sights] : by_version_) {
      if (version <= raw(last_)) continue;
      sights_("player {} was shown chunk {} of frame {}: the log ends with frame {}", sights.front()->player,
              raw(sights.front()->chunk), version, raw(last_));
    }
    check_order();
    for (std::size_t i = 0; i < journal_.players.size(); ++i) check_answers(i, journal_.players[i]);
    if (journal_.shown > last_)
      sights_("frame {} was told of: the log ends with frame {}", raw(journal_.shown), raw(last_));
  }

 private:
  using Views = std::map<EntityId, wire::EntityView>;

  template <class Entities>
  Views views_of(const Entities& entities) const {
    Views out;
    for (const auto& [id, entity] : entities) {
      if (entity.type != content_.body) out.emplace(id, region::to_wire(entity));
    }
    return out;
  }
  void compare_whole(const Sight& sight, const world::State& state) {
    const world::ChunkState* chunk = state.chunk(sight.chunk);
    if (chunk == nullptr) return compare_whole(sight, std::map<EntityId, world::Entity>{});
    compare_whole(sight, chunk->entities);
  }
  template <class Entities>
  void compare_whole(const Sight& sight, const Entities& entities) {
    Views seen;
    for (const wire::EntityView& view : sight.entities) seen.emplace(view.id, view);
    if (seen.size() == sight.entities.size() && seen == views_of(entities)) return;
    sights_("player {} was shown chunk {} at frame {} with {} entities: it was not so", sight.player,
            raw(sight.chunk), sight.version, sight.entities.size());
  }
  // All that the frame did to the chunk, and nothing else.
  void compare_changes(const Sight& sight, const world::State& state, const world::Effects& effects) {
    Views expected;
    std::set<EntityId> gone;
    for (const world::EntityChange& change : effects.entities) {
      const EntityType type = change.after ? change.after->type : change.before->type;
      if (type == content_.body) continue;
      if (change.after && chunk_of(change.after->position) == sight.chunk)
        expected.emplace(change.after->id, region::to_wire(*change.after));
      if (change.before && chunk_of(change.before->position) == sight.chunk &&
          state.entity(change.before->id) == nullptr)
        gone.insert(change.before->id);
    }
    Views seen;
    for (const wire::EntityView& view : sight.entities) seen.emplace(view.id, view);
    if (seen == expected && gone == std::set<EntityId>(sight.removed.begin(), sight.removed.end())) return;
    sights_("player {} was told of {} changes of chunk {} in frame {}: there were {}, or others",
            sight.player, sight.entities.size() + sight.removed.size(), raw(sight.chunk), sight.version,
            expected.size() + gone.size());
  }
  void compare_inventory(const SeenInventory& seen, const world::State& state) {
    const PlayerJournal& player = journal_.players[seen.player];
    const world::Entity* body = state.entity(player.body);
    if (body != nullptr && region::to_wire(body->stacks) == seen.stacks) return;
    sights_("player {} was told at frame {} that it carries {} stacks: it was not so", seen.player,
            raw(seen.frame), seen.stacks.size());
  }

  // Within a session a chunk's changes follow each other.
  void check_order() {
    std::map<std::pair<std::size_t, ChunkCode>, std::uint64_t> versions;
    for (const Sight& sight : journal_.sights) {
      const auto [known, is_new] = versions.try_emplace({sight.session, sight.chunk}, sight.version);
      if (sight.whole) {
        if (sight.version < known->second)
          sights_("player {}: chunk {} went back from version {} to {}", sight.player, raw(sight.chunk),
                  known->second, sight.version);
      } else if (is_new) {
        sights_("player {}: changes of chunk {} that it was not shown", sight.player, raw(sight.chunk));
      } else if (sight.from_version != known->second || sight.version <= sight.from_version) {
        sights_("player {}: chunk {} is at version {}, changes lead from {} to {}", sight.player,
                raw(sight.chunk), known->second, sight.from_version, sight.version);
      }
      known->second = sight.version;
    }
  }

  void check_answers(std::size_t index, const PlayerJournal& player) {
    for (const auto& [seq, answer] : player.answers) {
      const auto found = outcomes_.find({player.id, seq});
      if (found == outcomes_.end()) {
        answers_("player {}: action {} was answered for frame {}, the log does not know it", index, raw(seq),
                 raw(answer.frame));
      } else if (found->second.frame != answer.frame ||
                 static_cast<std::uint8_t>(found->second.refusal) != answer.reason) {
        answers_("player {}: action {} was answered with frame {} reason {}, the log says frame {} reason {}",
                 index, raw(seq), raw(answer.frame), answer.reason, raw(found->second.frame),
                 static_cast<int>(found->second.refusal));
      }
    }
    for (const auto& [seq, at] : player.accepted) {
      if (!outcomes_.contains({player.id, seq}))
        answers_("player {}: action {} was accepted, the log does not know it", index, raw(seq));
    }
  }

  const Journal& journal_;
  const world::Content& content_;
  Report sights_;
  Report answers_;
  std::map<std::uint64_t, std::vector<const Sight*>> by_version_;
  std::map<FrameNo, std::vector<const SeenInventory*>> inventories_;
  std::map<std::pair<PlayerId, ActionSeq>, world::Outcome> outcomes_;
  FrameNo last_{};
};

}  // namespace

Task<> check_sights_and_answers(store::Database& database, platform::Executor& executor,
                                const world::Content& content, std::string world, const Journal& journal,
                                Findings& out) {
  Sights sights(journal, content, out);
  Report report(out, "sights");
  store::Transaction reader = database.begin(executor);
  const std::string key = store::WorldKeys(world).meta(region::META_SEED);
  const auto seed = co_await reader.get(key);
  if (!seed) co_return report("the store cannot be read: {}", seed.error().text);
  sights.before_the_first(*seed ? store::read_u64_value(**seed).value_or(0) : 0);
  inspect::WatchFrame watch = [&sights](const world::State& state, const world::FrameRecord& record,
                                        const world::Effects& effects) {
    sights.after(state, record, effects);
  };
  const auto replayed = co_await inspect::replay(database, executor, world, content, std::move(watch));
  if (!replayed) co_return report("the frame log cannot be replayed: {}", replayed.error().text);
  if (replayed->difference) co_return report("replay: {}", *replayed->difference);
  sights.finish();
}

}  // namespace everframe::sim
