// What would break these: state that grows old in a queue, events lost or out of order, memory that grows
// with a socket that takes nothing, bytes that are no message taken for one.
#include "gateway/tunnel.h"

#include <gtest/gtest.h>

#include "platform_sim/virtual_executor.h"

namespace everframe::gateway {
namespace {

// A socket whose test decides when it has taken what it was given.
struct Wire {
  std::vector<std::vector<Bytes>> portions;
  int reads = 0;
  bool closed = false;
};
class FakeSocket final : public TunnelSocket {
 public:
  explicit FakeSocket(Wire& wire) : wire_(wire) {}
  ~FakeSocket() override { wire_.closed = true; }
  void write(std::vector<Bytes> messages) override { wire_.portions.push_back(std::move(messages)); }
  void read_on() override { ++wire_.reads; }

 private:
  Wire& wire_;
};

Bytes text(std::string_view said) {
  const ByteView view = bytes_of(said);
  return Bytes(view.begin(), view.end());
}
std::string words(const Bytes& bytes) {
  return std::to_string(bytes.at(0)) + std::string(chars_of(ByteView(bytes).subspan(1)));
}

class TunnelTest : public ::testing::Test {
 protected:
  TunnelTest() { mouth_ = tunnel_->mouth(); }
  void settle() { executor_.run_for(1ms); }
  auto send(Channel channel, std::string_view said) { return tunnel_->send(channel, text(said)); }
  std::vector<std::string> portion(std::size_t index) {
    std::vector<std::string> out;
    for (const Bytes& message : wire_.portions.at(index)) out.push_back(words(message));
    return out;
  }
  template <class Event>
  std::size_t told() const {
    return static_cast<std::size_t>(
        std::count_if(events_.begin(), events_.end(),
                      [](const CarrierEvent& event) { return std::holds_alternative<Event>(event); }));
  }

