#include "gateway/session.h"

#include "base/log.h"
#include "base/planted.h"
#include "gateway/peer.h"
#include "wire/codec.h"

namespace everframe::gateway {

namespace {

class Port final : public region::SessionPort {
 public:
  explicit Port(actor::Ref<SessionMessage> session) : session_(std::move(session)) {}
  ~Port() override {
    if (!ended_) session_.cast(RegionLost{});
  }
  void tell(region::ToSession message) override {
    if (std::holds_alternative<region::Ended>(message)) ended_ = true;
    session_.cast(FromRegion{std::move(message)});
  }

 private:
  const actor::Ref<SessionMessage> session_;
  bool ended_ = false;
};

}  // namespace

Session::Session(actor::Life life, SessionSurroundings surroundings, SessionId id, Connect request)
    : Actor(std::move(life)),
      around_(std::move(surroundings)),
      id_(id),
      request_(std::move(request)),
      interest_(around_.settings.view_chunks, around_.settings.world_edge_mm) {
  ++around_.figures->sessions[static_cast<std::size_t>(state_)];
}

Session::~Session() {
  --around_.figures->sessions[static_cast<std::size_t>(state_)];
  if (request_.reply)
    request_.reply(ConnectRefusal{503, "internal", "the session met a bug of ours: try again"});
  if (state_ != State::CLOSED) around_.region.cast(region::Leave{id_});
  if (is_tunnel_) --around_.figures->tunnels;
}

void Session::become(State state) {
  EF_ASSERT(licensed(state_, state));
  --around_.figures->sessions[static_cast<std::size_t>(state_)];
  ++around_.figures->sessions[static_cast<std::size_t>(state)];
  state_ = state;
  ++phase_;
  if (state >= State::IN_WORLD) request_.ticket.joined();
}

void Session::expect_within(Duration span, const char* what) {
  after(span, [this, phase = phase_, what] {
    if (phase != phase_) return;
    log::info("session {}: {} took too long", raw(id_), what);
    if (state_ == State::ADMITTING)
      return refuse(503, "store", "the world did not answer in time: try again");
    if (state_ == State::ENTERING) return goodbye(wire::GoodbyeReason::UNAVAILABLE, "entering took too long");
    become(State::CLOSED);
    stop();
  });
}

void Session::on_start() {
  expect_within(ADMITTING_MAX, "admitting");
  region::Admit admit;
  admit.token = request_.token;
  admit.name = request_.name;
  admit.answered = [self = self()](std::variant<region::Admission, std::string> answer) {
    self.cast(Admitted{std::move(answer)});
  };
  if (around_.region.cast(std::move(admit)) != actor::Delivery::DELIVERED) {
    refuse(503, "full", "the world has too much to do: try again");
  }
}

void Session::receive(SessionMessage message) {
  std::visit([this](auto&& said) { on(std::move(said)); }, std::move(message));
}

// ---- admitting ----

void Session::refuse(unsigned status, std::string code, std::string message) {
  ++around_.figures->connects_refused;
  std::exchange(request_.reply, nullptr)(ConnectRefusal{status, std::move(code), std::move(message)});
  become(State::CLOSED);
  stop();
}

void Session::on(Admitted message) {
  if (state_ != State::ADMITTING) return;
  if (const auto* why = std::get_if<std::string>(&message.answer)) {
    if (*why == region::UNKNOWN_TOKEN) {
      return refuse(401, *why, "no player has this token: connect without one to make a new player");
    }
    if (*why == region::DRAINING) return refuse(503, *why, "the server stops: try again soon");
    return refuse(503, *why, "the store does not answer: try again later");
  }
  auto& admission = std::get<region::Admission>(message.answer);
  ConnectAnswer answer;
  if (const auto opened = open_carrier(answer); !opened) {
    const bool full = opened.error().code == 503;
    return refuse(full ? 503 : 400, full ? "full" : "bad_offer", opened.error().text);
  }
  answer.token = std::move(admission.token);
  answer.player = player_ = admission.player;
  become(State::CONNECTING);
  expect_within(CONNECTING_MAX, "connecting");
  std::exchange(request_.reply, nullptr)(std::move(answer));
  request_.offer.clear();
  request_.offer.shrink_to_fit();
}

// ---- the carrier ----

Result<void> Session::open_carrier(ConnectAnswer& answer) {
  Carrier::Tell tell = [self = self()](CarrierEvent event) { self.cast(Happened{std::move(event)}); };
  if (request_.tunnel) {
    const auto tunnel =
        std::make_shared<Tunnel>(executor(), std::exchange(request_.tunnel, nullptr), std::move(tell));
    answer.tunnel = tunnel->mouth();
    carrier_ = tunnel;
    is_tunnel_ = true;
    ++around_.figures->tunnels;
    ++around_.figures->tunnels_opened;
    return {};
  }
  auto accepted = Peer::accept(around_.line, request_.offer, around_.figures, std::move(tell));
  if (!accepted) return tl::unexpected<Error>(accepted.error());
  answer.sdp = std::move(accepted->answer);
  carrier_ = std::move(accepted->carrier);
  return {};
}

void Session::on(Happened message) {
  std::visit([this](const auto& what) { told(what); }, message.event);
}

void Session::told(const CarrierClosed& closed) {
  log::info("session {} of player {}: the {} is gone in {}: {}", raw(id_), raw(player_),
            is_tunnel_ ? "tunnel" : "peer", name_of(state_), closed.reason);
  carrier_.reset();
  if (state_ == State::CLOSED) return;
  if (state_ != State::CONNECTING) around_.region.cast(region::Leave{id_});
  become(State::CLOSED);
  stop();
}

void Session::told(const CarrierOpened&) {
  if (state_ != State::CONNECTING) return;
  become(State::ENTERING);
  expect_within(ENTERING_MAX, "entering");
  region::Enter enter{id_, player_, std::make_shared<Port>(self()), around_.poses};
  if (!ask_region(std::move(enter)))
    goodbye(wire::GoodbyeReason::UNAVAILABLE, "the world has too much to do");
}

void Session::told(const CarrierBroken& broken) {
  goodbye(wire::GoodbyeReason::PROTOCOL_ERROR, broken.how);
}

void Session::told(const ChannelClosed&) {
  goodbye(wire::GoodbyeReason::LEFT, "a channel was closed");
}

bool Session::within_rate() {
  const Time time = now();
  const auto gained =
      static_cast<std::uint64_t>((time - rate_since_).count()) * MESSAGES_A_SECOND / 1'000'000;
  if (gained > 0) {
    rate_since_ = time;
    rate_allowance_ =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(rate_allowance_ + gained, 2 * MESSAGES_A_SECOND));
  }
  if (rate_allowance_ == 0) return false;
  --rate_allowance_;
  return true;
}

