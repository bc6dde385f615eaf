// What is loaded of the region, and who sees it.
#include <algorithm>

#include "base/log.h"
#include "base/planted.h"
#include "region/convert.h"
#include "region/ownership.h"
#include "region/region.h"
#include "wire/codec.h"
#include "world/records.h"

namespace everframe::region {

namespace {

// The nine chunks at and around a place.
std::array<ChunkCode, 9> surroundings(const Vec3& position) {
  std::array<ChunkCode, 9> out{};
  const ChunkPos centre = chunk_pos_of(position);
  std::size_t n = 0;
  for (std::int32_t dz = -1; dz <= 1; ++dz) {
    for (std::int32_t dx = -1; dx <= 1; ++dx) out[n++] = code_of({centre.x + dx, centre.z + dz});
  }
  return out;
}

}  // namespace

// Each chunk is read once, however many wait for it.
Task<> Region::load_chunk(ChunkCode code) {
  if (state_->has_chunk(code)) co_return;
  const auto under_way = loading_.find(code);
  if (under_way != loading_.end()) {
    struct Loaded {
      std::vector<Function<void()>>& waiters;
      bool await_ready() { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        waiters.push_back([handle] { handle.resume(); });
      }
      void await_resume() {}
    };
    Loaded loaded{under_way->second};
    co_await loaded;
    co_return;
  }
  loading_[code];
  try {
    co_await read_chunk(code);
  } catch (...) {
    executor().post([waiting = std::move(loading_[code])] {  // they find that this life is over
      for (const auto& resume : waiting) resume();
    });
    throw;
  }
  const auto waiting = std::move(loading_[code]);
  loading_.erase(code);
  for (const auto& resume : waiting) resume();
}

Task<> Region::read_chunk(ChunkCode code) {
  store::Transaction transaction = world_.database.begin(executor());
  const store::KeyRange range = world_.keys.chunk(code);
  store::RangeOptions options;
  options.snapshot = true;
  Result<store::KeyValues> rows;
  for (;;) {
    // At one read version: rows that another owner has changed since must not pass for those of our frame.
    const auto ours = co_await owns(transaction, world_.keys, options_.id, epoch_, true);
    if (ours && !*ours && !over()) throw std::runtime_error("the region is not ours any more");
    if (ours) rows = co_await transaction.get_range(range, options);
    if (over()) co_return;
    if (ours && rows) break;
    const Error error = ours ? rows.error() : ours.error();
    const auto again = co_await transaction.on_error(error);
    if (over()) co_return;
    if (!again) throw std::runtime_error("reading a chunk: " + again.error().text);
  }
  std::vector<world::Entity> entities;
  entities.reserve(rows->size());
  for (const store::KeyValue& row : *rows) {
    Result<world::Entity> entity = world::read_entity(bytes_of(row.value));
    if (!entity) throw std::runtime_error("chunk " + std::to_string(raw(code)) + ": " + entity.error().text);
    entities.push_back(std::move(*entity));
  }
  state_->load_chunk(code, std::move(entities));
  ReplicatedChunk& chunk = chunks_[code];
  chunk.version = raw(head_.frame);
  chunk.used = ++use_count_;
  arm_due();
}

Task<> Region::load_around(Vec3 position) {
  for (const ChunkCode code : surroundings(position)) {
    co_await load_chunk(code);
    if (over()) co_return;
  }
  start_frame();
}

bool Region::ready_around(const Vec3& position) {
  const auto codes = surroundings(position);
  if (std::all_of(codes.begin(), codes.end(), [this](ChunkCode code) { return state_->has_chunk(code); })) {
    for (const ChunkCode code : codes) chunks_[code].used = ++use_count_;
    return true;
  }
  run(load_around(position));
  return std::all_of(codes.begin(), codes.end(), [this](ChunkCode code) { return state_->has_chunk(code); });
}

Task<bool> Region::load_player(PlayerId id) {
  if (state_->player(id) == nullptr) {
    const store::KeyBytes key = world_.keys.player(id);
    using Row = std::optional<std::string>;
    Function<Task<Result<Row>>(store::Transaction&)> read = [key](store::Transaction& transaction) {
      return transaction.get(key, true);
    };
    const auto row = co_await world_.database.run<Row>(executor(), std::move(read));
    if (over()) co_return false;
    if (!row) throw std::runtime_error("reading a player: " + row.error().text);
    if (!*row) co_return false;
    Result<world::Player> player = world::read_player(bytes_of(**row));
    if (!player) throw std::runtime_error("player " + std::to_string(raw(id)) + ": " + player.error().text);
    if (state_->player(id) == nullptr) {  // nobody else was quicker
      PlayerWork& work = work_[id];
      const ActionSeq last = player->last_seq;
      work.answered = last;
      work.durable = std::max(work.durable, last);
      work.taken = std::max(work.taken, last);
      state_->load_player(std::move(*player));
    }
  }
  const ChunkCode home = state_->player(id)->chunk;
  co_await load_chunk(home);
  if (over()) co_return false;
  const world::Player* player = state_->player(id);
  const world::Entity* body = player != nullptr ? state_->entity(player->body) : nullptr;
  if (body == nullptr) throw std::runtime_error("player " + std::to_string(raw(id)) + " has no body");
  co_await load_around(body->position);
  co_return !over();
}

void Region::forget_idle_player(PlayerId id) {
  const auto work = work_.find(id);
  if (work == work_.end()) return;
  const PlayerWork& w = work->second;
  const bool leaving = std::any_of(farewells_.begin(), farewells_.end(),
                                   [id](const auto& farewell) { return farewell.first == id; });
  if (raw(w.session) != 0 || w.pins > 0 || w.answered != w.taken || leaving) return;
  if (frame_running_) {  // it may be part of that
    maybe_idle_.insert(id);
    return;
  }
  if (state_->player(id) != nullptr) state_->drop_player(id);  // never loaded, if the store did not answer
  work_.erase(work);
}

void Region::on(Watch request) {
  const auto session = sessions_.find(request.session);
  if (session == sessions_.end()) return;
  std::vector<ChunkCode> wanted;
  for (const ChunkCode code : request.chunks) {
    if (session->second.watched.insert(code).second) wanted.push_back(code);
  }
  if (!wanted.empty()) run(watch(request.session, std::move(wanted)));
}

Task<> Region::watch(SessionId id, std::vector<ChunkCode> codes) {
  for (const ChunkCode code : codes) {
    co_await load_chunk(code);
    if (over()) co_return;
    const auto session = sessions_.find(id);
    if (session == sessions_.end()) co_return;
    if (!session->second.watched.contains(code)) continue;  // it has turned away since
    ReplicatedChunk& chunk = chunks_[code];
    chunk.used = ++use_count_;
    if (chunk.watchers.insert(id).second) send_snapshot(code, id);
  }
}

void Region::on(Unwatch request) {
  const auto session = sessions_.find(request.session);
  if (session == sessions_.end()) return;
  for (const ChunkCode code : request.chunks) {
    if (session->second.watched.erase(code) > 0) unwatch(code, request.session);
  }
}

void Region::unwatch(ChunkCode code, SessionId id) {
  const auto chunk = chunks_.find(code);
  if (chunk != chunks_.end()) chunk->second.watchers.erase(id);
}

void Region::on(Resync request) {
  const auto session = sessions_.find(request.session);
  const auto chunk = chunks_.find(request.chunk);
  if (session == sessions_.end() || chunk == chunks_.end()) return;
  if (chunk->second.watchers.contains(request.session)) send_snapshot(request.chunk, request.session);
}

// What the frame in flight changed must not be seen yet (P2): its chunks' snapshots wait for its end.
void Region::send_snapshot(ChunkCode code, SessionId id) {
  ReplicatedChunk& chunk = chunks_.at(code);
  if (!chunk.snapshot && in_flight_.contains(code)) {
    snapshots_waiting_.emplace_back(code, id);
    return;
  }
  if (!chunk.snapshot) {
    wire::ChunkSnapshot snapshot{code, chunk.version, {}};
    for (const auto& [entity_id, entity] : state_->chunk(code)->entities) {
      if (entity.type != world_.content.body) snapshot.entities.push_back(to_wire(entity));
    }
    auto bytes = std::make_shared<Bytes>();
    wire::encode(*bytes, wire::ServerEvent(std::move(snapshot)));
    chunk.snapshot = std::move(bytes);
  }
  const auto session = sessions_.find(id);
  if (session != sessions_.end()) session->second.port->tell(ToldAll{code, chunk.snapshot});
}

// Advances the changed chunks' versions; what their watchers are to be told.
std::vector<ToldAll> Region::changes_of(const world::Effects& effects) {
  std::map<ChunkCode, wire::ChunkChanges> changes;
  for (const world::EntityChange& change : effects.entities) {
    const EntityType type = change.after ? change.after->type : change.before->type;
    if (type == world_.content.body) continue;
    if (change.after) changes[chunk_of(change.after->position)].upserts.push_back(to_wire(*change.after));
    if (!change.before) continue;
    const ChunkCode old = chunk_of(change.before->position);
    if (!change.after || chunk_of(change.after->position) != old)
      changes[old].removed.push_back(change.before->id);
  }
  std::vector<ToldAll> out;
  for (auto& [code, change] : changes) {
    const auto found = chunks_.find(code);
    if (found == chunks_.end()) continue;
    ReplicatedChunk& chunk = found->second;
    change.chunk = code;
    change.from_version = chunk.version;
    change.version = raw(effects.frame);
    change.frame = effects.frame;
    chunk.version = change.version;
    chunk.snapshot.reset();
    if (chunk.watchers.empty()) continue;
    auto bytes = std::make_shared<Bytes>();
    wire::encode(*bytes, wire::ServerEvent(std::move(change)));
    out.push_back({code, std::move(bytes)});
  }
  return out;
}

// Tells the watchers that are among `actors`, or all others.
void Region::show(const std::vector<ToldAll>& changes, const std::set<SessionId>& actors, bool to_actors) {
  for (const ToldAll& change : changes) {
    for (const SessionId id : chunks_.at(change.chunk).watchers) {
      if (actors.contains(id) != to_actors) continue;
      if (is_planted(Planted::SKIPPED_CHANGE) && !to_actors && use_count_ % 3 == 0) continue;
      const bool snapshot_follows = std::find(snapshots_waiting_.begin(), snapshots_waiting_.end(),
                                              std::pair(change.chunk, id)) != snapshots_waiting_.end();
      if (!snapshot_follows) sessions_.at(id).port->tell(change);
    }
  }
}

// The least recently used go first; nothing that somebody sees or stands in, and only between frames.
void Region::evict() {
  if (chunks_.size() <= CHUNKS_KEPT) return;
  std::set<ChunkCode> needed;
  for (const auto& [id, work] : work_) {
    const world::Player* player = state_->player(id);
    if (player == nullptr) continue;
    if (const auto* body = state_->entity(player->body)) {
      for (const ChunkCode code : surroundings(body->position)) needed.insert(code);
    }
    if (const auto place = poses_.where(id)) {
      for (const ChunkCode code : surroundings(place->position)) needed.insert(code);
    }
  }
  std::vector<std::pair<std::uint64_t, ChunkCode>> idle;
  for (const auto& [code, chunk] : chunks_) {
    if (chunk.watchers.empty() && !needed.contains(code)) idle.emplace_back(chunk.used, code);
  }
  std::sort(idle.begin(), idle.end());
  for (const auto& [used, code] : idle) {
    if (chunks_.size() <= CHUNKS_KEPT - CHUNKS_KEPT / 8) break;
    state_->drop_chunk(code);
    chunks_.erase(code);
  }
}

}  // namespace everframe::region
