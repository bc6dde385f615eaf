// What would break these: a datagram lost or changed on an idle loopback, or sent again with a run that the
// kernel refused, a callback on the wrong thread, work that overtakes work posted before it, a timer that is
// cancelled and fires or fires early, a file that reads back other bytes, a directory that two owners may
// hold, half a line of a killed process that stays before the next one.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "platform_os/line_file.h"
#include "platform_os/os_disk.h"
#include "platform_os/udp_network.h"

using namespace everframe;
using namespace everframe::platform_os;
using platform::Datagram;

namespace {

constexpr auto PATIENCE = std::chrono::seconds(20);  // bounds a hang; no test measures time

struct Running {
  Running() { executor.start(); }
  ~Running() {
    executor.stop();
    executor.join();
  }
  AsioExecutor executor{"test"};
};

struct Scratch {
  Scratch() : path(std::filesystem::temp_directory_path() / ("everframe-" + std::string(6, 'X'))) {
    if (mkdtemp(path.data()) == nullptr) ADD_FAILURE() << "no scratch directory";
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  std::string path;
};

}  // namespace

TEST(AsioExecutor, RunsWorkInOrderOnItsThreadAndCancelsTimers) {
  Running running;
  std::promise<void> done;
  std::vector<int> order;
  bool wrong_thread = false;
  bool cancelled_fired = false;
  for (int i = 0; i < 100; ++i) {
    running.executor.post([&, i] {
      order.push_back(i);
      wrong_thread = wrong_thread || !running.executor.is_current();
    });
  }
  running.executor.post([&] {
    const auto cancelled = running.executor.after(1ms, [&] { cancelled_fired = true; });
    running.executor.after(20ms, [&] { done.set_value(); });
    running.executor.cancel(cancelled);
  });
  ASSERT_EQ(done.get_future().wait_for(PATIENCE), std::future_status::ready);
  EXPECT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_FALSE(wrong_thread);
  EXPECT_FALSE(cancelled_fired);
  EXPECT_FALSE(running.executor.is_current());
}

TEST(AsioExecutor, RunsWhatItsThreadPostedBeforeWhatAnotherThreadPostsAfterwards) {
  AsioExecutor executor{"test"};
  executor.start();
  for (int i = 0; i < 1'000; ++i) {
    std::promise<void> posted;
    std::promise<std::string> order;
    std::string seen;
    executor.post([&] {
      executor.post([&] { seen += "first "; });
      posted.set_value();
      std::this_thread::yield();
    });
    posted.get_future().get();
    executor.post([&] { order.set_value(seen + "second"); });
    ASSERT_EQ(order.get_future().get(), "first second") << "round " << i;
  }
  executor.stop();
  executor.join();
}

TEST(AsioExecutor, RunsWhatAnotherThreadPostedBeforeWhatItsThreadPostsAfterwards) {
  Running running;
  for (int i = 0; i < 1'000; ++i) {
    std::promise<void> started;
    std::promise<void> posted;
    std::promise<std::string> order;
    std::string seen;
    running.executor.post([&] {
      started.set_value();
      posted.get_future().get();
      running.executor.post([&] { order.set_value(seen + "second"); });
    });
    started.get_future().get();
    running.executor.post([&] { seen += "first "; });
    posted.set_value();
    ASSERT_EQ(order.get_future().get(), "first second") << "round " << i;
  }
}

TEST(AsioExecutor, RunsNoTimerBeforeItIsDue) {
  Running running;
  for (const Duration delay : {Duration(1ms), Duration(99ms), Duration(100ms), Duration(101ms)}) {
    std::promise<Duration> waited;
    running.executor.post([&] {
      running.executor.after(
          delay, [&, set = running.executor.now()] { waited.set_value(running.executor.now() - set); });
    });
    auto result = waited.get_future();
    ASSERT_EQ(result.wait_for(PATIENCE), std::future_status::ready);
    EXPECT_GE(result.get(), delay);
  }
}

TEST(UdpNetwork, CarriesBatchesOverLoopbackBothFamilies) {
  for (const char* local : {"127.0.0.1:0", "[::1]:0"}) {
    Running running;
    UdpNetwork network;
    std::promise<void> done;
    std::unique_ptr<platform::UdpSocket> server;
    std::unique_ptr<platform::UdpSocket> client;
    int echoed = 0;
    constexpr int COUNT = 150;
    running.executor.post([&] {
      const Address any = Address::parse(local).value();
      server =
          network
              .open_udp(running.executor, any, [&](std::span<const Datagram> batch) { server->send(batch); })
              .value();
      client = network
                   .open_udp(running.executor, any,
                             [&](std::span<const Datagram> batch) {
                               for (const auto& datagram : batch) {
                                 EXPECT_EQ(datagram.peer, server->local());
                                 EXPECT_EQ(datagram.bytes.size(), 100U + datagram.bytes[0]);
                                 if (++echoed == COUNT) done.set_value();
                               }
                             })
                   .value();
      std::vector<Bytes> bytes;
      std::vector<Datagram> batch;
      for (int i = 0; i < COUNT; ++i) {
        bytes.emplace_back(100 + static_cast<std::size_t>(i), static_cast<std::uint8_t>(i));
      }
      for (const auto& b : bytes) batch.push_back({server->local(), b});
      client->send(batch);
    });
    EXPECT_EQ(done.get_future().wait_for(PATIENCE), std::future_status::ready) << local;
    std::promise<void> closed;
    running.executor.post([&] {
      client.reset();
      server.reset();
      closed.set_value();
    });
    closed.get_future().wait();
  }
}

namespace {

// A bare socket that takes whole runs from the kernel (UDP_GRO), so that it can be seen whether there were
// any.
struct RunReceiver {
  explicit RunReceiver(bool v6) : fd(socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0)) {
    const int on = 1;
    setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on);
    const timeval patience{20, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_addr = in6addr_loopback;
    sockaddr_in any4{};
    any4.sin_family = AF_INET;
    any4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* at = v6 ? reinterpret_cast<sockaddr*>(&any) : reinterpret_cast<sockaddr*>(&any4);
    EXPECT_EQ(bind(fd, at, v6 ? sizeof any : sizeof any4), 0);
    socklen_t size = sizeof any;
    getsockname(fd, reinterpret_cast<sockaddr*>(&any), &size);
    address = Address::parse((v6 ? "[::1]:" : "127.0.0.1:") + std::to_string(ntohs(any.sin6_port))).value();
  }
  ~RunReceiver() { close(fd); }
  // What arrives until `datagrams` of them have, as they were sent; `runs`: in how many pieces they came.
  std::vector<Bytes> take(std::size_t datagrams) {
    std::vector<Bytes> all;
    while (all.size() < datagrams) {
      std::vector<std::uint8_t> bytes(1 << 16);
      alignas(cmsghdr) std::uint8_t control[64];
      iovec vector{bytes.data(), bytes.size()};
      msghdr header{};
      header.msg_iov = &vector;
      header.msg_iovlen = 1;
      header.msg_control = control;
      header.msg_controllen = sizeof control;
      const ssize_t got = recvmsg(fd, &header, 0);
      if (got < 0) return all;
      ++runs;
      auto size = static_cast<std::size_t>(got);
      for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
        int segment = 0;
        std::memcpy(&segment, CMSG_DATA(each), sizeof segment);
        if (each->cmsg_level == SOL_UDP && each->cmsg_type == UDP_GRO)
          size = static_cast<std::size_t>(segment);
      }
      for (std::size_t from = 0; from < static_cast<std::size_t>(got); from += size) {
        const std::size_t to = std::min(from + size, static_cast<std::size_t>(got));
        all.emplace_back(bytes.begin() + static_cast<std::ptrdiff_t>(from),
                         bytes.begin() + static_cast<std::ptrdiff_t>(to));
      }
    }
    return all;
  }
  int fd;
  Address address;
  std::size_t runs = 0;
};

