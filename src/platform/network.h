// Network: UDP as the transport needs it. (HTTP is Boost.Beast's business, in admin, over the same executor.)
#pragma once
#include <memory>
#include <span>

#include "base/address.h"
#include "base/bytes.h"
#include "base/function.h"
#include "base/result.h"
#include "platform/executor.h"

namespace everframe::platform {

inline constexpr std::size_t DATAGRAM_SIZE_MAX =
    2048;  // larger ones arriving are dropped: no peer of ours sends them

struct Datagram {
  Address peer;  // where it came from, or goes to
  ByteView bytes;
  Duration waited{0};  // of one that came: in the kernel's buffer, if the network tells
};

// Owned by whoever opened it; lives on one executor, all calls and callbacks on its thread.
class UdpSocket {
 public:
  virtual ~UdpSocket() = default;
  virtual Address local() const = 0;
  // Sends all in one batch (sendmmsg); those to one peer that lie together are cheaper. What the kernel does
  // not take at once is dropped and counted, as UDP allows.
  virtual void send(std::span<const Datagram> datagrams) = 0;
  virtual std::uint64_t dropped() const = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  // `receive` gets batches (recvmmsg); the views are valid during the call. Port 0 asks for a free one.
  virtual Result<std::unique_ptr<UdpSocket>> open_udp(Executor& executor, const Address& local,
                                                      Function<void(std::span<const Datagram>)> receive) = 0;
};

}  // namespace everframe::platform
