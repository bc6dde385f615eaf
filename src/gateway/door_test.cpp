// The limits at the door, over several gateways. What would break these: a limit that counts by gateway, or
// forgets; a share that is not given back, or twice; a request that nobody answers; a SessionId that comes
// again; a gateway that gets more than its part.
#include "gateway/door.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace everframe::gateway {
namespace {

class StillClock final : public platform::Clock {
 public:
  Time now() const override { return time; }
  WallMs wall() const override { return {}; }
  Time time{100s};
};

class DeadSocket final : public TunnelSocket {
 public:
  void write(std::vector<Bytes>) override {}
  void read_on() override {}
};

constexpr std::size_t GATEWAYS = 3;

class DoorTest : public ::testing::Test {
 protected:
  std::unique_ptr<Door> make(std::size_t sessions_max) {
    std::vector<Door::Entrance> entrances;
    for (std::size_t i = 0; i < GATEWAYS; ++i) {
      entrances.emplace_back([this, i](Connect request) {
        if (busy_) return false;
        ids_.insert(raw(request.ticket.session()));
        sessions_[i].push_back(std::move(request));
        return true;
      });
    }
    return std::make_unique<Door>(clock_, std::move(entrances), sessions_max);
  }

  // Its refusal's code; "in" if it has none.
  std::string ask(Door& door, std::uint8_t from = 1, bool tunnel = false) {
    std::string said = "in";
    Connect request;
    request.from = Address::v4(192, 0, 2, from, 1);
    if (tunnel) request.tunnel = std::make_unique<DeadSocket>();
    request.reply = [&said](ConnectReply reply) { said = std::get<ConnectRefusal>(reply).code; };
    door.let_in(std::move(request));
    return said;
  }
  void all_join() {
    for (auto& of_one : sessions_) {
      for (Connect& session : of_one) session.ticket.joined();
    }
  }

  StillClock clock_;
  bool busy_ = false;
  std::set<std::uint64_t> ids_;
  std::array<std::vector<Connect>, GATEWAYS> sessions_;
};

TEST_F(DoorTest, HandsOutEvenlyAndFillsUpWhatBecameFree) {
  const auto door = make(100);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(ask(*door), "in");
  EXPECT_EQ(door->sessions(), (std::vector<std::size_t>{3, 3, 3}));
  sessions_[1].clear();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(*door), "in");
  EXPECT_EQ(door->sessions(), (std::vector<std::size_t>{3, 3, 3}));
  EXPECT_EQ(ids_.size(), 12U) << "an id came again";
  EXPECT_FALSE(ids_.contains(0));
  EXPECT_EQ(door->connects(), 12U);
  EXPECT_EQ(door->refused(), 0U);
}

TEST_F(DoorTest, CountsSessionsOverAllGateways) {
  const auto door = make(4);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ask(*door), "in");
  EXPECT_EQ(ask(*door), "full");
  sessions_[2].pop_back();
  EXPECT_EQ(ask(*door), "in");
  EXPECT_EQ(ask(*door), "full");
  EXPECT_EQ(door->refused(), 2U);
}

TEST_F(DoorTest, CountsThoseWhoJoinUntilTheyHave) {
  const auto door = make(100'000);
  std::uint8_t from = 0;
  for (std::size_t i = 0; i < JOINS_WAITING_MAX; ++i) ASSERT_EQ(ask(*door, ++from), "in");
  EXPECT_EQ(ask(*door, ++from), "too_many");
  sessions_[0].front().ticket.joined();
  sessions_[0].front().ticket.joined();  // counts once
  EXPECT_EQ(ask(*door, ++from), "in");
  EXPECT_EQ(ask(*door, ++from), "too_many");
  all_join();
  EXPECT_EQ(ask(*door, ++from), "in");
  for (auto& of_one : sessions_) of_one.clear();
  EXPECT_EQ(door->sessions(), std::vector<std::size_t>(GATEWAYS, 0));
  for (std::size_t i = 0; i < JOINS_WAITING_MAX; ++i) ASSERT_EQ(ask(*door, ++from), "in");
  EXPECT_EQ(ask(*door, ++from), "too_many") << "who had joined gave his share back twice";
}

TEST_F(DoorTest, CountsTunnelsOverAllGateways) {
  const auto door = make(100'000);
  std::uint8_t from = 0;
  for (std::size_t i = 0; i < TUNNELS_MAX; ++i) {
    ASSERT_EQ(ask(*door, ++from, true), "in");
    if (i % 500 == 0) all_join();
  }
  all_join();
  EXPECT_EQ(ask(*door, ++from, true), "full");
  EXPECT_EQ(ask(*door, ++from), "in");
  sessions_[1].pop_back();
  EXPECT_EQ(ask(*door, ++from, true), "in");
}

TEST_F(DoorTest, AnAddressHasItsRateWhicheverGatewayItComesTo) {
  const auto door = make(100'000);
  for (std::uint32_t i = 0; i < CONNECTS_BURST; ++i) {
    ASSERT_EQ(ask(*door), "in");
    sessions_ = {};
  }
  EXPECT_EQ(ask(*door), "too_many");
  EXPECT_EQ(ask(*door, 2), "in");
  clock_.time += 1s;
  for (std::uint32_t i = 0; i < CONNECTS_A_SECOND; ++i) ASSERT_EQ(ask(*door), "in");
  EXPECT_EQ(ask(*door), "too_many");
}

TEST_F(DoorTest, WhatAGatewayDoesNotTakeIsAnsweredAndGivesItsShareBack) {
  const auto door = make(100);
  busy_ = true;
  EXPECT_EQ(ask(*door), "full");
  EXPECT_EQ(door->sessions(), std::vector<std::size_t>(GATEWAYS, 0));
  EXPECT_EQ(door->refused(), 1U);
}

}  // namespace
}  // namespace everframe::gateway
