// Who is here: admission, entering and leaving, actions and poses as they arrive.
#include "base/log.h"
#include "base/planted.h"
#include "region/accounts.h"
#include "region/convert.h"
#include "region/ownership.h"
#include "region/region.h"
#include "world/generate.h"

namespace everframe::region {

Region::Region(actor::Life life, World world, Options options)
    : Actor(std::move(life)),
      world_(world),
      options_(options),
      dice_(world.entropy.u64()),
      poses_(world.content.rules) {}

void Region::on_start() {
  run(take_over());
}

void Region::receive(Message message) {
  if (!open_) {
    before_open_.push_back(std::move(message));
    return;
  }
  std::visit([this](auto&& request) { on(std::move(request)); }, std::move(message));
}

void Region::on(Admit request) {
  if (draining_) return request.answered(std::string(DRAINING));
  run(admit(std::move(request)));
}

Task<> Region::admit(Admit request) {
  if (!request.token) {
    Joining joining;
    joining.token = new_token(world_.entropy);
    joining.account_key = world_.keys.account(*token_hash(joining.token));
    joining.name = request.name;
    joining.request = std::move(request);
    joining_.push_back(std::move(joining));
    start_frame();
    co_return;
  }
  const std::optional<Bytes> hash = token_hash(*request.token);
  if (!hash) co_return request.answered(std::string(UNKNOWN_TOKEN));
  using Row = std::optional<std::string>;
  Function<Task<Result<Row>>(store::Transaction&)> read =
      [key = world_.keys.account(*hash)](store::Transaction& transaction) {
        return transaction.get(key, true);
      };
  const auto row = co_await world_.database.run<Row>(executor(), std::move(read));
  if (over()) co_return;
  if (!row) {
    log::error("reading an account: {}", row.error().text);
    co_return request.answered(std::string(STORE));
  }
  const std::optional<std::uint64_t> player = *row ? store::read_u64_value(**row) : std::nullopt;
  if (!player) co_return request.answered(std::string(UNKNOWN_TOKEN));
  request.answered(Admission{PlayerId{*player}, *request.token});
}

void Region::on(Enter request) {
  run(enter(std::move(request)));
}

Task<> Region::enter(Enter request) {
  const PlayerId id = request.player;
  ++work_[id].pins;
  const bool found = co_await load_player(id);
  if (over()) co_return;
  const store::KeyBytes key = world_.keys.session(id);
  // Who lost the region without knowing it yet welcomes nobody: what it has in memory may be old.
  Function<Task<Result<bool>>(store::Transaction&)> next_epoch =
      [this, key](store::Transaction& transaction) -> Task<Result<bool>> {
    const auto ours = co_await owns(transaction, world_.keys, options_.id, epoch_, false);
    if (!ours) co_return tl::unexpected<Error>(ours.error());
    if (!*ours) throw std::runtime_error("the region is not ours any more");
    const auto row = co_await transaction.get(key);
    if (!row) co_return tl::unexpected<Error>(row.error());
    const std::uint64_t epoch = (*row ? store::read_u64_value(**row).value_or(0) : 0) + 1;
    transaction.set(key, store::u64_value(epoch));
    co_return true;
  };
  const Result<bool> counted = co_await world_.database.run<bool>(executor(), std::move(next_epoch));
  if (over()) co_return;
  // As with T1 and T2: who cannot write must not go on, or nobody would ever restart it.
  if (!counted) throw std::runtime_error("entering: " + counted.error().text);
  co_await settled();
  if (over()) co_return;
  if (!found || draining_) {
    request.port->tell(Ended{wire::GoodbyeReason::UNAVAILABLE, draining_ ? "the server stops" : "try again"});
  } else {
    bring_in(request);
  }
  --work_[id].pins;
  forget_idle_player(id);
}

void Region::bring_in(Enter& request) {
  const PlayerId id = request.player;
  const world::Player& player = *state_->player(id);
  const world::Entity& body = *state_->entity(player.body);
  const Poses::Place stored{body.position, body.yaw};
  const Poses::Place place = poses_.where(id).value_or(stored);
  PlayerWork& work = work_[id];
  if (raw(work.session) != 0) {
    const Ended replaced{wire::GoodbyeReason::REPLACED, "you entered elsewhere"};
    leave(work.session, &replaced);
  }
  work.session = request.session;
  sessions_[request.session] = Session{id, request.port, std::move(request.poses), {}};
  poses_.add(id, player.body, player.name, place, stored, now());
  step(Step::Kind::ENTER, head_.frame, [&] { return std::vector{StepAction{id, work.answered}}; });
  request.port->tell(Entered{id, player.body, player.name, place.position, place.yaw, head_.frame,
                             work.answered, inventory_of(player)});
  arm_tick();
}

void Region::on(Leave request) {
  leave(request.session, nullptr);
}

void Region::leave(SessionId id, const Ended* ended) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const Session session = std::move(found->second);
  sessions_.erase(found);
  for (const ChunkCode code : session.watched) unwatch(code, id);
  PlayerWork& work = work_[session.player];
  if (work.session == id) {
    work.session = SessionId{0};
    if (poses_.unsaved(session.player)) {
      // The last place is worth a frame: it goes in as this player's own move.
      const Poses::Place place = *poses_.where(session.player);
      farewells_.emplace_back(session.player, place);
    }
    poses_.remove(session.player);
  }
  session.port->tell(ended != nullptr ? *ended : Ended{wire::GoodbyeReason::LEFT, {}});
  forget_idle_player(session.player);
  arm_tick();
  start_frame();
}

