// UdpNetwork: real UDP sockets on an AsioExecutor, batched by recvmmsg and sendmmsg; several datagrams of one
// size to one peer, as bulk has them, go as one that the kernel cuts (UDP_SEGMENT), where it can.
// Limits: RECEIVE_BATCH datagrams a system call, and RECEIVE_BUDGET a wake-up, so that a flood cannot starve
// the executor.
#pragma once
#include "platform/network.h"
#include "platform_os/asio_executor.h"

namespace everframe::platform_os {

class UdpNetwork final : public platform::Network {
 public:
  // `tell_waits`: fill Datagram::waited, at the price of some 50 ns a datagram.
  explicit UdpNetwork(bool tell_waits = false) : tell_waits_(tell_waits) {}
  // `executor` must be an AsioExecutor and outlive the socket.
  Result<std::unique_ptr<platform::UdpSocket>> open_udp(
      platform::Executor& executor, const Address& local,
      Function<void(std::span<const platform::Datagram>)> receive) override;

 private:
  const bool tell_waits_;
};

}  // namespace everframe::platform_os