void Session::told(const CarrierMessage& message) {
  if (state_ == State::LEAVING || state_ == State::CLOSED) return;
  around_.figures->bytes_in += message.bytes.size();
  if (state_ != State::IN_WORLD) {
    // Poses may come early: the client does not know yet that it is not in the world. Anything else must
    // wait.
    if (message.channel == Channel::STATE) return;
    if (state_ == State::CONNECTING) return;
    return goodbye(wire::GoodbyeReason::PROTOCOL_ERROR, "a message before the welcome");
  }
  if (!message.binary) return goodbye(wire::GoodbyeReason::PROTOCOL_ERROR, "a text message: all are binary");
  if (!within_rate()) {
    return goodbye(wire::GoodbyeReason::PROTOCOL_ERROR,
                   fmt::format("more than {} messages a second", MESSAGES_A_SECOND));
  }
  if (message.channel == Channel::EVENTS) return on_event(message.bytes);
  on_state(message.bytes);
}

void Session::on_event(ByteView bytes) {
  ++around_.figures->events_in;
  if (bytes.size() > wire::CLIENT_EVENT_MAX) {
    return goodbye(wire::GoodbyeReason::PROTOCOL_ERROR,
                   fmt::format("{} bytes on events: at most {}", bytes.size(), wire::CLIENT_EVENT_MAX));
  }
  auto event = wire::decode_client_event(bytes);
  if (!event) return goodbye(wire::GoodbyeReason::PROTOCOL_ERROR, event.error().text);
  if (auto* action = std::get_if<wire::Action>(&*event)) {
    const ActionSeq seq = action->seq;
    if (!ask_region(region::Act{id_, std::move(*action)})) {
      constexpr std::uint8_t BUSY =
          17;  // world/refusal.h, a number of spec/wire.md; this room cannot see that one
      send_event(wire::Refused{seq, FrameNo{0}, BUSY});
    }
  } else if (const auto* ping = std::get_if<wire::Ping>(&*event)) {
    send_event(wire::Pong{ping->nonce, frame_, around_.clock.wall()});
  } else if (std::holds_alternative<wire::Leave>(*event)) {
    goodbye(wire::GoodbyeReason::LEFT, {});
  } else if (const auto* resync = std::get_if<wire::Resync>(&*event)) {
    if (interest_.sees(resync->chunk)) ask_region(region::Resync{id_, resync->chunk});
  }
}

