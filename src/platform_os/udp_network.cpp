#include "platform_os/udp_network.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <vector>

#include "base/log.h"

namespace everframe::platform_os {

namespace {

constexpr std::size_t RECEIVE_BATCH = 64;      // datagrams a recvmmsg: 128 KiB of buffers
constexpr std::size_t RECEIVE_BUDGET = 512;    // datagrams a wake-up: about 1 ms of work
constexpr std::size_t SEND_BATCH = 64;         // UDP_MAX_SEGMENTS of older kernels, too
constexpr std::size_t RUN_BYTES_MAX = 65'000;  // an IP datagram of 64 KiB, less its headers
constexpr int SOCKET_BUFFER_BYTES = 4 << 20;   // a tick for 2,000 peers, with room

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

// How long ago the kernel took the datagram in (SO_TIMESTAMPNS, socket(7)); 0 if it does not say.
Duration waited(msghdr& header, const timespec& now) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec came{};
    std::memcpy(&came, CMSG_DATA(each), sizeof came);
    const std::int64_t us =
        (now.tv_sec - came.tv_sec) * std::int64_t{1'000'000} + (now.tv_nsec - came.tv_nsec) / 1'000;
    return Duration(std::max<std::int64_t>(us, 0));
  }
  return Duration(0);
}

// How many datagrams from the first on the kernel can cut out of one (UDP_SEGMENT, udp(7)): to the same peer
// and of the same size; the last may be shorter.
std::size_t run_length(std::span<const platform::Datagram> batch) {
  const std::size_t size = batch.front().bytes.size();
  std::size_t run = 1;
  for (std::size_t total = size; run < batch.size(); ++run) {
    const platform::Datagram& next = batch[run];
    total += next.bytes.size();
    const bool fits = !next.bytes.empty() && next.bytes.size() <= size && total <= RUN_BYTES_MAX;
    if (!fits || next.peer != batch.front().peer) break;
    if (next.bytes.size() < size) return run + 1;
  }
  return run;
}

// What one sendmmsg takes: a header for each run of datagrams.
struct Outbox {
  void add(std::span<const platform::Datagram> run, bool v4) {
    msghdr& header = headers[count].msg_hdr;
    header.msg_iov = &vectors[vectors_used];
    header.msg_iovlen = run.size();
    for (const platform::Datagram& datagram : run)
      vectors[vectors_used++] = {const_cast<std::uint8_t*>(datagram.bytes.data()), datagram.bytes.size()};
    header.msg_name = &addresses[count];
    header.msg_namelen = to_native(run.front().peer, v4, addresses[count]);
    if (run.size() > 1) {
      header.msg_control = controls[count].bytes.data();
      header.msg_controllen = controls[count].bytes.size();
      cmsghdr* const control = CMSG_FIRSTHDR(&header);
      control->cmsg_level = SOL_UDP;
      control->cmsg_type = UDP_SEGMENT;
      control->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
      const auto size = static_cast<std::uint16_t>(run.front().bytes.size());
      std::memcpy(CMSG_DATA(control), &size, sizeof size);
    }
    ++count;
  }

  struct Control {
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(std::uint16_t))> bytes;
  };
  std::array<mmsghdr, SEND_BATCH> headers{};
  std::array<iovec, SEND_BATCH> vectors;
  std::array<sockaddr_storage, SEND_BATCH> addresses;
  std::array<Control, SEND_BATCH> controls;
  std::size_t count = 0;
  std::size_t vectors_used = 0;
};

// The descriptor and what a pending wait needs outlive the socket object until that wait has ended.
class OsUdpSocket final : public platform::UdpSocket {
 public:
  using Receive = Function<void(std::span<const platform::Datagram>)>;

  OsUdpSocket(AsioExecutor& executor, int fd, const Address& local, bool v4, bool tells_waits,
              Receive receive)
      : shared_(std::make_shared<Shared>(executor, fd, tells_waits, std::move(receive))),
        local_(local),
        v4_(v4) {
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
    Shared(AsioExecutor& executor, int fd, bool with_waits, Receive on_receive)
        : descriptor(executor.io(), fd), tells_waits(with_waits), receive(std::move(on_receive)) {}
    boost::asio::posix::stream_descriptor descriptor;
    const bool tells_waits;
    Receive receive;
    bool open = true;
  };

  void send_batch(std::span<const platform::Datagram> batch) {
    Outbox outbox;
    while (!batch.empty()) {
      if (v4_ && !batch.front().peer.is_v4()) {  // unreachable from here
        ++dropped_;
        batch = batch.subspan(1);
        continue;
      }
      const std::size_t run = segmenting_ ? run_length(batch) : 1;
      outbox.add(batch.first(run), v4_);
      batch = batch.subspan(run);
    }
    for (std::size_t done = 0; done < outbox.count;) {
      const int sent = sendmmsg(shared_->descriptor.native_handle(), outbox.headers.data() + done,
                                static_cast<unsigned>(outbox.count - done), MSG_DONTWAIT);
      if (sent > 0) {
        done += static_cast<std::size_t>(sent);
      } else if (sent < 0 && errno == EINTR) {
        continue;
      } else {  // the kernel refused the first of them
        refused(outbox.headers[done++].msg_hdr, errno);
      }
    }
  }

