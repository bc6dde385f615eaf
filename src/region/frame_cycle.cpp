// The frame cycle: T1 makes actions durable, a frame applies them, T2 commits what they did, release shows
// it.
#include <algorithm>

#include "base/log.h"
#include "base/planted.h"
#include "region/convert.h"
#include "region/ownership.h"
#include "region/region.h"
#include "world/generate.h"
#include "world/records.h"

namespace everframe::region {

namespace {

constexpr std::size_t DUE_MAX = 500;  // of a frame; more wait for the next

[[noreturn]] void store_failed(const char* doing, const Error& error) {
  throw std::runtime_error(fmt::format("{}: {} (code {})", doing, error.text, error.code));
}

std::string text(const Bytes& bytes) {
  return std::string(chars_of(bytes));
}

template <class All>  // of queued actions
std::vector<StepAction> actions_of(const All& all) {
  std::vector<StepAction> out;
  for (const auto& queued : all) out.push_back({queued.input.player, queued.input.seq});
  return out;
}

std::vector<StepAction> actions_of(const std::vector<world::PlayerOutcome>& outcomes) {
  std::vector<StepAction> out;
  for (const auto& [player, outcome] : outcomes) {
    out.push_back({player, outcome.seq, static_cast<std::uint8_t>(outcome.refusal)});
  }
  return out;
}

}  // namespace

// ---- taking over ----

Task<> Region::take_over() {
  const store::KeyBytes ownership_key = world_.keys.region(options_.id);
  const store::KeyBytes head_key = world_.keys.region_head(options_.id);
  struct Taken {
    std::uint64_t epoch = 0;
    Head head;
  };
  Function<Task<Result<Taken>>(store::Transaction&)> body =
      [ownership_key, head_key](store::Transaction& transaction) -> Task<Result<Taken>> {
    const auto owner_row = co_await transaction.get(ownership_key);
    if (!owner_row) co_return tl::unexpected<Error>(owner_row.error());
    const auto head_row = co_await transaction.get(head_key);
    if (!head_row) co_return tl::unexpected<Error>(head_row.error());
    if (!*owner_row || !*head_row) co_return fail("there is no such region in the store");
    auto ownership = read_ownership(**owner_row);
    if (!ownership) co_return tl::unexpected<Error>(ownership.error());
    const auto head = read_head(**head_row);
    if (!head) co_return tl::unexpected<Error>(head.error());
    ++ownership->epoch;
    transaction.set(ownership_key, write_ownership(*ownership));
    co_return Taken{ownership->epoch, *head};
  };
  const Result<Taken> taken = co_await world_.database.run<Taken>(executor(), std::move(body));
  if (over()) co_return;
  if (!taken) store_failed("taking the region over", taken.error());
  epoch_ = taken->epoch;
  head_ = taken->head;
  step(Step::Kind::TAKE_OVER, head_.frame, [] { return std::vector<StepAction>(); });
  state_.emplace(world_.content, head_.next_entity, head_.hash);
  co_await read_queue();
  if (over()) co_return;
  step(Step::Kind::OPEN, head_.frame, [this] { return actions_of(queue_); });
  log::info("region {} is ours: epoch {}, frame {}, {} actions waiting", raw(options_.id), epoch_,
            raw(head_.frame), queue_.size());
  open_ = true;
  std::deque<Message> waiting = std::move(before_open_);
  for (Message& message : waiting) receive(std::move(message));
  start_frame();
}

// Actions that were accepted before a crash.
Task<> Region::read_queue() {
  using Rows = store::KeyValues;
  Function<Task<Result<Rows>>(store::Transaction&)> read =
      [range = world_.keys.inputs(options_.id)](store::Transaction& transaction) {
        return transaction.get_range(range);
      };
  const auto rows = co_await world_.database.run<Rows>(executor(), std::move(read));
  if (over()) co_return;
  if (!rows) store_failed("reading the input queue", rows.error());
  for (const store::KeyValue& row : *rows) {
    Result<world::Input> input = world::read_input(bytes_of(row.value));
    if (!input) throw std::runtime_error("the input queue: " + input.error().text);
    PlayerWork& work = work_[input->player];
    work.taken = work.durable = std::max(work.taken, input->seq);
    queue_.push_back({std::move(*input), now()});
  }
  std::vector<PlayerId> players;
  for (const auto& [id, work] : work_) players.push_back(id);
  for (const PlayerId id : players) {
    const bool found = co_await load_player(id);
    if (over()) co_return;
    if (!found) throw std::runtime_error(fmt::format("an action of player {}, who is not there", raw(id)));
  }
}

// ---- T1 ----

void Region::start_t1() {
  if (t1_running_ || arrivals_.empty()) return;
  t1_running_ = true;
  run(t1());
}

Task<> Region::t1() {
  const Time began = now();
  std::vector<Queued> batch;
  while (!arrivals_.empty() && batch.size() < T1_ACTIONS_MAX) {
    batch.push_back(std::move(arrivals_.front()));
    arrivals_.pop_front();
  }
  store::Transaction transaction = world_.database.begin(executor());
  for (;;) {
    const auto ours = co_await owns(transaction, world_.keys, options_.id, epoch_, false);
    if (over()) co_return;
    Error error;
    if (!ours) {
      error = ours.error();
    } else {
      if (!*ours) throw std::runtime_error("the region is not ours any more");
      for (const Queued& queued : batch) {
        transaction.set(world_.keys.input(options_.id, queued.input.player, queued.input.seq),
                        text(world::write_input(queued.input)));
      }
      const auto committed = co_await transaction.commit();
      if (over()) co_return;
      if (committed) break;
      error = committed.error();
    }
    ++figures_.conflicts;
    const auto again = co_await transaction.on_error(error);  // writing the same rows twice changes nothing
    if (over()) co_return;
    if (!again) store_failed("T1", again.error());
  }
  figures_.t1.add((now() - began).count());
  figures_.actions_accepted += batch.size();
  step(Step::Kind::DURABLE, head_.frame, [&] { return actions_of(batch); });
  for (Queued& queued : batch) {
    work_.at(queued.input.player).durable = queued.input.seq;
    tell(queued.input.player, wire::Accepted{queued.input.seq});
    queue_.push_back(std::move(queued));
  }
  t1_running_ = false;
  start_t1();
  start_frame();
}

// ---- frame ----

WallMs Region::world_time() const {
  return std::max(world_.clock.wall(), head_.now);
}

bool Region::work_waits() {
  if (!queue_.empty() || !joining_.empty() || !farewells_.empty()) return true;
  if (save_poses_ && !poses_.all_unsaved().empty()) return true;
  const auto due = state_->next_due();
  return due && *due <= world_time() && !draining_;
}

void Region::start_frame() {
  if (!open_ || frame_running_ || frame_armed_ || !work_waits()) return;
  const Time earliest = last_frame_ + options_.frame_interval_min;
  if (now() < earliest) {
    frame_armed_ = true;
    after(earliest - now(), [this] {
      frame_armed_ = false;
      start_frame();
    });
    return;
  }
  frame_running_ = true;
  last_frame_ = now();
  run(frame());
}

Task<> Region::frame() {
  Work work;
  gather(work);
  if (work.frame.inputs.empty()) {  // all of it waits for cold chunks; their arrival starts the next frame
    frame_running_ = false;
    drained_if_done();
    co_return;
  }
  const Time began = now();
  if (is_planted(Planted::OTHER_DICE)) work.frame.seed ^= 1;
  work.effects = world::apply(*state_, work.frame);
  if (is_planted(Planted::OTHER_DICE)) work.frame.seed ^= 1;
  for (const world::EntityChange& change : work.effects.entities) {
    if (change.before) in_flight_.insert(chunk_of(change.before->position));
    if (change.after) in_flight_.insert(chunk_of(change.after->position));
  }
  figures_.apply.add((now() - began).count());
  work.head.next_entity = work.effects.next_entity_after;
  work.head.hash = work.effects.hash_after;
  if (is_planted(Planted::SHOWN_EARLY)) show(changes_of(work.effects), {}, false);
  step(Step::Kind::START_FRAME, work.frame.no, [&] { return actions_of(work.actions); });
  try {
    co_await commit(work);
  } catch (...) {
    // Who waits for this frame finds, a moment later, that this life is over.
    executor().post([waiting = std::exchange(after_release_, {})] {
      for (const auto& resume : waiting) resume();
    });
    throw;
  }
  if (over()) {
    for (const auto& resume : std::exchange(after_release_, {})) resume();
    co_return;
  }
  figures_.t2.add((now() - began).count());
  step(Step::Kind::FINISH_FRAME, work.frame.no, [&] { return actions_of(work.effects.outcomes); });
  release(work);
  evict();
  arm_due();
  start_frame();
  drained_if_done();
}

void Region::gather(Work& work) {
  work.frame.no = next(head_.frame);
  work.frame.now = world_time();
  work.frame.seed = dice_.next();
  work.head = head_;
  work.head.frame = work.frame.no;
  work.head.now = work.frame.now;
  ++work.head.counter;

  std::deque<Joining> later;
  while (!joining_.empty()) {
    Joining joining = std::move(joining_.front());
    joining_.pop_front();
    if (!ready_around(world::spawn_position(raw(work.head.next_player)))) {
      later.push_back(std::move(joining));
      break;  // its chunks load; the next ones stand near
    }
    joining.player = work.head.next_player;
    work.head.next_player = next(work.head.next_player);
    if (joining.name.empty()) joining.name = fmt::format("Guest-{}", raw(joining.player));
    work.frame.inputs.push_back({joining.player, ActionSeq{0}, world::Join{joining.name}});
    work.joins.push_back(std::move(joining));
  }
  for (Joining& joining : joining_) later.push_back(std::move(joining));
  joining_ = std::move(later);

  gather_actions(work);
  if (std::exchange(save_poses_, false)) {
    for (const PlayerId id : poses_.all_unsaved()) add_move(work, id);
  }
  std::vector<std::pair<PlayerId, Poses::Place>> stay;
  for (const auto& [id, place] : std::exchange(farewells_, {})) {
    if (work.moves.contains(id) || poses_.where(id)) continue;  // it has entered again since
    if (!ready_around(place.position)) {
      stay.emplace_back(id, place);
      continue;
    }
    work.frame.inputs.push_back({id, ActionSeq{0}, world::Move{place.position, place.yaw}});
    work.moves.emplace(id, place);
  }
  farewells_ = std::move(stay);
  for (const EntityId id : state_->due(work.frame.now, DUE_MAX)) {
    work.frame.inputs.push_back({PlayerId{0}, ActionSeq{0}, world::Due{id}});
  }
}

// In the order they became durable; each player's place goes in before its first action. A player whose
// surroundings are cold waits with all of its actions, the others do not.
void Region::gather_actions(Work& work) {
  std::deque<Queued> later;
  std::set<PlayerId> waiting;
  while (!queue_.empty() && work.frame.inputs.size() < FRAME_INPUTS_MAX) {
    Queued queued = std::move(queue_.front());
    queue_.pop_front();
    const PlayerId id = queued.input.player;
    if (!waiting.contains(id) && !work.moves.contains(id)) {
      const auto place = poses_.where(id);
      if (place && !ready_around(place->position)) waiting.insert(id);
    }
    if (waiting.contains(id)) {
      later.push_back(std::move(queued));
      continue;
    }
    add_move(work, id);
    work.frame.inputs.push_back(queued.input);
    work.actions.push_back(std::move(queued));
  }
  for (Queued& queued : queue_) later.push_back(std::move(queued));
  queue_ = std::move(later);
}

void Region::add_move(Work& work, PlayerId player) {
  const auto place = poses_.unsaved(player);
  if (!place || work.moves.contains(player) || !ready_around(place->position)) return;
  work.frame.inputs.push_back({player, ActionSeq{0}, world::Move{place->position, place->yaw}});
  work.moves.emplace(player, *place);
}

// ---- T2 ----

Task<> Region::commit(const Work& work) {
  const store::KeyBytes head_key = world_.keys.region_head(options_.id);
  store::Transaction transaction = world_.database.begin(executor());
  for (;;) {
    Error error;
    const auto ours = co_await owns(transaction, world_.keys, options_.id, epoch_, false);
    const auto head_row = co_await transaction.get(head_key);
    if (over()) co_return;
    if (!ours || !head_row) {
      error = !ours ? ours.error() : head_row.error();
    } else {
      if (!*ours) throw std::runtime_error("the region is not ours any more");
      const auto head = *head_row ? read_head(**head_row) : fail("it is gone");
      if (!head) throw std::runtime_error("the region's head: " + head.error().text);
      if (head->frame == work.frame.no) co_return;  // the attempt with unknown result had committed
      if (*head != head_) throw std::runtime_error("the region's head is not where we left it");
      if (is_planted(Planted::LOST_COMMIT) && raw(work.frame.no) % 16 == 0) co_return;
      write_rows(transaction, work);
      const auto committed = co_await transaction.commit();
      if (over()) co_return;
      if (committed) co_return;
      error = committed.error();
    }
    ++(error.code == store::COMMIT_UNKNOWN_RESULT ? figures_.unknown_results : figures_.conflicts);
    const auto again = co_await transaction.on_error(error);
    if (over()) co_return;
    if (!again) store_failed("T2", again.error());
  }
}

void Region::write_rows(store::Transaction& transaction, const Work& work) {
  const store::WorldKeys& keys = world_.keys;
  const world::Effects& effects = work.effects;
  for (const world::EntityChange& change : effects.entities) {
    if (change.before &&
        (!change.after || chunk_of(change.after->position) != chunk_of(change.before->position))) {
      transaction.clear(keys.entity(chunk_of(change.before->position), change.before->id));
    }
    if (change.after) {
      transaction.set(keys.entity(chunk_of(change.after->position), change.after->id),
                      text(world::write_entity(*change.after)));
    }
  }
  for (const world::PlayerChange& change : effects.players) {
    if (change.after)
      transaction.set(keys.player(change.after->id), text(world::write_player(*change.after)));
  }
  std::map<ItemType, std::int64_t> totals;
  for (const world::LedgerEntry& entry : effects.ledger) totals[entry.item] += entry.delta;
  for (const auto& [item, delta] : totals) {
    if (delta != 0) transaction.add(keys.ledger_total(item), delta);
  }
  if (!effects.ledger.empty() && !(is_planted(Planted::FORGOTTEN_LEDGER) && raw(work.frame.no) % 8 == 0)) {
    transaction.set(keys.ledger_entries(options_.id, work.frame.no),
                    text(world::write_ledger(effects.ledger)));
  }
  for (const Joining& joining : work.joins) {
    transaction.set(joining.account_key, store::u64_value(raw(joining.player)));
  }
  for (const Queued& queued : work.actions) {
    transaction.clear(keys.input(options_.id, queued.input.player, queued.input.seq));
  }
  world::FrameRecord record{work.frame, effects.hash_after, world::digest(effects)};
  transaction.set(keys.frame(options_.id, work.frame.no), text(world::write_frame(record)));
  transaction.set(keys.region_head(options_.id), write_head(work.head));
}

// ---- release: from here on it is durable, and may be seen ----

void Region::release(Work& work) {
  head_ = work.head;
  in_flight_.clear();
  for (const auto& [id, place] : work.moves) poses_.saved(id, place);
  // Who acted sees what it did and gets its answer before the crowd around is told.
  const std::vector<ToldAll> changes = changes_of(work.effects);
  std::set<SessionId> actors;
  for (const world::PlayerOutcome& outcome : work.effects.outcomes) {
    const SessionId session = work_.at(outcome.player).session;
    if (raw(session) != 0) actors.insert(session);
  }
  step(Step::Kind::SHOW, work.frame.no, [] { return std::vector<StepAction>(); });
  show(changes, actors, true);
  for (const world::EntityChange& change : work.effects.entities) {
    if (!change.after || change.after->type != world_.content.body) continue;
    if (change.before && change.before->stacks == change.after->stacks) continue;
    tell(change.after->owner, wire::Inventory{head_.frame, to_wire(change.after->stacks)});
  }
  for (const world::PlayerOutcome& outcome : work.effects.outcomes) {
    const bool applied = outcome.outcome.refusal == world::Refusal::NONE;
    ++(applied ? figures_.actions_applied : figures_.actions_refused);
    work_.at(outcome.player).answered = outcome.outcome.seq;
    tell(outcome.player, answer_of(outcome.outcome));
  }
  show(changes, actors, false);
  for (const Queued& queued : work.actions) figures_.action.add((now() - queued.arrived).count());
  for (Joining& joining : work.joins) {
    PlayerWork& player = work_[joining.player];
    player = PlayerWork{};
    joining.request.answered(Admission{joining.player, joining.token});
  }
  for (const auto& [code, session] : std::exchange(snapshots_waiting_, {})) send_snapshot(code, session);
  const auto resumed = std::exchange(after_release_, {});
  for (const auto& resume : resumed) resume();
  frame_running_ = false;
  for (const world::PlayerChange& change : work.effects.players) maybe_idle_.insert(change.after->id);
  for (const auto& [id, place] : work.moves) maybe_idle_.insert(id);
  for (const PlayerId id : std::exchange(maybe_idle_, {})) forget_idle_player(id);
}

void Region::arm_due() {
  cancel(due_timer_);
  due_timer_ = {};
  const auto due = state_->next_due();
  if (!due || !open_ || draining_) return;
  const std::int64_t wait_ms =
      std::max<std::int64_t>(0, static_cast<std::int64_t>(*due) - static_cast<std::int64_t>(world_time()));
  const std::int64_t an_hour_ms = 3'600'000;  // the wall clock may be set: look again
  due_timer_ = after(std::chrono::milliseconds(std::min(wait_ms + 1, an_hour_ms)), [this] {
    start_frame();
    if (!frame_running_ && !frame_armed_) arm_due();
  });
}

}  // namespace everframe::region