void Session::on_state(ByteView bytes) {
  ++around_.figures->states_in;
  if (bytes.size() > wire::CLIENT_STATE_MAX) {
    return goodbye(wire::GoodbyeReason::PROTOCOL_ERROR,
                   fmt::format("{} bytes on state: at most {}", bytes.size(), wire::CLIENT_STATE_MAX));
  }
  auto update = wire::decode_client_state(bytes);
  if (!update) return goodbye(wire::GoodbyeReason::PROTOCOL_ERROR, update.error().text);
  ask_region(
      region::PoseMade{id_, std::move(*update)});  // one that finds no room is like one lost on the way
}

// ---- the region ----

bool Session::ask_region(region::Message message) {
  return around_.region.cast(std::move(message)) == actor::Delivery::DELIVERED;
}

void Session::on(FromRegion message) {
  if (state_ != State::ENTERING && state_ != State::IN_WORLD) return;
  std::visit([this](auto&& said) { told(std::move(said)); }, std::move(message.message));
}

void Session::told(region::Entered entered) {
  become(State::IN_WORLD);
  rate_since_ = now();
  frame_ = entered.frame;
  avatars_.emplace(player_, around_.settings.view_chunks, around_.settings.state_bytes_a_second);
  wire::Welcome welcome;
  welcome.player = entered.player;
  welcome.body = entered.body;
  welcome.name = std::move(entered.name);
  welcome.position = entered.position;
  welcome.yaw = entered.yaw;
  welcome.frame = entered.frame;
  welcome.last_seq = entered.last_seq;
  welcome.state_hz = around_.settings.state_hz;
  welcome.view_chunks = around_.settings.view_chunks;
  welcome.chunk_size = CHUNK_SIZE_MM;
  welcome.content_hash = around_.settings.content_hash;
  welcome.wall = around_.clock.wall();
  if (!send_event(std::move(welcome))) return;
  if (!send_event(wire::Inventory{entered.frame, std::move(entered.inventory)})) return;
  look_around(entered.position);
}

void Session::told(region::Told told) {
  if (const auto* applied = std::get_if<wire::Applied>(&told.event))
    frame_ = std::max(frame_, applied->frame);
  if (around_.settings.steps != nullptr) {
    if (auto step = region::step_of(player_, told.event)) {
      using Kind = region::Step::Kind;
      step->kind = step->kind == Kind::ACCEPTED ? Kind::SAY_ACCEPTED : Kind::SAY_ANSWER;
      around_.settings.steps->take(*step);
    }
  }
  if (!send_event(told.event)) return;
  const bool is_answer = std::holds_alternative<wire::Accepted>(told.event) ||
                         std::holds_alternative<wire::Applied>(told.event) ||
                         std::holds_alternative<wire::Refused>(told.event);
  if (is_answer) carrier_->hurry();
}

void Session::told(region::ToldAll told) {
  if (!interest_.sees(told.chunk)) return;
  if (std::exchange(shown_since_turn_, true)) return hold(std::move(told.bytes));
  send_event_bytes(*told.bytes);
}

void Session::hold(region::SharedBytes bytes) {
  constexpr std::size_t CHUNK_EXTRA = 19;  // an SCTP DATA chunk's header, and its padding
  held_bytes_ += bytes->size() + CHUNK_EXTRA;
  held_.push_back(std::move(bytes));
  if (held_bytes_ > HELD_BYTES_MAX) return send_held();
  if (std::exchange(held_timer_, true)) return;
  after(HELD_TIME_MAX, [this] {  // nobody moves, so no turn may come
    held_timer_ = false;
    send_held();
  });
}

void Session::send_held() {
  held_bytes_ = 0;
  for (const region::SharedBytes& bytes : std::exchange(held_, {})) {
    if (!send_event_bytes(*bytes)) return;
  }
}

void Session::told(region::Ended ended) {
  goodbye(ended.reason, std::move(ended.detail));
}

void Session::on(RegionLost) {
  if (state_ == State::ENTERING || state_ == State::IN_WORLD) {
    goodbye(wire::GoodbyeReason::INTERNAL, "the region met a bug of ours and restarts");
  }
}