void Region::refuse_early(SessionId session, ActionSeq seq, world::Refusal why) {
  const wire::Refused refused{seq, FrameNo{0}, static_cast<std::uint8_t>(why)};
  sessions_.at(session).port->tell(Told{refused});
}

void Region::on(Act request) {
  const auto session = sessions_.find(request.session);
  if (session == sessions_.end()) return;
  const PlayerId id = session->second.player;
  PlayerWork& work = work_.at(id);
  const ActionSeq seq = request.action.seq;
  if (seq <= work.taken) {
    ++figures_.resends;
    if (is_planted(Planted::SECOND_EFFECT)) {
      arrivals_.push_back({world::Input{id, seq, to_world(request.action.body)}, now()});
      return start_t1();
    }
    return answer_again(request, *state_->player(id), work);
  }
  if (raw(seq) - raw(work.answered) > wire::UNANSWERED_MAX) {
    const Ended ended{wire::GoodbyeReason::PROTOCOL_ERROR,
                      fmt::format("more than {} actions unanswered", wire::UNANSWERED_MAX)};
    return leave(request.session, &ended);
  }
  // One before it was turned away (here, or by a session whose message found no room): all come again in
  // order.
  if (seq != next(work.taken)) return refuse_early(request.session, seq, world::Refusal::BUSY);
  if (draining_) return refuse_early(request.session, seq, world::Refusal::DRAINING);
  if (arrivals_.size() >= ARRIVALS_MAX || queue_.size() >= QUEUE_MAX) {
    return refuse_early(request.session, seq, world::Refusal::BUSY);
  }
  work.taken = seq;
  step(Step::Kind::ARRIVE, head_.frame, [&] { return std::vector{StepAction{id, seq}}; });
  arrivals_.push_back({world::Input{id, seq, to_world(request.action.body)}, now()});
  start_t1();
}

