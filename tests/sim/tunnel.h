// Tunnel: a player's WebSocket to a simulated server, with both its ends: the player's, a Connection, and the
// server's, which the gateway owns. Messages keep their order, each takes a network's latency, and nothing
// passes while the server is cut off: then it waits, as TCP makes it. The end of either process or session
// is told to the other in the same order. Threads: the world's one.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "bots/connection.h"
#include "gateway/signaling.h"
#include "platform_sim/simulated_network.h"

namespace everframe::sim {

class Tunnel final : public bots::Connection {
 public:
  using Replied = Function<void(Result<gateway::ConnectAnswer>)>;
  using Ask = Function<void(const bots::Who&, std::unique_ptr<gateway::TunnelSocket>, Replied)>;
  // All but `ask` and `receive` outlive it, and what it has under way.
  Tunnel(platform_sim::VirtualWorld& world, platform_sim::SimulatedNetwork& network,
         const Function<bool()>& cut_off, platform::Executor& executor, Ask ask, Receive receive);
  ~Tunnel() override;

  void enter(const bots::Who& who, Answered answered) override;
  bool up() const override { return up_; }
  const std::optional<std::string>& lost() const override { return lost_; }
  bool send(Channel channel, ByteView message) override;
  std::size_t buffered(Channel channel) const override;
  void tick() override {}
  void close(std::string reason) override;

 private:
  struct Wire;
  class End;

  const Ask ask_;
  const Receive receive_;
  const std::shared_ptr<Wire> wire_;
  bool up_ = false;
  std::optional<std::string> lost_;
};

}  // namespace everframe::sim
