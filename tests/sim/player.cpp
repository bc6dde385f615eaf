#include "player.h"

#include <algorithm>

#include "tunnel.h"
#include "wire/codec.h"

namespace everframe::sim {

namespace {

using Step = SessionJournal::Step;

constexpr Duration TICK = 10ms;
constexpr Duration ASKING_MAX = 3s;  // of an HTTP exchange
constexpr Duration CONNECTING_MAX = 4s;
constexpr Duration SILENCE_MAX = 1'500ms;  // without an answer to a ping
constexpr Duration PING_EVERY = 400ms;
constexpr Duration BUSY_WAIT = 200ms;
constexpr std::size_t UNANSWERED_OWN = 12;  // the protocol allows 32
constexpr std::size_t STATE_BUFFERED_MAX = 300;

Duration every(double a_second) {
  return Duration(static_cast<std::int64_t>(1e6 / a_second));
}

}  // namespace

template <class... Args>
void Player::trouble(fmt::format_string<Args...> format, Args&&... args) {
  around_.journal.troubles.push_back(
      fmt::format("player {}: {}", index_, fmt::format(format, std::forward<Args>(args)...)));
  around_.world.note("TROUBLE {}", around_.journal.troubles.back());
}

Player::Player(std::size_t index, Surroundings& around)
    : index_(index),
      around_(around),
      host_(
          Address::v4(10, 1, static_cast<std::uint8_t>(index >> 8), static_cast<std::uint8_t>(index + 1), 0)),
      dice_(around.world.dice().next()) {
  around_.journal.players.resize(std::max(around_.journal.players.size(), index + 1));
}

Player::~Player() {
  end();
}

// ---- coming and going ----

void Player::enter() {
  process_ =
      std::make_unique<platform_sim::Process>(around_.world, fmt::format("player {}.{}", index_, ++lives_));
  network_ = around_.network.host(*process_, host_);
  alive_ = std::make_shared<Player*>(this);
  habits_.emplace(around_.pack, dice_.next());
  state_ = State::OUT;
  due_ = around_.world.now();
  executor().post([this, alive = alive_] {
    if (*alive != nullptr) tick();
  });
}

void Player::kill() {
  if (!process_) return;
  around_.world.note("player {}: killed", index_);
  *alive_ = nullptr;
  process_->stop();
  if (state_ != State::OUT) step(Step::CLOSED);
  connection_.reset();
  platform_sim::Process::bury({process_.get()}, [] {});
  dead_.push_back(std::move(process_));
  around_.world.after(Duration(dice_.between(50'000, 400'000)), [this] { enter(); });
}

void Player::end() {
  if (!process_) return;
  *alive_ = nullptr;
  process_->stop();
  connection_.reset();
  platform_sim::Process::bury({process_.get()}, [] {});
}

void Player::drop_connection() {
  if (!process_ || !in_world()) return;
  executor().post([this, alive = alive_] {
    if (*alive == nullptr || !in_world()) return;
    connection_->close("changed my mind");
    over_ = "dropped";
  });
}

void Player::connect() {
  state_ = State::ASKING;
  over_.reset();
  due_ = executor().now() + ASKING_MAX;
  ++attempts_;
  session_ = around_.journal.sessions.size();
  around_.journal.sessions.push_back({index_, executor().now(), around_.journal.shown, {Step::ASKED}});
  connection_ = connection();
  connection_->enter({token_, fmt::format("Player {}", index_)}, [this](const Result<std::string>& token) {
    if (!token) return lose(token.error().text);
    state_ = State::CONNECTING;
    due_ = executor().now() + CONNECTING_MAX;
  });
}

std::unique_ptr<bots::Connection> Player::connection() {
  auto receive = [this](bots::Connection::Channel channel, ByteView bytes, Time) {
    received(channel, bytes);
  };
  if (around_.tunnels_permille > 0 && dice_.below(1'000) < around_.tunnels_permille) {
    auto ask_for_tunnel = [this](const bots::Who& who, std::unique_ptr<gateway::TunnelSocket> end,
                                 Tunnel::Replied replied) {
      gateway::Connect request;
      request.tunnel = std::move(end);
      ask(who, std::move(request), std::move(replied));
    };
    return std::make_unique<Tunnel>(around_.world, around_.network, around_.cut_off, executor(),
                                    std::move(ask_for_tunnel), std::move(receive));
  }
  auto ask_with_offer = [this](const bots::Who& who, std::string offer, auto answered) {
    gateway::Connect request;
    request.offer = std::move(offer);
    ask(who, std::move(request), [answered = std::move(answered)](Result<gateway::ConnectAnswer> answer) {
      if (!answer) return answered(tl::unexpected<Error>(answer.error()));
      answered(bots::ConnectAnswer{std::move(answer->sdp), std::move(answer->token)});
    });
  };
  return std::make_unique<bots::Peer>(executor(), *network_, around_.certificate, dice_.next(), figures_,
                                      std::move(ask_with_offer), std::move(receive));
}

void Player::ask(const bots::Who& who, gateway::Connect request,
                 Function<void(Result<gateway::ConnectAnswer>)> answered) {
  request.token = who.token;
  request.name = who.name;
  request.from = host_;
  request.reply = [this, alive = alive_, session = session_,
                   answered = std::move(answered)](gateway::ConnectReply reply) {
    if (*alive == nullptr || state_ != State::ASKING || session != session_) return;
    if (const auto* refusal = std::get_if<gateway::ConnectRefusal>(&reply)) {
      step(Step::REFUSED);
      if (refusal->status == 401) trouble("its token is unknown");
      return answered(fail("{}", refusal->code));
    }
    auto& answer = std::get<gateway::ConnectAnswer>(reply);
    know(answer);
    step(Step::ANSWERED);
    answered(std::move(answer));
  };
  around_.connect(std::move(request), executor());
}

void Player::know(const gateway::ConnectAnswer& answer) {
  PlayerJournal& journal = around_.journal.players[index_];
  if (!token_) {
    token_ = answer.token;
    journal.token = answer.token;
  } else if (*token_ != answer.token) {
    trouble("came back under another token");
  }
  if (raw(journal.id) != 0 && journal.id != answer.player)
    trouble("came back as player {}", raw(answer.player));
  journal.id = answer.player;
}

void Player::lose(const std::string& why) {
  around_.world.note("player {}: {}", index_, why);
  step(Step::CLOSED);
  state_ = State::OUT;
  pinged_.reset();
  const std::int64_t longest = std::min<std::int64_t>(1'000'000, 60'000LL << std::min(attempts_, 5U));
  due_ = executor().now() + Duration(dice_.between(longest / 2, longest));
}

void Player::tick() {
  const Time now = executor().now();
  if (state_ == State::OUT && due_ <= now) connect();
  if (state_ == State::ASKING && due_ <= now) lose("no answer to its request");
  if (state_ == State::IN_WORLD) {
    if (pose_due_ <= now) pose();
    if (act_due_ <= now) act();
    if (ping_due_ <= now) {
      ping_due_ = now + PING_EVERY;
      if (!pinged_) {
        pinged_ = now;
        send(wire::Ping{++nonce_});
      }
    }
  }
  if (state_ == State::CONNECTING || state_ == State::IN_WORLD) {
    connection_->tick();
    if (over_) {
      lose(*over_);
    } else if (connection_->lost()) {
      lose(*connection_->lost());
    } else if (state_ == State::CONNECTING && due_ <= now) {
      lose("no welcome in time");
    } else if (pinged_ && now - *pinged_ > SILENCE_MAX) {
      connection_->close("the server has fallen silent");
      lose("the server has fallen silent");
    }
  }
  executor().after(TICK, [this, alive = alive_] {
    if (*alive != nullptr) tick();
  });
}

// ---- what it is told ----

void Player::step(Step step) {
  auto& steps = around_.journal.sessions[session_].steps;
  if (step != Step::EVENT || steps.back() != Step::EVENT) steps.push_back(step);
}

void Player::shown(FrameNo frame) {
  around_.journal.shown = std::max(around_.journal.shown, frame);
}

void Player::received(bots::Connection::Channel channel, ByteView bytes) {
  if (state_ != State::CONNECTING && state_ != State::IN_WORLD) return;
  if (channel == bots::Connection::Channel::STATE) {
    const auto state = wire::decode_server_state(bytes);
    if (!state) return trouble("{}", state.error().text);
    return shown(state->frame);
  }
  const auto event = wire::decode_server_event(bytes);
  if (!event) return trouble("{}", event.error().text);
  const bool welcome = std::holds_alternative<wire::Welcome>(*event);
  const bool goodbye = std::holds_alternative<wire::Goodbye>(*event);
  step(welcome ? Step::WELCOME : goodbye ? Step::GOODBYE : Step::EVENT);
  std::visit([this](const auto& said) { on(said); }, *event);
}

void Player::on(const wire::Welcome& welcome) {
  PlayerJournal& journal = around_.journal.players[index_];
  if (journal.id != welcome.player) trouble("welcomed as player {}", raw(welcome.player));
  if (raw(journal.body) != 0 && journal.body != welcome.body)
    trouble("came back in body {}", raw(welcome.body));
  journal.body = welcome.body;
  // What anybody had been shown before this session was asked for is durable: no world after it is older.
  if (welcome.frame < around_.journal.sessions[session_].shown_before) {
    trouble("welcomed at frame {}, though frame {} had been shown before", raw(welcome.frame),
            raw(around_.journal.sessions[session_].shown_before));
  }
  if (welcome.last_seq > last_seq_)
    trouble("action {} counts as its own, it never sent it", raw(welcome.last_seq));
  shown(welcome.frame);
  session_frame_ = welcome.frame;
  attempts_ = 0;
  state_ = State::IN_WORLD;
  replica_.clear();
  habits_->place(welcome.position);
  const Time now = executor().now();
  pose_seq_ = 0;
  pose_last_ = now;
  pose_due_ = now + Duration(dice_.between(0, every(around_.poses_a_second).count()));
  act_due_ = std::max(act_due_, now + Duration(dice_.between(0, every(around_.actions_a_second).count())));
  ping_due_ = now + PING_EVERY;
  turned_away_ = false;
  around_.world.note("player {}: in the world at frame {}, {} actions to send again", index_,
                     raw(welcome.frame), actions_.size());
  for (const wire::Action& action : std::deque<wire::Action>(actions_)) send(wire::ClientEvent(action));
}

void Player::on(const wire::Accepted& accepted) {
  around_.journal.players[index_].accepted.emplace(accepted.seq, executor().now());
}

void Player::on(const wire::Applied& applied) {
  settle(applied.seq, {applied.frame, 0});
}

void Player::on(const wire::Refused& refused) {
  if (raw(refused.frame) != 0) return settle(refused.seq, {refused.frame, refused.reason});
  if (around_.journal.players[index_].accepted.contains(refused.seq))
    trouble("action {} was accepted, then turned away", raw(refused.seq));
  turned_away_ = true;
  act_due_ = std::max(act_due_, executor().now() + BUSY_WAIT);
}

void Player::settle(ActionSeq seq, Answer answer) {
  shown(answer.frame);
  PlayerJournal& journal = around_.journal.players[index_];
  if (seq > journal.last_sent) return trouble("an answer to action {}, which it never sent", raw(seq));
  const auto [first, is_new] = journal.answers.emplace(seq, answer);
  if (!is_new) {
    if (first->second != answer) {
      trouble("action {} was answered with frame {} reason {}, now with frame {} reason {}", raw(seq),
              raw(first->second.frame), first->second.reason, raw(answer.frame), answer.reason);
    }
    return;
  }
  ++around_.journal.answered;
  around_.journal.applied += answer.reason == 0 ? 1 : 0;
  std::erase_if(actions_, [seq](const wire::Action& each) { return each.seq == seq; });
}

void Player::on(const wire::Inventory& inventory) {
  shown(inventory.frame);
  replica_.carried = inventory.stacks;
  around_.journal.inventories.push_back({index_, inventory.frame, inventory.stacks});
}

void Player::on(const wire::ChunkSnapshot& snapshot) {
  shown(FrameNo{snapshot.version});
  around_.journal.sights.push_back(
      {executor().now(), index_, session_, snapshot.chunk, snapshot.version, 0, true, snapshot.entities, {}});
  replica_.take(snapshot);
}

void Player::on(const wire::ChunkChanges& changes) {
  shown(changes.frame);
  if (raw(changes.frame) != changes.version)
    trouble("changes of frame {} have version {}", raw(changes.frame), changes.version);
  around_.journal.sights.push_back({executor().now(), index_, session_, changes.chunk, changes.version,
                                    changes.from_version, false, changes.upserts, changes.removed});
  if (!replica_.take(changes)) send(wire::Resync{changes.chunk});
}

void Player::on(const wire::ChunkForget& forget) {
  replica_.forget(forget.chunk);
}

void Player::on(const wire::Pong& pong) {
  shown(pong.frame);
  if (pong.frame < session_frame_)
    trouble("told of frame {} after frame {}", raw(pong.frame), raw(session_frame_));
  session_frame_ = pong.frame;
  if (pong.nonce == nonce_) pinged_.reset();
}

void Player::on(const wire::Goodbye& goodbye) {
  if (goodbye.reason == wire::GoodbyeReason::PROTOCOL_ERROR)
    trouble("broke the protocol: {}", goodbye.detail);
  over_ = fmt::format("goodbye {}: {}", static_cast<int>(goodbye.reason), goodbye.detail);
}

void Player::on(const wire::Moved& moved) {
  habits_->place(moved.position);
}

// ---- what it does ----

void Player::send(const wire::ClientEvent& event) {
  scratch_.clear();
  wire::encode(scratch_, event);
  if (!connection_->send(bots::Connection::Channel::EVENTS, scratch_) && !over_)
    over_ = "the connection takes nothing more";
}

wire::ActionBody Player::choose() {
  // The bots never touch chests; here everybody has a hand in everybody's.
  if (dice_.below(4) == 0 && !replica_.carried.empty()) {
    const Vec3 here = habits_->walk(replica_, Duration(0)).position;
    for (const wire::EntityView* entity : replica_.near(here, around_.pack.reach_mm)) {
      const bots::Pack::Thing* thing = around_.pack.thing(entity->type);
      if (thing == nullptr || thing->kind != "container") continue;
      if (dice_.below(3) == 0) return wire::Interact{entity->id};
      const bool out = dice_.below(2) == 0 && !entity->stacks.empty();
      const auto& stacks = out ? entity->stacks : replica_.carried;
      return wire::Transfer{entity->id, {stacks[dice_.below(stacks.size())].item, 1 + dice_.below(3)}, out};
    }
  }
  return habits_->act(replica_);
}

void Player::act() {
  const Time now = executor().now();
  if (std::exchange(turned_away_, false)) {
    for (const wire::Action& action : std::deque<wire::Action>(actions_)) send(wire::ClientEvent(action));
  }
  act_due_ += every(around_.actions_a_second);
  if (act_due_ < now) act_due_ = now;
  if (resting_ || actions_.size() >= UNANSWERED_OWN) return;
  begin_action();
  if (dice_.below(4) == 0 && actions_.size() < UNANSWERED_OWN) begin_action();  // now and then two at once
}

void Player::begin_action() {
  last_seq_ = next(last_seq_);
  PlayerJournal& journal = around_.journal.players[index_];
  journal.last_sent = last_seq_;
  journal.sent.emplace(last_seq_, executor().now());
  actions_.push_back(wire::Action{last_seq_, choose()});
  send(wire::ClientEvent(actions_.back()));
}

void Player::resend() {
  if (!process_ || !in_world()) return;
  executor().post([this, alive = alive_] {
    if (*alive == nullptr || !in_world() || raw(last_seq_) == 0) return;
    ++around_.journal.resent;
    const auto found = std::find_if(actions_.begin(), actions_.end(),
                                    [this](const wire::Action& each) { return each.seq == last_seq_; });
    // One that was answered is sent with another body: only its number counts.
    send(found != actions_.end() ? wire::ClientEvent(*found)
                                 : wire::ClientEvent(wire::Action{last_seq_, choose()}));
  });
}

void Player::pose() {
  const Time now = executor().now();
  pose_due_ += every(around_.poses_a_second);
  if (pose_due_ < now) pose_due_ = now + every(around_.poses_a_second);
  if (connection_->buffered(bots::Connection::Channel::STATE) > STATE_BUFFERED_MAX) return;
  const wire::PoseUpdate update{++pose_seq_, habits_->walk(replica_, now - pose_last_)};
  pose_last_ = now;
  scratch_.clear();
  wire::encode(scratch_, update);
  connection_->send(bots::Connection::Channel::STATE, scratch_);
}

}  // namespace everframe::sim
