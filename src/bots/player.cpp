#include "bots/player.h"

#include <algorithm>

#include "bots/peer.h"
#include "bots/tunnel.h"
#include "wire/codec.h"

namespace everframe::bots {

namespace {

constexpr Duration CONNECTING_MAX = 20s;  // as the server allows
constexpr Duration LEAVING_MAX = 2s;
constexpr Duration PING_EVERY = 1s;
constexpr Duration BACKOFF_MIN = 250ms;
constexpr Duration BACKOFF_MAX = 4s;
constexpr Duration BUSY_WAIT = 250ms;       // before what was turned away is sent again
constexpr std::size_t UNANSWERED_OWN = 16;  // actions; the protocol allows 32
constexpr std::size_t ANSWERS_KEPT = 256;
constexpr std::size_t POSES_KEPT = 256;
constexpr std::size_t STATE_BUFFERED_MAX = 300;  // bytes: spec/wire.md section 4

Duration every(double a_second) {
  return Duration(static_cast<std::int64_t>(1e6 / a_second));
}

}  // namespace

Player::Player(std::size_t index, const Surroundings& around, Habit habit, Witness* witness)
    : index_(index),
      around_(around),
      habit_(std::move(habit)),
      witness_(witness),
      habits_(around.pack, habit_.seed),
      dice_(habit_.connection_seed) {}

void Player::trouble(const std::string& what) {
  if (witness_ != nullptr) witness_->trouble(index_, what);
}

// ---- coming and going ----

void Player::enter() {
  const Time now = around_.executor.now();
  state_ = State::SIGNALING;
  since_ = attempts_++ == 0 ? now : since_;
  goodbye_.reset();
  connection_ = connect();
  connection_->enter({token_, habit_.name},
                     [this](Result<std::string> token) { answered(std::move(token)); });
}

std::unique_ptr<Connection> Player::connect() {
  Connection::Receive receive = [this](Connection::Channel channel, ByteView bytes, Time arrived) {
    heard_at_ = arrived;
    received(channel, bytes);
  };
  if (around_.carrier == CarrierKind::WEBSOCKET) {
    return std::make_unique<Tunnel>(around_.executor, around_.signaling.server(), around_.figures,
                                    std::move(receive));
  }
  Peer::Ask ask = [&signaling = around_.signaling](const Who& who, std::string offer, auto answered) {
    signaling.connect(who, std::move(offer), std::move(answered));
  };
  return std::make_unique<Peer>(around_.executor, around_.network, around_.certificate, dice_.next(),
                                around_.figures, std::move(ask), std::move(receive));
}

void Player::answered(Result<std::string> token) {
  if (state_ != State::SIGNALING) return;
  if (!token) {
    ++around_.figures.connect_failures;
    trouble(token.error().text);
    return come_back();
  }
  token_ = std::move(*token);
  state_ = State::CONNECTING;
  due_ = around_.executor.now() + CONNECTING_MAX;
}

void Player::lose(const std::string& why) {
  if (state_ == State::LEAVING) {
    state_ = State::LEFT;
    return;
  }
  ++around_.figures.losses;
  trouble(why);
  come_back();
}

void Player::come_back() {
  const Time now = around_.executor.now();
  if (state_ == State::IN_WORLD) attempts_ = 0;
  state_ = State::WAITING;
  const Duration backoff = std::min(BACKOFF_MAX, BACKOFF_MIN * (1 << std::min<std::uint64_t>(attempts_, 4)));
  due_ = now + Duration(dice_.between(backoff.count() / 2, backoff.count()));
  if (attempts_ == 0) since_ = now;
  pinged_.reset();
  poses_.clear();
}

void Player::leave() {
  if (state_ != State::IN_WORLD) {
    if (connection_) connection_->close("left");
    state_ = State::LEFT;
    return;
  }
  send(wire::Leave{});
  state_ = State::LEAVING;
  due_ = around_.executor.now() + LEAVING_MAX;
}

void Player::tick() {
  const Time now = around_.executor.now();
  if (state_ == State::WAITING && due_ <= now) return enter();
  if (state_ != State::CONNECTING && state_ != State::IN_WORLD && state_ != State::LEAVING) return;
  if (state_ == State::IN_WORLD) {
    if (pose_due_ <= now) pose();
    if (act_due_ <= now) act();
    if (ping_due_ <= now) ping();
  }
  connection_->tick();
  if (goodbye_) return lose(*goodbye_);
  if (connection_->lost()) return lose(*connection_->lost());
  if (state_ == State::CONNECTING && due_ <= now) return lose("no welcome in time");
  if (state_ == State::LEAVING && due_ <= now) {
    connection_->close("left");
    state_ = State::LEFT;
  }
  if (state_ == State::IN_WORLD && pinged_ && now - *pinged_ > habit_.silence_max)
    return lose("the server has fallen silent");
}

// ---- what the server says ----

void Player::received(Connection::Channel channel, ByteView bytes) {
  if (state_ != State::CONNECTING && state_ != State::IN_WORLD) return;
  if (channel == Connection::Channel::STATE) {
    const auto state = wire::decode_server_state(bytes);
    if (state) return on(*state);
    ++around_.figures.protocol_errors;
    return trouble(state.error().text);
  }
  const auto event = wire::decode_server_event(bytes);
  if (event) return std::visit([this](const auto& said) { on(said); }, *event);
  ++around_.figures.protocol_errors;
  trouble(event.error().text);
}

void Player::on(const wire::Welcome& welcome) {
  const Time now = around_.executor.now();
  around_.figures.connect.add((now - since_).count());
  if (std::exchange(welcomed_, true)) ++around_.figures.returns;
  attempts_ = 0;
  state_ = State::IN_WORLD;
  replica_.clear();
  habits_.place(welcome.position);
  if (witness_ != nullptr) witness_->entered(index_, *token_, welcome);
  pose_seq_ = tick_seen_ = 0;
  pose_last_ = now;
  // Everybody at a moment of its own, so that a crowd does not act as one.
  pose_due_ = now + Duration(dice_.between(0, every(habit_.poses_a_second).count()));
  if (act_due_ < now) act_due_ = now + Duration(dice_.between(0, every(habit_.actions_a_second).count()));
  ping_due_ = now + PING_EVERY;
  last_seq_ = std::max(last_seq_, welcome.last_seq);
  // All that is unanswered goes out again, in order, whether it took effect or not: each has one effect.
  for (const Sent& sent : actions_) send(wire::ClientEvent(sent.action));
}

void Player::on(const wire::Accepted& accepted) {
  if (witness_ != nullptr) witness_->accepted(index_, accepted.seq);
  for (Sent& sent : actions_) {
    if (sent.action.seq != accepted.seq || std::exchange(sent.accepted, true)) continue;
    around_.figures.action_to_accepted.add((heard_at_ - sent.at).count());
  }
}

void Player::on(const wire::Applied& applied) {
  settle(applied.seq, applied.frame, 0);
}

void Player::on(const wire::Refused& refused) {
  if (raw(refused.frame) != 0) return settle(refused.seq, refused.frame, refused.reason);
  ++around_.figures.turned_away;
  turned_away_ = true;
  act_due_ = std::max(act_due_, around_.executor.now() + BUSY_WAIT);
}

void Player::settle(ActionSeq seq, FrameNo frame, std::uint8_t reason) {
  if (witness_ != nullptr) witness_->answered(index_, seq, frame, reason);
  const std::pair answer(frame, reason);
  const auto [first, is_new] = answers_.emplace(seq, answer);
  if (!is_new) {
    if (first->second != answer) ++around_.figures.contradictions;
    ++around_.figures.duplicates;
    return;
  }
  if (answers_.size() > ANSWERS_KEPT) answers_.erase(answers_.begin());
  const auto sent = std::find_if(actions_.begin(), actions_.end(),
                                 [seq](const Sent& each) { return each.action.seq == seq; });
  if (sent == actions_.end()) {
    ++around_.figures.protocol_errors;
    return trouble(fmt::format("an answer to action {}, which was not sent", raw(seq)));
  }
  around_.figures.action_to_applied.add((heard_at_ - sent->at).count());
  ++(reason == 0 ? around_.figures.applied : around_.figures.refused);
  actions_.erase(sent);
}

void Player::on(const wire::Inventory& inventory) {
  replica_.carried = inventory.stacks;
}

void Player::on(const wire::ChunkSnapshot& snapshot) {
  replica_.take(snapshot);
}

void Player::on(const wire::ChunkChanges& changes) {
  if (replica_.take(changes)) return;
  ++around_.figures.resyncs;
  send(wire::Resync{changes.chunk});
}

void Player::on(const wire::ChunkForget& forget) {
  replica_.forget(forget.chunk);
}

void Player::on(const wire::Pong& pong) {
  if (pong.nonce == ping_nonce_) pinged_.reset();
}

void Player::on(const wire::Goodbye& goodbye) {
  goodbye_ = fmt::format("goodbye {}: {}", static_cast<int>(goodbye.reason), goodbye.detail);
}

void Player::on(const wire::Moved& moved) {
  ++around_.figures.moved;
  habits_.place(moved.position);
}

void Player::on(const wire::State& state) {
  if (state.tick <= tick_seen_) return;  // an older one that was overtaken
  tick_seen_ = state.tick;
  while (!poses_.empty() && poses_.front().first <= state.pose_seq) {
    around_.figures.input_to_state.add((heard_at_ - poses_.front().second).count());
    poses_.pop_front();
  }
}

// ---- what the player does ----

void Player::send(const wire::ClientEvent& event) {
  scratch_.clear();
  wire::encode(scratch_, event);
  if (connection_->send(Connection::Channel::EVENTS, scratch_)) return;
  if (!goodbye_) goodbye_ = "the connection takes nothing more";
}

void Player::act() {
  const Time now = around_.executor.now();
  if (std::exchange(turned_away_, false)) {
    for (const Sent& sent : actions_) {
      if (!sent.accepted) send(wire::ClientEvent(sent.action));
    }
  }
  act_due_ += every(habit_.actions_a_second);
  if (act_due_ < now) act_due_ = now;
  if (resting_ || actions_.size() >= UNANSWERED_OWN) return;
  last_seq_ = next(last_seq_);
  actions_.push_back({wire::Action{last_seq_, habits_.act(replica_)}, now, false});
  ++around_.figures.sent;
  if (witness_ != nullptr) witness_->sent(index_, last_seq_);
  send(wire::ClientEvent(actions_.back().action));
}

void Player::pose() {
  const Time now = around_.executor.now();
  pose_due_ += every(habit_.poses_a_second);
  if (pose_due_ < now) pose_due_ = now + every(habit_.poses_a_second);
  if (connection_->buffered(Connection::Channel::STATE) > STATE_BUFFERED_MAX) return;
  const wire::PoseUpdate update{pose_seq_ + 1, habits_.walk(replica_, now - pose_last_)};
  pose_last_ = now;
  scratch_.clear();
  wire::encode(scratch_, update);
  if (!connection_->send(Connection::Channel::STATE, scratch_)) return;
  ++pose_seq_;
  if (witness_ != nullptr) witness_->walked(index_, update.pose.position);
  poses_.emplace_back(pose_seq_, now);
  if (poses_.size() > POSES_KEPT) poses_.pop_front();
}

void Player::ping() {
  const Time now = around_.executor.now();
  ping_due_ = now + PING_EVERY;
  if (pinged_) return;
  pinged_ = now;
  send(wire::Ping{++ping_nonce_});
}

}  // namespace everframe::bots
