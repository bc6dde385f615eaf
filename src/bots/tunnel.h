// Tunnel: a Connection through a WebSocket (spec/wire.md section 1.1). Limit: BUFFERED_MAX bytes that wait.
#pragma once
#include "bots/connection.h"
#include "bots/figures.h"
#include "bots/signaling.h"
#include "platform_os/asio_executor.h"

namespace everframe::bots {

class Tunnel final : public Connection {
 public:
  static constexpr std::size_t BUFFERED_MAX = 64 << 10;
  // Executor and figures outlive it.
  Tunnel(platform_os::AsioExecutor& executor, ServerUrl server, Figures& figures, Receive receive);
  ~Tunnel() override;

  void enter(const Who& who, Answered answered) override;
  bool up() const override;
  const std::optional<std::string>& lost() const override;
  bool send(Channel channel, ByteView message) override;
  std::size_t buffered(Channel channel) const override;  // of both together: they share the socket
  void tick() override {}
  void close(std::string reason) override;

 private:
  struct Socket;  // outlives this until what is under way has ended
  const std::shared_ptr<Socket> socket_;
};

}  // namespace everframe::bots
