// Hub: the actor of one gateway. It starts a session for each connect request that the door (door.h) lets in,
// hands each tick's pose table to all of them, and ends them when the server drains. Sessions are its
// temporary children: one that crashes ends alone. Limits: the door's.
#pragma once
#include <map>

#include "actor/supervisor.h"
#include "gateway/session.h"

namespace everframe::gateway {

inline constexpr std::size_t POSES_SHOWN_AT_ONCE =
    12;  // sessions: then others of the executor get their turn

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
  void drained_if_done(Time deadline);

  const platform::Clock& clock_;
  const Options options_;
  std::shared_ptr<Line> line_;
  actor::Ref<region::Message> region_;
  std::shared_ptr<Figures> figures_ = std::make_shared<Figures>();
  std::shared_ptr<region::PosePort> poses_;
  actor::Supervisor sessions_supervisor_;
  struct Child {
    actor::Ref<SessionMessage> session;
    std::uint64_t turn = 0;  // at pose tables
  };
  std::map<SessionId, Child> sessions_;
  std::uint64_t turns_given_ = 0;
  Function<void()> drained_;
  bool draining_ = false;
};

}  // namespace everframe::gateway
