#include "gateway/hub.h"

#include "base/log.h"
#include "transport/sdp.h"

namespace everframe::gateway {

namespace {

class Poses final : public region::PosePort {
 public:
  explicit Poses(actor::Ref<HubMessage> hub) : hub_(std::move(hub)) {}
  void tell(std::shared_ptr<const region::PoseTable> table) override {
    hub_.cast(PosesCame{std::move(table)});
  }

 private:
  const actor::Ref<HubMessage> hub_;
};

actor::Place place_in(actor::Registry* actors, const actor::Life& hub) {
  if (actors == nullptr) return {};
  return {actors, "sessions", actors->id(hub.cell().name())};
}

}  // namespace

Hub::Hub(actor::Life life, const platform::Clock& clock, std::shared_ptr<Line> line,
         actor::Ref<region::Message> region, Options options)
    : Actor(life),
      clock_(clock),
      options_(options),
      line_(std::move(line)),
      region_(std::move(region)),
      sessions_supervisor_(executor(), {}, nullptr, actor::Strategy::ONE_FOR_ONE,
                           place_in(options.actors, life)) {
  line_->belong_to(life);
}

void Hub::on_start() {
  poses_ = std::make_shared<Poses>(self());
}

void Hub::receive(HubMessage message) {
  std::visit([this](auto&& said) { on(std::move(said)); }, std::move(message));
}

void Hub::on(Connect request) {
  const auto refuse = [&](unsigned status, const char* code, std::string message) {
    ++figures_->connects_refused;
    request.reply(ConnectRefusal{status, code, std::move(message)});
  };
  if (draining_) return refuse(503, "draining", "the server stops: try again soon");
  if (!request.tunnel) {
    if (const auto offer = transport::read_sdp(request.offer); !offer)
      return refuse(400, "bad_offer", offer.error().text);
  }
  const SessionId id = request.ticket.session();
  const SessionSurroundings around{options_.session, clock_, line_, figures_, poses_, region_};
  actor::ChildSpec spec{fmt::format("session {}", raw(id)), actor::Restart::TEMPORARY, executor(), 4'096};
  const auto waiting = std::make_shared<Connect>(std::move(request));
  Child child{{}, turns_given_++};
  child.session = sessions_supervisor_.start_child<SessionMessage>(
      std::move(spec), [around, id, waiting](actor::Life life) {
        return std::make_unique<Session>(std::move(life), around, id, std::move(*waiting));
      });
  sessions_.emplace(id, std::move(child));
}

void Hub::on(PosesCame message) {
  std::size_t shown = 0;
  for (auto session = sessions_.lower_bound(message.from); session != sessions_.end();) {
    if ((session->second.turn + message.table->tick) % region::TABLE_TURNS != 0) {  // not its turn
      ++session;
      continue;
    }
    if (shown++ == POSES_SHOWN_AT_ONCE) {
      message.from = session->first;
      self().cast(std::move(message));
      return;
    }
    const bool gone = session->second.session.cast(message) == actor::Delivery::GONE;
    session = gone ? sessions_.erase(session) : std::next(session);
  }
}

void Hub::on(Drain request) {
  draining_ = true;
  drained_ = std::move(request.done);
  for (const auto& [id, child] : sessions_) {
    child.session.cast(SayGoodbye{wire::GoodbyeReason::DRAINING, "the server stops; come back soon"});
  }
  drained_if_done(now() + LEAVING_MAX + 1s);
}

void Hub::drained_if_done(Time deadline) {
  if (sessions_supervisor_.census().children > 0 && now() < deadline) {
    after(20ms, [this, deadline] { drained_if_done(deadline); });
    return;
  }
  std::exchange(drained_, nullptr)();
}

void Hub::on(AskFigures request) {
  figures_->line = line_->figures();
  figures_->datagrams_dropped = line_->datagrams_dropped();
  figures_->session_crashes = sessions_supervisor_.census().crashes;
  request.answered(*figures_);
}

}  // namespace everframe::gateway