  // A full buffer, or nobody is there: UDP may lose it. But not because the kernel will not cut a run: then
  // its datagrams go one by one.
  void refused(msghdr header, int why) {
    const std::span<iovec> datagrams(header.msg_iov, header.msg_iovlen);
    if (datagrams.size() == 1 || !is_about_segments(why)) {
      dropped_ += datagrams.size();
      return;
    }
    // EMSGSIZE is about this peer's path.
    if (why != EMSGSIZE && std::exchange(segmenting_, false))
      log::info("UDP {}: no segmentation offload: {}", local_.text(), std::strerror(why));
    header.msg_control = nullptr;
    header.msg_controllen = 0;
    header.msg_iovlen = 1;
    for (iovec& datagram : datagrams) {
      header.msg_iov = &datagram;
      if (sendmsg(shared_->descriptor.native_handle(), &header, MSG_DONTWAIT) < 0) ++dropped_;
    }
  }
  static bool is_about_segments(int why) {
    return why == EIO || why == EINVAL || why == ENOPROTOOPT || why == EOPNOTSUPP || why == EMSGSIZE;
  }

  static void wait(const std::shared_ptr<Shared>& shared) {
    shared->descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                  [shared](const boost::system::error_code& error) {
                                    if (error || !shared->open) return;
                                    drain(*shared);
                                    if (shared->open) wait(shared);
                                  });
  }

  // What recvmmsg fills: one a thread, whatever the number of sockets, since a process may hold thousands of
  // clients.
  struct Inbox {
    Inbox() {
      for (std::size_t i = 0; i < RECEIVE_BATCH; ++i) {
        vectors[i] = {buffers[i].data(), buffers[i].size()};
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
        headers[i].msg_hdr.msg_name = &addresses[i];
      }
    }
    std::array<std::array<std::uint8_t, platform::DATAGRAM_SIZE_MAX>, RECEIVE_BATCH> buffers;
    std::array<mmsghdr, RECEIVE_BATCH> headers{};
    std::array<iovec, RECEIVE_BATCH> vectors{};
    std::array<sockaddr_storage, RECEIVE_BATCH> addresses;
    std::array<std::array<std::uint8_t, CMSG_SPACE(sizeof(timespec))>, RECEIVE_BATCH> controls;
    std::array<platform::Datagram, RECEIVE_BATCH> batch;
  };

  static std::span<const platform::Datagram> receive_batch(Shared& shared, Inbox& inbox, int& got) {
    for (std::size_t i = 0; i < RECEIVE_BATCH; ++i) {
      msghdr& header = inbox.headers[i].msg_hdr;
      header.msg_namelen = sizeof(sockaddr_storage);
      header.msg_control = shared.tells_waits ? inbox.controls[i].data() : nullptr;
      header.msg_controllen = shared.tells_waits ? inbox.controls[i].size() : 0;
    }
    got = recvmmsg(shared.descriptor.native_handle(), inbox.headers.data(), RECEIVE_BATCH, MSG_DONTWAIT,
                   nullptr);
    timespec now{};
    if (shared.tells_waits) clock_gettime(CLOCK_REALTIME, &now);
    std::size_t count = 0;
    for (int i = 0; i < got; ++i) {
      const auto at = static_cast<std::size_t>(i);
      mmsghdr& header = inbox.headers[at];
      if ((header.msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
      inbox.batch[count++] = {from_native(inbox.addresses[at]),
                              ByteView(inbox.buffers[at].data(), header.msg_len),
                              shared.tells_waits ? waited(header.msg_hdr, now) : Duration(0)};
    }
    return std::span(inbox.batch.data(), count);
  }

  static void drain(Shared& shared) {
    static thread_local const auto inbox = std::make_unique<Inbox>();
    for (std::size_t total = 0; total < RECEIVE_BUDGET && shared.open;) {
      int got = 0;
      const std::span<const platform::Datagram> batch = receive_batch(shared, *inbox, got);
      if (got <= 0) return;
      shared.receive(batch);
      total += static_cast<std::size_t>(got);
      if (static_cast<std::size_t>(got) < RECEIVE_BATCH) return;
    }
  }

  const std::shared_ptr<Shared> shared_;
  const Address local_;
  const bool v4_;
  bool segmenting_ = true;  // until the kernel refuses it
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
  if (tell_waits_) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
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
  return std::make_unique<OsUdpSocket>(asio, fd, from_native(native), v4, tell_waits_, std::move(receive));
}

}  // namespace everframe::platform_os