void Session::look_around(const Vec3& position) {
  Interest::Change change = interest_.move_to(position);
  for (const ChunkCode code : change.lost) {
    if (!send_event(wire::ChunkForget{code})) return;
  }
  if (!change.lost.empty()) ask_region(region::Unwatch{id_, std::move(change.lost)});
  if (change.gained.empty()) return;
  if (!ask_region(region::Watch{id_, std::move(change.gained)})) {
    goodbye(wire::GoodbyeReason::UNAVAILABLE, "the world has too much to do");
  }
}

// ---- poses ----

void Session::on(PosesCame message) {
  if (state_ != State::IN_WORLD) return;
  const region::PoseTable& table = *message.table;
  frame_ = std::max(frame_, table.frame);
  const std::size_t shared = held_bytes_;
  send_held();
  shown_since_turn_ = false;
  if (state_ != State::IN_WORLD) return;  // it was too slow
  const Avatars::Shown& shown = avatars_->look(table, shared);
  if (shown.position) look_around(*shown.position);
  for (const region::PoseRow* row : shown.came) {
    if (!send_event(wire::Avatar{row->body, row->player, *row->name})) return;
  }
  for (const EntityId body : shown.went) {
    if (!send_event(wire::AvatarGone{body})) return;
  }
  if (state_ != State::IN_WORLD || !shown.worth_sending) return;
  rows_.clear();
  for (const region::PoseRow* row : shown.poses) rows_.push_back(table.encoded_of(*row));
  wire::State head;
  head.tick = table.tick;
  head.wall_ms_low = static_cast<std::uint32_t>(table.wall);
  head.frame = table.frame;
  head.pose_seq = shown.pose_seq;
  scratch_.clear();
  wire::encode_state(scratch_, head, rows_);
  const transport::SendOutcome outcome = carrier_->send(Channel::STATE, scratch_);
  ++around_.figures->states_out;
  around_.figures->bytes_out += scratch_.size();
  if (outcome == transport::SendOutcome::REPLACED || outcome == transport::SendOutcome::QUEUE_FULL) {
    ++around_.figures->states_dropped;
  }
}

// ---- out ----

bool Session::send_event(const wire::ServerEvent& event) {
  if (!held_.empty()) send_held();  // events keep their order
  scratch_.clear();
  wire::encode(scratch_, event);
  return send_event_bytes(scratch_);
}

bool Session::send_event_bytes(ByteView bytes) {
  if (state_ == State::CLOSED || !carrier_) return false;
  ++around_.figures->events_out;
  around_.figures->bytes_out += bytes.size();
  const transport::SendOutcome outcome = carrier_->send(Channel::EVENTS, bytes);
  const bool slow = outcome == transport::SendOutcome::QUEUE_FULL || carrier_->buffered() > WAITING_BYTES_MAX;
  if (slow && state_ != State::LEAVING) {
    goodbye(wire::GoodbyeReason::TOO_SLOW, "too much waits for you");
    return false;
  }
  return !slow && outcome != transport::SendOutcome::CLOSED;
}

// ---- the end ----

void Session::on(SayGoodbye message) {
  switch (state_) {
    case State::ADMITTING:
      return refuse(503, "draining", "the server stops: try again soon");
    case State::CONNECTING:
      become(State::CLOSED);
      return stop();
    case State::ENTERING:
    case State::IN_WORLD:
      return goodbye(message.reason, std::move(message.detail));
    case State::LEAVING:
    case State::CLOSED:
      return;
  }
}

void Session::goodbye(wire::GoodbyeReason reason, std::string detail) {
  if (state_ != State::ENTERING && state_ != State::IN_WORLD) return;
  ++around_.figures->goodbyes[static_cast<std::size_t>(reason)];
  if (reason != wire::GoodbyeReason::LEFT) {
    log::info("session {} of player {} ends: reason {}, {}", raw(id_), raw(player_), static_cast<int>(reason),
              detail);
  }
  around_.region.cast(region::Leave{id_});
  become(State::LEAVING);
  if (detail.size() > wire::DETAIL_MAX) detail.resize(wire::DETAIL_MAX);
  send_event(wire::Goodbye{reason, std::move(detail)});
  if (is_planted(Planted::SPOKE_AFTER_GOODBYE)) send_event(wire::Pong{});
  close_when_drained(now() + LEAVING_MAX);
}

void Session::close_when_drained(Time deadline) {
  if (state_ != State::LEAVING) return;
  if (now() >= deadline || carrier_->buffered() == 0) {
    become(State::CLOSED);
    return stop();
  }
  after(20ms, [this, deadline] { close_when_drained(deadline); });
}

}  // namespace everframe::gateway
