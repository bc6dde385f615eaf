// The network's faults happen, as often as the conditions say and to whom they say.
#include "platform_sim/simulated_network.h"

#include <gtest/gtest.h>

namespace everframe::platform_sim {

namespace {

constexpr int SENT = 2'000;

// A sender and a receiver, each a process of its own; a datagram each millisecond, its number in it.
class SimulatedNetworkTest : public testing::Test {
 protected:
  void open() {
    away_.ip = Address::parse("10.0.0.2:0")->ip;
    here_.ip = Address::parse("10.0.0.1:0")->ip;
    network_a_ = network_.host(a_, here_);
    network_b_ = network_.host(b_, away_);
    Address local_b = away_;
    local_b.port = 900;
    from_ = network_a_->open_udp(a_.executor("main"), here_, [](auto) {}).value();
    to_ = network_b_
              ->open_udp(b_.executor("main"), local_b,
                         [this](std::span<const platform::Datagram> datagrams) {
                           for (const auto& datagram : datagrams) take(datagram);
                         })
              .value();
  }
  void send(int count) {
    for (int i = 0; i < count; ++i) {
      a_.executor("main").post([this, i] {
        const Bytes bytes{static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8), 0x55};
        const platform::Datagram datagram{to_->local(), bytes};
        from_->send({&datagram, 1});
      });
      world_.run_for(1ms);
    }
    world_.run_for(1s);
  }
  void take(const platform::Datagram& datagram) {
    got_.push_back(datagram.bytes[0] | datagram.bytes[1] << 8);
    if (datagram.bytes[2] != 0x55) ++damaged_;
    seen_.insert(datagram.peer);
  }

  VirtualWorld world_{11};
  SimulatedNetwork network_{world_};
  Process a_{world_, "a"};
  Process b_{world_, "b"};
  Address here_;
  Address away_;
  std::unique_ptr<platform::Network> network_a_;
  std::unique_ptr<platform::Network> network_b_;
  std::unique_ptr<platform::UdpSocket> from_;
  std::unique_ptr<platform::UdpSocket> to_;
  std::vector<int> got_;
  int damaged_ = 0;
  std::set<Address> seen_;
};

}  // namespace

TEST_F(SimulatedNetworkTest, DeliversAllInOrderWhenNothingIsWrong) {
  world_.set_pace({.hold_up_permille = 0});
  network_.set_conditions({.latency_low = 5ms, .latency_high = 5ms});
  open();
  send(SENT);
  ASSERT_EQ(got_.size(), static_cast<std::size_t>(SENT));
  EXPECT_TRUE(std::is_sorted(got_.begin(), got_.end()));
}

TEST_F(SimulatedNetworkTest, LosesDoublesDelaysAndDamagesAsOftenAsTold) {
  network_.set_conditions(
      {.loss_permille = 100, .duplicate_permille = 50, .damage_permille = 30, .straggler_permille = 50});
  open();
  send(SENT);
  const SimulatedNetwork::Figures& figures = network_.figures();
  EXPECT_NEAR(static_cast<double>(figures.lost), 200, 60);
  EXPECT_NEAR(static_cast<double>(figures.duplicated), 90, 40);
  EXPECT_NEAR(static_cast<double>(figures.damaged), 55, 30);
  EXPECT_EQ(got_.size(), figures.sent - figures.lost + figures.duplicated);
  EXPECT_FALSE(std::is_sorted(got_.begin(), got_.end()));
  EXPECT_GT(damaged_, 0);
}

TEST_F(SimulatedNetworkTest, IsSilentToWhomItCutsOffAndFromAProcessThatStopped) {
  open();
  network_.cut_off(away_, true);
  send(10);
  EXPECT_TRUE(got_.empty());
  network_.cut_off(away_, false);
  send(10);
  EXPECT_EQ(got_.size(), 10u);
  a_.stop();
  send(10);
  EXPECT_EQ(got_.size(), 10u);
  Process::bury({&a_}, [this] { from_.reset(); });
}

TEST_F(SimulatedNetworkTest, ShowsARebindingUnderANewAddress) {
  open();
  send(5);
  network_.rebind(here_);
  send(5);
  EXPECT_EQ(got_.size(), 10u);
  EXPECT_EQ(seen_.size(), 2u);
}

TEST_F(SimulatedNetworkTest, TakesItsTimeOnANarrowLine) {
  open();
  network_.narrow(away_, 300);  // a hundred of these a second, were there no headers
  const Time begun = world_.now();
  for (int i = 0; i < 50; ++i) {
    a_.executor("main").post([this] {
      const Bytes bytes{1, 2, 0x55};
      const platform::Datagram datagram{to_->local(), bytes};
      from_->send({&datagram, 1});
    });
  }
  world_.run_until(begun + 200ms);
  EXPECT_LT(got_.size(), 25u);
}

}  // namespace everframe::platform_sim
