// Hub: the actor that takes clients in. It starts a session for each connect request, within limits, hands
// each tick's pose table to all of them, and ends them when the server drains. Sessions are its temporary
// children: one that crashes ends alone. Limits: SESSIONS_MAX of its options, TUNNELS_MAX of them over a
// WebSocket; JOINS_WAITING_MAX not yet in the world; a rate of connects per address (base/subscriber.h).
#pragma once
#include <map>

#include "actor/supervisor.h"
#include "base/subscriber.h"
#include "gateway/session.h"

namespace everframe::gateway {

inline constexpr std::size_t JOINS_WAITING_MAX = 1'000;
inline constexpr std::size_t TUNNELS_MAX = 2'000;       // with those that join, fewer than HTTP's connections
inline constexpr std::uint32_t CONNECTS_A_SECOND = 50;  // of one address, on average …
inline constexpr std::uint32_t CONNECTS_BURST = 1'000;  // … and at once: a school behind one address
inline constexpr std::size_t ADDRESSES_KEPT = 10'000;
inline constexpr std::size_t POSES_SHOWN_AT_ONCE =
    12;  // sessions: then others of the executor get their turn

inline constexpr char HUB_NAME[] = "hub";  // its child spec's

struct Drain {
  Function<void()> done;  // on the gateway's executor
};
struct AskFigures {
  Function<void(const Figures&)> answered;  // on the gateway's executor
};
using HubMessage = std::variant<Connect, PosesCame, Drain, AskFigures>;

class Hub final : public actor::Actor<HubMessage> {
 public:
  struct Options {
    SessionSettings session;
    std::size_t sessions_max = 5'000;
    actor::Registry* actors = nullptr;  // lists the sessions; outlives the hub
  };
  Hub(actor::Life life, const platform::Clock& clock, std::shared_ptr<Line> line,
      actor::Ref<region::Message> region, Options options);

  void on_start() override;
  void receive(HubMessage message) override;

 private:
  void on(Connect request);
  void on(PosesCame message);
  void on(Drain request);
  void on(AskFigures request);
  bool within_rate(const Address& from);
  void drained_if_done(Time deadline);

  const platform::Clock& clock_;
  const Options options_;
  std::shared_ptr<Line> line_;
  actor::Ref<region::Message> region_;
  std::shared_ptr<Figures> figures_ = std::make_shared<Figures>();
  std::shared_ptr<region::PosePort> poses_;
  actor::Supervisor sessions_supervisor_;
  std::map<SessionId, actor::Ref<SessionMessage>> sessions_;
  SessionId last_{};
  struct Rate {
    std::uint32_t allowance = CONNECTS_BURST;
    Time since{};
  };
  std::map<Subscriber, Rate> rates_;
  Function<void()> drained_;
  bool draining_ = false;
};

}  // namespace everframe::gateway