// This process's socket at that address: to spoil it behind its owner's back.
int descriptor_at(const Address& address) {
  for (int fd = 3; fd < 1'000; ++fd) {
    sockaddr_in6 at{};
    socklen_t size = sizeof at;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) continue;
    if ((at.sin6_family == AF_INET || at.sin6_family == AF_INET6) && ntohs(at.sin6_port) == address.port)
      return fd;
  }
  return -1;
}

// Sends on the executor and waits for that.
void send_all(AsioExecutor& executor, platform::UdpSocket& socket, const std::vector<Datagram>& batch) {
  std::promise<void> sent;
  executor.post([&] {
    socket.send(batch);
    sent.set_value();
  });
  sent.get_future().get();
}

}  // namespace

// Sizes of bulk: full datagrams, a shorter last one, others between; to two peers.
TEST(UdpNetwork, SendsRunsToOnePeerAsOneAndEachDatagramAsItIs) {
  for (const bool v6 : {false, true}) {
    Running running;
    UdpNetwork network;
    std::unique_ptr<platform::UdpSocket> sender;
    RunReceiver one(v6);
    RunReceiver other(v6);
    std::promise<void> opened;
    running.executor.post([&] {
      const Address any = Address::parse(v6 ? "[::1]:0" : "127.0.0.1:0").value();
      sender = network.open_udp(running.executor, any, [](auto) {}).value();
      opened.set_value();
    });
    opened.get_future().get();
    std::vector<Bytes> to_one;
    for (const std::size_t size : {1'187, 1'187, 1'187, 900, 1'187, 1'187, 60, 61, 1'187})
      to_one.emplace_back(size, static_cast<std::uint8_t>(to_one.size()));
    for (int i = 0; i < 66; ++i) to_one.emplace_back(1'187, static_cast<std::uint8_t>(i));
    const std::vector<Bytes> to_other(3, Bytes(500, 9));
    std::vector<Datagram> batch;
    for (std::size_t i = 0; i < to_one.size(); ++i) {
      if (i == 2) {  // in the middle of a run
        for (const Bytes& bytes : to_other) batch.push_back({other.address, bytes});
      }
      batch.push_back({one.address, to_one[i]});
    }
    for (const bool kernel_refuses : {false, true}) {
      if (kernel_refuses) {  // it will not cut what has no checksum
        const int on = 1;
        ASSERT_EQ(setsockopt(descriptor_at(sender->local()), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
        if (v6) break;  // IPv6 must have checksums
      }
      one.runs = other.runs = 0;
      send_all(running.executor, *sender, batch);
      EXPECT_TRUE(one.take(to_one.size()) == to_one);
      EXPECT_TRUE(other.take(to_other.size()) == to_other);
      EXPECT_EQ(sender->dropped(), 0U);
      if (kernel_refuses) {
        EXPECT_EQ(one.runs, to_one.size());
      } else {
        EXPECT_LT(one.runs, 16U) << "the kernel was given one after the other";
        EXPECT_EQ(other.runs, 1U);
      }
    }
    std::promise<void> closed;
    running.executor.post([&] {
      sender.reset();
      closed.set_value();
    });
    closed.get_future().wait();
  }
}

TEST(UdpNetwork, SaysWhichAddressIsTaken) {
  Running running;
  UdpNetwork network;
  std::promise<std::string> answer;
  running.executor.post([&] {
    const auto ignore = [](std::span<const Datagram>) {};
    auto first = network.open_udp(running.executor, Address::v4(127, 0, 0, 1, 0), ignore).value();
    auto second = network.open_udp(running.executor, first->local(), ignore);
    answer.set_value(second ? "" : second.error().text + " / " + first->local().text());
  });
  const std::string text = answer.get_future().get();
  EXPECT_NE(text.find("127.0.0.1:"), std::string::npos) << text;
  EXPECT_NE(text.find("in use"), std::string::npos) << text;
}

TEST(OsDisk, KeepsWhatIsWrittenAndRefusesASecondOwner) {
  Scratch scratch;
  OsDisk disk;
  const std::string path = scratch.path + "/log";
  EXPECT_FALSE(disk.open(path, platform::Disk::Open::EXISTING).has_value());
  {
    auto file = disk.open(path, platform::Disk::Open::CREATE).value();
    ASSERT_TRUE(file->preallocate(3 << 20).has_value());
    EXPECT_EQ(file->size().value(), 3U << 20);
    ASSERT_TRUE(file->write(100, bytes_of("durable")).has_value());
    ASSERT_TRUE(file->sync().has_value());
  }
  auto file = disk.open(path, platform::Disk::Open::EXISTING).value();
  EXPECT_EQ(chars_of(file->read(99, 9).value()), std::string_view("\0durable\0", 9));
  EXPECT_EQ(file->read((3 << 20) - 2, 10).value().size(), 2U);
  ASSERT_TRUE(file->truncate(10).has_value());
  ASSERT_TRUE(disk.rename(path, path + "2").has_value());
  ASSERT_TRUE(disk.sync_directory(scratch.path).has_value());
  EXPECT_EQ(read_text_file(path + "2").value().size(), 10U);
  EXPECT_FALSE(read_text_file(path + "2", 9).has_value());

  auto lock = disk.lock(scratch.path);
  ASSERT_TRUE(lock.has_value());
  const auto second = disk.lock(scratch.path);
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().text.find(std::to_string(getpid())), std::string::npos) << second.error().text;
  lock->reset();
  EXPECT_TRUE(disk.lock(scratch.path).has_value());
  EXPECT_EQ(disk.list(scratch.path).value(), (std::vector<std::string>{"LOCK", "log2"}));
}

TEST(OsEntropy, GivesDifferentBytes) {
  OsEntropy entropy;
  EXPECT_NE(entropy.u64(), entropy.u64());
}

TEST(AsioExecutor, RunsAnEarlierTimerBeforeALaterOneThatWasSetFirst) {
  Running running;
  std::promise<void> done;
  std::vector<int> order;
  running.executor.post([&] {
    auto& executor = running.executor;
    executor.after(60ms, [&] {
      order.push_back(3);
      done.set_value();
    });
    const auto never = executor.after(1ms, [&] { order.push_back(0); });
    executor.after(40ms, [&] { order.push_back(2); });
    executor.after(20ms, [&] { order.push_back(1); });
    executor.cancel(never);
  });
  ASSERT_EQ(done.get_future().wait_for(PATIENCE), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(AsioExecutor, LetsTimersComeWhileItsQueueIsNeverEmpty) {
  Running running;
  std::promise<void> done;
  struct Busy {
    AsioExecutor& executor;
    bool over = false;
    void work() {
      if (!over) executor.post([this] { work(); });
    }
  } busy{running.executor};
  running.executor.post([&] {
    busy.work();
    running.executor.after(5ms, [&] {
      busy.over = true;
      done.set_value();
    });
  });
  ASSERT_EQ(done.get_future().wait_for(PATIENCE), std::future_status::ready);
}

TEST(AsioExecutor, DestroysWhatIsLeftUnrunAndWhatThatPosts) {
  int destroyed = 0;
  bool ran = false;
  struct Heavy {
    ~Heavy() {
      ++destroyed;
      if (posts) executor.post([&ran = ran] { ran = true; });
    }
    AsioExecutor& executor;
    int& destroyed;
    bool& ran;
    bool posts;
  };
  {
    AsioExecutor executor("never run");
    executor.post(
        [&, heavy = std::unique_ptr<Heavy>(new Heavy{executor, destroyed, ran, true})] { ran = true; });
    executor.stop();
    executor.post(
        [&, heavy = std::unique_ptr<Heavy>(new Heavy{executor, destroyed, ran, false})] { ran = true; });
    EXPECT_EQ(destroyed, 0);
  }
  EXPECT_EQ(destroyed, 2);
  EXPECT_FALSE(ran);
}

TEST(LineFile, CutsOffTheHalfLineOfAKilledProcess) {
  const Scratch scratch;
  const std::string path = scratch.path + "/lines";
  for (const std::string before : {"", "whole\n"}) {
    for (const std::string half : {"", "hal"}) {
      std::ofstream(path, std::ios::trunc) << before << half;
      LineFile::open(path).value()->append("next\n");
      EXPECT_EQ(read_text_file(path).value(), before + "next\n");
    }
  }
}
