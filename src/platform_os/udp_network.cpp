#include "platform_os/udp_network.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <vector>

#include "base/log.h"

namespace everframe::platform_os {

namespace {

constexpr std::size_t RECEIVE_BATCH = 64;    // datagrams a recvmmsg: 128 KiB of buffers
constexpr std::size_t RECEIVE_BUDGET = 512;  // datagrams a wake-up: about 1 ms of work
constexpr std::size_t SEND_BATCH = 64;
constexpr int SOCKET_BUFFER_BYTES = 4 << 20;  // a tick for 2,000 peers, with room

socklen_t to_native(const Address& address, bool v4, sockaddr_storage& out) {
  out = {};
  if (v4) {
    auto& native = reinterpret_cast<sockaddr_in&>(out);
    native.sin_family = AF_INET;
    native.sin_port = htons(address.port);
    std::memcpy(&native.sin_addr, address.ip.data() + 12, 4);
    return sizeof native;
  }
  auto& native = reinterpret_cast<sockaddr_in6&>(out);
  native.sin6_family = AF_INET6;
  native.sin6_port = htons(address.port);
  std::memcpy(&native.sin6_addr, address.ip.data(), 16);
  return sizeof native;
}

Address from_native(const sockaddr_storage& in) {
  Address address;
  if (in.ss_family == AF_INET) {
    const auto& native = reinterpret_cast<const sockaddr_in&>(in);
    address.ip[10] = address.ip[11] = 0xff;
    std::memcpy(address.ip.data() + 12, &native.sin_addr, 4);
    address.port = ntohs(native.sin_port);
  } else {
    const auto& native = reinterpret_cast<const sockaddr_in6&>(in);
    std::memcpy(address.ip.data(), &native.sin6_addr, 16);
    address.port = ntohs(native.sin6_port);
  }
  return address;
}

// The descriptor and what a pending wait needs outlive the socket object until that wait has ended.
class OsUdpSocket final : public platform::UdpSocket {
 public:
  using Receive = Function<void(std::span<const platform::Datagram>)>;

  OsUdpSocket(AsioExecutor& executor, int fd, const Address& local, bool v4, Receive receive)
      : shared_(std::make_shared<Shared>(executor, fd, std::move(receive))), local_(local), v4_(v4) {
    wait(shared_);
  }
  ~OsUdpSocket() override {
    shared_->open = false;
    boost::system::error_code ignored;
    shared_->descriptor.close(ignored);
  }

  Address local() const override { return local_; }
  std::uint64_t dropped() const override { return dropped_; }

  void send(std::span<const platform::Datagram> datagrams) override {
    while (!datagrams.empty()) {
      const auto batch = datagrams.first(std::min(datagrams.size(), SEND_BATCH));
      datagrams = datagrams.subspan(batch.size());
      send_batch(batch);
    }
  }

 private:
  struct Shared {
    Shared(AsioExecutor& executor, int fd, Receive on_receive)
        : descriptor(executor.io(), fd), receive(std::move(on_receive)) {}
    boost::asio::posix::stream_descriptor descriptor;
    Receive receive;
    bool open = true;
  };

  void send_batch(std::span<const platform::Datagram> batch) {
    std::array<mmsghdr, SEND_BATCH> headers{};
    std::array<iovec, SEND_BATCH> vectors{};
    std::array<sockaddr_storage, SEND_BATCH> addresses;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      vectors[i] = {const_cast<std::uint8_t*>(batch[i].bytes.data()), batch[i].bytes.size()};
      headers[i].msg_hdr.msg_iov = &vectors[i];
      headers[i].msg_hdr.msg_iovlen = 1;
      headers[i].msg_hdr.msg_name = &addresses[i];
      headers[i].msg_hdr.msg_namelen = to_native(batch[i].peer, v4_, addresses[i]);
    }
    std::size_t done = 0;
    while (done < batch.size()) {
      const int sent = sendmmsg(shared_->descriptor.native_handle(), headers.data() + done,
                                static_cast<unsigned>(batch.size() - done), MSG_DONTWAIT);
      if (sent > 0) {
        done += static_cast<std::size_t>(sent);
      } else if (sent < 0 && errno == EINTR) {
        continue;
      } else {  // the kernel refused the first of them (full buffer, unreachable): UDP may lose it
        ++dropped_;
        ++done;
      }
    }
  }

