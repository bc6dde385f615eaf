// What would break these: a datagram lost or changed on an idle loopback, a callback on the wrong thread, a
// cancelled timer that fires, a file that reads back other bytes, a directory that two owners may hold, half
// a line of a killed process that stays before the next one.
#include <gtest/gtest.h>
#include <stdlib.h>

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