  platform_sim::VirtualExecutor executor_;
  Wire wire_;
  std::vector<CarrierEvent> events_;
  std::shared_ptr<Tunnel> tunnel_ =
      std::make_shared<Tunnel>(executor_, std::make_unique<FakeSocket>(wire_),
                               [this](CarrierEvent event) { events_.push_back(std::move(event)); });
  std::shared_ptr<TunnelMouth> mouth_;
};

using Words = std::vector<std::string>;
using transport::SendOutcome;

TEST_F(TunnelTest, WhatOneRoundSaysLeavesTogetherWithItsChannels) {
  send(Channel::EVENTS, "a");
  send(Channel::STATE, "p");
  send(Channel::EVENTS, "b");
  EXPECT_TRUE(wire_.portions.empty());
  settle();
  ASSERT_EQ(wire_.portions.size(), 1U);
  EXPECT_EQ(portion(0), (Words{"0a", "0b", "1p"}));
}

TEST_F(TunnelTest, AnAnswerInAHurryDoesNotWaitForTheRoundsEnd) {
  send(Channel::EVENTS, "a");
  tunnel_->hurry();
  ASSERT_EQ(wire_.portions.size(), 1U);
}

TEST_F(TunnelTest, WhileTheSocketIsBusyTheNewestStateWinsAndEventsWait) {
  EXPECT_EQ(send(Channel::STATE, "1"), SendOutcome::QUEUED);
  settle();
  EXPECT_EQ(send(Channel::STATE, "2"), SendOutcome::QUEUED);
  EXPECT_EQ(send(Channel::EVENTS, "a"), SendOutcome::QUEUED);
  settle();
  EXPECT_EQ(send(Channel::STATE, "3"), SendOutcome::REPLACED);
  EXPECT_EQ(send(Channel::EVENTS, "b"), SendOutcome::QUEUED);
  settle();
  EXPECT_EQ(wire_.portions.size(), 1U);
  mouth_->written();
  settle();
  ASSERT_EQ(wire_.portions.size(), 2U);
  EXPECT_EQ(portion(1), (Words{"0a", "0b", "13"}));
}

TEST_F(TunnelTest, ALongQueueGoesInPortionsEachWithTheNewestState) {
  const Bytes large(TUNNEL_PORTION_MAX, 'x');
  send(Channel::STATE, "1");
  for (int i = 0; i < 3; ++i) tunnel_->send(Channel::EVENTS, large);
  for (int i = 0; i < 3; ++i) {
    settle();
    ASSERT_EQ(wire_.portions.size(), static_cast<std::size_t>(i + 1));
    EXPECT_EQ(wire_.portions.back().size(), 2U);
    EXPECT_EQ(words(wire_.portions.back().back()), "1" + std::to_string(i + 1));
    send(Channel::STATE, std::to_string(i + 2));
    mouth_->written();
  }
}

TEST_F(TunnelTest, ASocketThatTakesNothingCostsNoMoreThanItsLimit) {
  const Bytes large(256 << 10, 'x');
  std::size_t taken = 0;
  SendOutcome outcome = SendOutcome::QUEUED;
  for (; taken < 1'000 && outcome == SendOutcome::QUEUED; ++taken) {
    outcome = tunnel_->send(Channel::EVENTS, large);
    settle();
  }
  EXPECT_EQ(outcome, SendOutcome::QUEUE_FULL);
  EXPECT_LE(tunnel_->buffered(), TUNNEL_WAITING_MAX);
  EXPECT_EQ(wire_.portions.size(), 1U);
  EXPECT_EQ(send(Channel::STATE, "p"), SendOutcome::QUEUED);
}

TEST_F(TunnelTest, BufferedIsWhatTheSocketHasNotTaken) {
  send(Channel::EVENTS, "abc");
  EXPECT_EQ(tunnel_->buffered(), 4U);
  settle();
  EXPECT_EQ(tunnel_->buffered(), 4U);
  mouth_->written();
  settle();
  EXPECT_EQ(tunnel_->buffered(), 0U);
}

TEST_F(TunnelTest, WhatIsHeardIsToldWithoutItsChannelAndReadingGoesOn) {
  mouth_->opened();
  mouth_->heard({{text(std::string("\0abc", 4)), true}, {text("\x01p"), true}});
  settle();
  ASSERT_EQ(events_.size(), 3U);
  const auto& first = std::get<CarrierMessage>(events_[1]);
  EXPECT_EQ(first.channel, Channel::EVENTS);
  EXPECT_EQ(chars_of(first.bytes), "abc");
  EXPECT_EQ(std::get<CarrierMessage>(events_[2]).channel, Channel::STATE);
  EXPECT_EQ(wire_.reads, 1);
}

TEST_F(TunnelTest, WhatIsNoMessageIsToldAsBroken) {
  mouth_->heard({{text("hello"), false}, {{}, true}, {text("\x02x"), true}, {text("x"), true}});
  settle();
  EXPECT_EQ(told<CarrierBroken>(), 4U);
  EXPECT_EQ(told<CarrierMessage>(), 0U);
}

TEST_F(TunnelTest, AClosedSocketIsToldOnceAndTakesNothingMore) {
  send(Channel::EVENTS, "abc");
  settle();
  send(Channel::EVENTS, "def");
  mouth_->closed("gone");
  settle();
  EXPECT_EQ(told<CarrierClosed>(), 1U);
  EXPECT_TRUE(wire_.closed);
  EXPECT_EQ(send(Channel::EVENTS, "abc"), SendOutcome::CLOSED);
  EXPECT_EQ(tunnel_->buffered(), 0U);
  settle();
  EXPECT_EQ(wire_.portions.size(), 1U);
}

TEST_F(TunnelTest, ItsEndClosesTheSocketAndWhatIsSaidLaterReachesNobody) {
  tunnel_.reset();
  EXPECT_TRUE(wire_.closed);
  mouth_->heard({{text("x"), true}});
  mouth_->written();
  mouth_->closed("gone");
  settle();
  EXPECT_TRUE(events_.empty());
}

}  // namespace
}  // namespace everframe::gateway