  static void wait(const std::shared_ptr<Shared>& shared) {
    shared->descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                  [shared](const boost::system::error_code& error) {
                                    if (error || !shared->open) return;
                                    drain(*shared);
                                    if (shared->open) wait(shared);
                                  });
  }

  static void drain(Shared& shared) {
    // One set of buffers a thread, whatever the number of sockets: a process may hold thousands of clients.
    static thread_local std::vector<std::array<std::uint8_t, platform::DATAGRAM_SIZE_MAX>> buffers(
        RECEIVE_BATCH);
    std::array<mmsghdr, RECEIVE_BATCH> headers{};
    std::array<iovec, RECEIVE_BATCH> vectors{};
    std::array<sockaddr_storage, RECEIVE_BATCH> addresses;
    std::array<platform::Datagram, RECEIVE_BATCH> batch;
    for (std::size_t total = 0; total < RECEIVE_BUDGET && shared.open;) {
      for (std::size_t i = 0; i < RECEIVE_BATCH; ++i) {
        vectors[i] = {buffers[i].data(), buffers[i].size()};
        headers[i] = {};
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
        headers[i].msg_hdr.msg_name = &addresses[i];
        headers[i].msg_hdr.msg_namelen = sizeof addresses[i];
      }
      const int got =
          recvmmsg(shared.descriptor.native_handle(), headers.data(), RECEIVE_BATCH, MSG_DONTWAIT, nullptr);
      if (got <= 0) return;
      std::size_t count = 0;
      for (int i = 0; i < got; ++i) {
        const auto at = static_cast<std::size_t>(i);
        if ((headers[at].msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
        batch[count++] = {from_native(addresses[at]), ByteView(buffers[at].data(), headers[at].msg_len)};
      }
      shared.receive(std::span(batch.data(), count));
      total += static_cast<std::size_t>(got);
      if (static_cast<std::size_t>(got) < RECEIVE_BATCH) return;
    }
  }

  const std::shared_ptr<Shared> shared_;
  const Address local_;
  const bool v4_;
  std::uint64_t dropped_ = 0;
};

}  // namespace

Result<std::unique_ptr<platform::UdpSocket>> UdpNetwork::open_udp(
    platform::Executor& executor, const Address& local,
    Function<void(std::span<const platform::Datagram>)> receive) {
  auto& asio = dynamic_cast<AsioExecutor&>(executor);
  const bool v4 = local.is_v4();
  const int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail("cannot make a UDP socket: {}", std::strerror(errno));
  for (const int option : {SO_RCVBUF, SO_SNDBUF}) {  // as much as the system allows; less is only slower
    setsockopt(fd, SOL_SOCKET, option, &SOCKET_BUFFER_BYTES, sizeof SOCKET_BUFFER_BYTES);
  }
  if (!v4) {
    const int both = 0;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof both);
  }
  sockaddr_storage native{};
  socklen_t length = to_native(local, v4, native);
  if (bind(fd, reinterpret_cast<sockaddr*>(&native), length) != 0) {
    const int reason = errno;
    close(fd);
    return fail("cannot listen on UDP {}: {}", local.text(), std::strerror(reason));
  }
  length = sizeof native;
  getsockname(fd, reinterpret_cast<sockaddr*>(&native), &length);
  return std::make_unique<OsUdpSocket>(asio, fd, from_native(native), v4, std::move(receive));
}

}  // namespace everframe::platform_os
