#include "inspect/verify.h"

#include <algorithm>

#include "inspect/scan.h"
#include "store/world_keys.h"

namespace everframe::inspect {

template <class... Args>
void Verification::find(fmt::format_string<Args...> format, Args&&... args) {
  ++findings_.count;
  if (findings_.texts.size() < FINDINGS_MAX) {
    findings_.texts.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
}

void Verification::add(const store::KeyValue& row) {
  Result<Row> read = read_row(row);
  if (!read) return find("{}", read.error().text);
  std::visit([this](auto& kind) { on(kind); }, *read);
}

void Verification::on(EntityRow& row) {
  ++findings_.entities;
  const world::Entity& entity = row.entity;
  hash_ ^= world::hash_of(entity);
  if (entity.id != row.id) {
    find("entity {} lies under the key of entity {}", raw(entity.id), raw(row.id));
  }
  if (chunk_of(entity.position) != row.chunk) {
    find("entity {} lies in chunk {}, its position ({}, {}, {}) is in chunk {}", raw(row.id), raw(row.chunk),
         entity.position.x, entity.position.y, entity.position.z, raw(chunk_of(entity.position)));
  }
  for (const world::ItemCount& stack : entity.stacks) {
    items_[stack.item].held += stack.count;
    findings_.items += stack.count;
    if (stack.count == 0) find("entity {} holds a stack of no item {}", raw(row.id), raw(stack.item));
  }
  entities_.push_back({row.id, row.chunk, entity.owner, entity.type});
  if (content_ == nullptr) return;
  const world::EntityDef* def = content_->entity(entity.type);
  if (def == nullptr) return find("entity {} has the unknown type {}", raw(row.id), raw(entity.type));
  if (entity.stacks.size() > def->slots) {
    find("entity {} holds {} stacks, a {} has {} slots", raw(row.id), entity.stacks.size(), def->key,
         def->slots);
  }
  for (const world::ItemCount& stack : entity.stacks) {
    const world::ItemDef* item = content_->item(stack.item);
    if (item == nullptr) find("entity {} holds the unknown item {}", raw(row.id), raw(stack.item));
    if (item != nullptr && stack.count > item->stack_max) {
      find("entity {} holds a stack of {} {}, which stacks to {}", raw(row.id), stack.count, item->key,
           item->stack_max);
    }
  }
}

void Verification::on(PlayerRow& row) {
  ++findings_.players;
  hash_ ^= world::hash_of(row.player);
  if (row.player.id != row.id) {
    find("player {} lies under the key of player {}", raw(row.player.id), raw(row.id));
  }
  ActionSeq last{};
  FrameNo frame{};
  for (const world::Outcome& outcome : row.player.outcomes) {
    if (outcome.seq <= last || outcome.frame < frame) {
      find("player {}: the outcome of action {} stands behind that of {}", raw(row.id), raw(outcome.seq),
           raw(last));
    }
    last = outcome.seq;
    frame = outcome.frame;
  }
  if (last != row.player.last_seq) {
    find("player {}: the last outcome is of action {}, last_seq is {}", raw(row.id), raw(last),
         raw(row.player.last_seq));
  }
  players_.emplace(row.id, std::move(row.player));
}

void Verification::on(SessionRow& row) {
  sessions_.push_back(row);
}
void Verification::on(AccountRow& row) {
  accounts_.push_back(std::move(row));
}

void Verification::on(InputRow& row) {
  if (row.input.player != row.player || row.input.seq != row.seq) {
    find("the queued action {} of player {} lies under the key of action {} of player {}", raw(row.input.seq),
         raw(row.input.player), raw(row.seq), raw(row.player));
  }
  if (!inputs_.emplace(std::pair(row.player, row.seq), row.region).second) {
    find("action {} of player {} is queued twice", raw(row.seq), raw(row.player));
  }
}

void Verification::on(FrameRow& row) {
  ++findings_.frames;
  const world::Frame& frame = row.record.frame;
  Log& log = logs_[row.region];
  if (frame.no != row.no) find("frame {} lies under the key of frame {}", raw(frame.no), raw(row.no));
  if (row.no != next(log.last)) {
    find("region {}: frame {} follows frame {}", raw(row.region), raw(row.no), raw(log.last));
  }
  if (frame.now < log.now) {
    find("region {}: frame {} is {} ms before the one before it", raw(row.region), raw(row.no),
         raw(log.now) - raw(frame.now));
  }
  log = {row.no, frame.now, row.record.hash_after};
  for (const world::Input& input : frame.inputs) {
    if (raw(input.seq) == 0) continue;
    ++findings_.actions;
    Played& played = played_[input.player];
    if (input.seq <= played.last) {
      find(
          "action {} of player {} is in frame {}, action {} was in frame {}: processed twice or out of order",
          raw(input.seq), raw(input.player), raw(row.no), raw(played.last), raw(played.frame));
    } else if (input.seq != next(played.last)) {
      find("action {} of player {} in frame {} follows action {}: some are lost", raw(input.seq),
           raw(input.player), raw(row.no), raw(played.last));
    }
    played = {input.seq, row.no};
  }
}

void Verification::on(RegionRow& row) {
  regions_[row.region] = row.ownership;
}
void Verification::on(HeadRow& row) {
  heads_[row.region] = row.head;
}
void Verification::on(TotalRow& row) {
  items_[row.item].total = static_cast<std::uint64_t>(row.total);
}
void Verification::on(LedgerRow& row) {
  ledgers_.emplace(row.region, row.no);
  for (const world::LedgerEntry& entry : row.entries) {
    items_[entry.item].entries += static_cast<std::uint64_t>(entry.delta);
    const auto cause = static_cast<std::uint8_t>(entry.cause);
    if (cause < static_cast<std::uint8_t>(world::LedgerCause::JOIN) ||
        cause > static_cast<std::uint8_t>(world::LedgerCause::GENESIS)) {
      find("the ledger of frame {} names the unknown cause {}", raw(row.no), cause);
    }
  }
}
void Verification::on(MetaRow& row) {
  meta_[row.name] = row.value;
}

Findings Verification::finish() {
  check_entities();
  check_players();
  check_references();
  check_regions();
  check_ledger();
  check_meta();
  return std::move(findings_);
}

// From here on `entities_` is sorted by id.
void Verification::check_entities() {
  std::sort(entities_.begin(), entities_.end(), [](const Placed& a, const Placed& b) { return a.id < b.id; });
  for (std::size_t i = 1; i < entities_.size(); ++i) {
    if (entities_[i].id != entities_[i - 1].id) continue;
    find("entity {} exists twice: in chunk {} and in chunk {}", raw(entities_[i].id),
         raw(entities_[i - 1].chunk), raw(entities_[i].chunk));
  }
  for (const Placed& entity : entities_) {
    const bool is_body = content_ != nullptr && entity.type == content_->body;
    const auto owner = is_body ? players_.find(entity.owner) : players_.end();
    if (is_body && (owner == players_.end() || owner->second.body != entity.id)) {
      find("body {} is of player {}, who has not this body", raw(entity.id), raw(entity.owner));
    }
  }
}

void Verification::check_players() {
  for (const auto& [id, player] : players_) {
    const auto body =
        std::lower_bound(entities_.begin(), entities_.end(), player.body,
                         [](const Placed& entity, EntityId wanted) { return entity.id < wanted; });
    if (body == entities_.end() || body->id != player.body) {
      find("player {}: body {} is not there", raw(id), raw(player.body));
    } else if (body->owner != id) {
      find("player {}: body {} belongs to player {}", raw(id), raw(player.body), raw(body->owner));
    } else if (body->chunk != player.chunk) {
      find("player {}: the body is in chunk {}, the record says {}", raw(id), raw(body->chunk),
           raw(player.chunk));
    } else if (content_ != nullptr && body->type != content_->body) {
      find("player {}: entity {} is no body", raw(id), raw(player.body));
    }
    const auto played = played_.find(id);
    const ActionSeq in_log = played == played_.end() ? ActionSeq{} : played->second.last;
    if (in_log != player.last_seq) {
      find("player {}: last_seq is {}, the last action in the frame log {}", raw(id), raw(player.last_seq),
           raw(in_log));
    }
  }
  for (const auto& [id, played] : played_) {
    if (!players_.contains(id)) {
      find("player {} acted in frame {} and does not exist", raw(id), raw(played.frame));
    }
  }
}

void Verification::check_references() {
  for (const SessionRow& session : sessions_) {
    if (!players_.contains(session.player)) find("session of player {}, who is none", raw(session.player));
  }
  std::set<PlayerId> with_account;
  for (const AccountRow& account : accounts_) {
    if (!players_.contains(account.player)) find("account of player {}, who is none", raw(account.player));
    with_account.insert(account.player);
  }
  for (const auto& [id, player] : players_) {
    if (!with_account.contains(id)) find("player {} has no account: nobody can enter as it", raw(id));
  }
  for (const auto& [action, region] : inputs_) {
    const auto player = players_.find(action.first);
    if (player == players_.end()) {
      find("action {} of player {}, who is none, is queued", raw(action.second), raw(action.first));
    } else if (action.second <= player->second.last_seq) {
      find("action {} of player {} is queued though processed: last_seq is {}", raw(action.second),
           raw(action.first), raw(player->second.last_seq));
    }
  }
}

void Verification::check_regions() {
  std::uint64_t hash = 0;
  EntityId next_entity{};
  PlayerId next_player{};
  for (const auto& [id, head] : heads_) {
    hash ^= head.hash;
    next_entity = std::max(next_entity, head.next_entity);
    next_player = std::max(next_player, head.next_player);
    const Log log = logs_.contains(id) ? logs_.at(id) : Log{};
    if (!regions_.contains(id)) find("region {} has a head and no owner's record", raw(id));
    if (head.frame != log.last) {
      find("region {}: its head says frame {}, the log ends with {}", raw(id), raw(head.frame),
           raw(log.last));
    } else if (raw(log.last) != 0 && (head.hash != log.hash || head.now != log.now)) {
      find("region {}: its head and its last frame {} differ in hash or time", raw(id), raw(log.last));
    }
  }
  for (const auto& [id, ownership] : regions_) {
    if (!heads_.contains(id)) find("region {} has no head", raw(id));
    if (ownership.low >= ownership.high) find("region {} is empty", raw(id));
  }
  for (const auto& [id, log] : logs_) {
    if (!heads_.contains(id)) find("frames of region {}, which is none", raw(id));
  }
  if (hash != hash_) {
    find("the world's hash is {:016x}, its records make {:016x}: rows were changed outside of frames", hash,
         hash_);
  }
  if (!entities_.empty() && entities_.back().id >= next_entity) {
    find("entity {} is not below the next id {}: it would be given twice", raw(entities_.back().id),
         raw(next_entity));
  }
  if (!players_.empty() && players_.rbegin()->first >= next_player) {
    find("player {} is not below the next id {}: it would be given twice", raw(players_.rbegin()->first),
         raw(next_player));
  }
}

void Verification::check_ledger() {
  for (const auto& [item, sums] : items_) {
    const std::string name = content_ != nullptr && content_->item(item) != nullptr
                                 ? content_->item(item)->key
                                 : fmt::format("{}", raw(item));
    const auto count = [](std::uint64_t sum) { return static_cast<std::int64_t>(sum); };
    if (sums.total != sums.entries) {
      find("item {}: the ledger's total is {}, its entries make {}", name, count(sums.total),
           count(sums.entries));
    }
    if (sums.held != sums.entries) {
      find("item {}: the ledger's entries make {}, the world holds {}: {} came from nowhere", name,
           count(sums.entries), count(sums.held), count(sums.held - sums.entries));
    }
  }
  for (const auto& [region, frame] : ledgers_) {
    const auto log = logs_.find(region);
    if (raw(frame) != 0 && (log == logs_.end() || frame > log->second.last)) {
      find("the ledger names frame {} of region {}, which is not in the log", raw(frame), raw(region));
    }
  }
}

void Verification::check_meta() {
  const auto format = meta_.find(region::META_FORMAT);
  if (format == meta_.end()) return find("the world was never finished: it has no format");
  if (format->second != region::STORE_FORMAT) {
    find("the world has format {}, this program knows {}", format->second, region::STORE_FORMAT);
  }
  for (const char* name : {region::META_SEED, region::META_CONTENT}) {
    if (!meta_.contains(name)) find("the world's \"{}\" is not there", name);
  }
}

Task<Result<Findings>> verify(store::Database& database, platform::Executor& executor, std::string world,
                              const world::Content* content, ScanWatch watch) {
  Verification verification(content);
  Scan scan(database, executor, store::WorldKeys(world).all(), PAGE_ROWS, std::move(watch));
  for (;;) {
    const auto page = co_await scan.next();
    if (!page) co_return tl::unexpected<Error>(page.error());
    if (page->empty()) co_return verification.finish();
    for (const store::KeyValue& row : *page) verification.add(row);
  }
}

}  // namespace everframe::inspect