// An action that came before: its answer is the first one again, or still to come.
void Region::answer_again(const Act& request, const world::Player& player, const PlayerWork& work) {
  SessionPort& port = *sessions_.at(request.session).port;
  const ActionSeq seq = request.action.seq;
  if (seq > work.answered) {
    if (seq <= work.durable) answer(port, player.id, wire::Accepted{seq});
    return;
  }
  if (is_planted(Planted::SWALLOWED_RESEND)) return;
  for (const world::Outcome& outcome : player.outcomes) {
    if (outcome.seq != seq) continue;
    answer(port, player.id, answer_of(outcome));
    return;
  }
  // Older than what is remembered: it took effect or was refused long ago, and its sender was told then.
  answer(port, player.id, wire::Applied{seq, head_.frame});
}

void Region::tell(PlayerId player, wire::ServerEvent event) {
  const auto work = work_.find(player);
  if (work == work_.end() || raw(work->second.session) == 0) return;
  answer(*sessions_.at(work->second.session).port, player, std::move(event));
}

void Region::answer(SessionPort& port, PlayerId player, wire::ServerEvent event) {
  if (world_.steps != nullptr) {
    if (auto told = step_of(player, event)) {
      told->region = options_.id;
      world_.steps->take(*told);
    }
  }
  port.tell(Told{std::move(event)});
}

void Region::on(PoseMade request) {
  const auto session = sessions_.find(request.session);
  if (session == sessions_.end()) return;
  const PlayerId id = session->second.player;
  ++figures_.poses;
  switch (poses_.take(id, request.update, now())) {
    case Poses::Verdict::OLD:
      return;
    case Poses::Verdict::REFUSED: {
      ++figures_.poses_refused;
      const Poses::Place place = *poses_.where(id);
      session->second.port->tell(Told{wire::Moved{request.update.pose_seq, place.position, place.yaw}});
      break;
    }
    case Poses::Verdict::TAKEN: {
      PlayerWork& work = work_.at(id);
      const ChunkCode chunk = chunk_of(request.update.pose.position);
      if (work.around != chunk) {
        work.around = chunk;
        ready_around(request.update.pose.position);
      }
      if (!save_armed_) {
        save_armed_ = true;
        after(POSES_SAVED_EVERY, [this] {
          save_armed_ = false;
          save_poses_ = true;
          start_frame();
        });
      }
      break;
    }
  }
  arm_tick();
}

std::vector<wire::Stack> Region::inventory_of(const world::Player& player) const {
  const world::Entity* body = state_->entity(player.body);
  return body != nullptr ? to_wire(body->stacks) : std::vector<wire::Stack>();
}

void Region::on(Drain request) {
  draining_ = true;
  save_poses_ = true;
  drained_ = std::move(request.done);
  for (Joining& joining : joining_) joining.request.answered(std::string(DRAINING));
  joining_.clear();
  start_frame();
  drained_if_done();
}

void Region::drained_if_done() {
  if (!drained_ || t1_running_ || frame_running_ || !arrivals_.empty() || work_waits()) return;
  std::exchange(drained_, nullptr)();
}

void Region::on(AskFigures request) {
  figures_.frame = raw(head_.frame);
  figures_.sessions = sessions_.size();
  figures_.players_loaded = work_.size();
  figures_.chunks_loaded = chunks_.size();
  request.answered(figures_);
}

// ---- poses out ----

void Region::arm_tick() {
  if (tick_armed_ || sessions_.empty() || !poses_.table_wanted()) return;
  tick_armed_ = true;
  const Time earliest = last_tick_ + Duration(1'000'000 / (options_.state_hz * TABLE_TURNS));
  const Duration wait = earliest > now() ? earliest - now() : Duration(0);
  after(wait, [this] { tick(); });
}

void Region::tick() {
  tick_armed_ = false;
  last_tick_ = now();
  ++figures_.ticks;
  const std::shared_ptr<const PoseTable> table = poses_.table(world_.clock.wall(), head_.frame);
  std::set<PosePort*> told;
  for (const auto& [id, session] : sessions_) {
    if (told.insert(session.poses.get()).second) session.poses->tell(table);
  }
  arm_tick();
}

}  // namespace everframe::region
