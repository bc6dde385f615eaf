// The sending half alone: what it does with its window and its timer while a large message has TSNs that are
// not sent yet. What would break these: a recovery that lasts as long as the message, one that takes a second
// loss for the first, one that cuts twice for one; a timer that runs on though what it stands for has
// arrived.
#include "transport/sctp/outbound.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace everframe::transport::sctp {
namespace {

constexpr std::uint32_t FIRST = 1'000;
constexpr Duration RTT = 50ms;

class Sender {
 public:
  Sender() { out.start(FIRST, 1 << 20, true); }

  void send(std::size_t size, bool reliable) {
    Outbound::Message message;
    message.ppid = 53;
    message.bytes = Bytes(size, 7);
    message.ordered = reliable;
    message.queued = now;
    if (!reliable) message.max_retransmits = std::uint16_t{0};
    ASSERT_EQ(out.send(std::move(message)), SendOutcome::QUEUED);
  }
  // The TSNs that leave in one packet.
  std::vector<std::uint32_t> packet() {
    Bytes bytes;
    PacketWriter writer(bytes, 5'000, 1);
    out.write(writer, now);
    writer.finish();
    std::vector<std::uint32_t> tsns;
    ByteView rest = ByteView(bytes).subspan(HEADER_SIZE);
    while (const auto chunk = next_chunk(rest)) {
      if (chunk->type == static_cast<std::uint8_t>(ChunkType::DATA))
        tsns.push_back(read_u32(chunk->value.data()));
    }
    return tsns;
  }
  std::vector<std::uint32_t> all_packets() {
    std::vector<std::uint32_t> all;
    for (auto some = packet(); !some.empty(); some = packet())
      all.insert(all.end(), some.begin(), some.end());
    return all;
  }
  // Everything up to `cumulative`, and from `gap` to `last` if that is given.
  void sack(std::uint32_t cumulative, std::uint32_t gap = 0, std::uint32_t last = 0) {
    Bytes value;
    put_u32(value, cumulative);
    put_u32(value, 1 << 20);
    put_u16(value, gap != 0 ? 1 : 0);
    put_u16(value, 0);
    if (gap != 0) {
      put_u16(value, static_cast<std::uint16_t>(gap - cumulative));
      put_u16(value, static_cast<std::uint16_t>(last - cumulative));
    }
    ASSERT_TRUE(out.sack({static_cast<std::uint8_t>(ChunkType::SACK), 0, value}, now));
  }
  std::size_t window() const { return out.room(); }  // while nothing is in flight

  Outbound out;
  Time now{1s};
};

// Sends windows of a large message until `until` is acknowledged; nothing is lost.
void go_on(Sender& sender, std::uint32_t until, std::uint32_t& sent, std::uint32_t& acknowledged) {
  while (acknowledged < until) {
    for (const std::uint32_t tsn : sender.all_packets()) sent = std::max(sent, tsn);
    sender.now += RTT;
    ASSERT_GT(sent, acknowledged);
    sender.sack(sent);
    acknowledged = sent;
  }
}

// Loses the first chunk of a window, and has it sent again.
void lose_one(Sender& sender, std::uint32_t& sent, std::uint32_t& acknowledged) {
  for (const std::uint32_t tsn : sender.all_packets()) sent = std::max(sent, tsn);
  sender.now += RTT;
  const std::uint32_t last = sent;
  ASSERT_GT(last, acknowledged + 5);
  for (std::uint32_t heard = acknowledged + 2; heard <= last; ++heard)  // one at a time
    sender.sack(acknowledged, acknowledged + 2, heard);
  const auto again = sender.all_packets();
  ASSERT_NE(std::find(again.begin(), again.end(), acknowledged + 1), again.end());
  for (const std::uint32_t tsn : again) sent = std::max(sent, tsn);
  sender.now += RTT;
  sender.sack(sent);
  acknowledged = sent;
}

TEST(Recovery, EndsWithWhatWasInFlightThoughTheMessageHasMoreTsns) {
  Sender sender;
  sender.send(FRAGMENT_SIZE * 200, true);
  std::uint32_t sent = FIRST - 1;
  std::uint32_t acknowledged = FIRST - 1;
  const std::size_t before = sender.window();
  lose_one(sender, sent, acknowledged);
  const std::size_t cut = sender.window();
  EXPECT_LE(cut, before / 2 + PACKET_SIZE_MAX) << "one loss, one cut, and no growth but the one that ends it";
  EXPECT_GE(cut, before / 2) << "one loss, one cut";
  go_on(sender, FIRST + 100, sent, acknowledged);
  EXPECT_GT(sender.window(), cut) << "it still recovers";
  const std::size_t grown = sender.window();
  lose_one(sender, sent, acknowledged);
  EXPECT_LT(sender.window(), grown) << "the second loss went unheard";
  ASSERT_LT(sent, FIRST + 199) << "the message must not have been out before";
}

TEST(RetransmissionTimer, StartsAnewWhenTheEarliestOutstandingArrives) {
  Sender sender;
  sender.send(FRAGMENT_SIZE * 5, true);
  ASSERT_EQ(sender.packet(), std::vector{FIRST});
  const std::uint32_t state = FIRST + 5;  // behind those that the message has
  sender.send(300, false);
  sender.send(300, false);
  ASSERT_EQ(sender.packet(), (std::vector{state, state + 1}));
  sender.now += RTT;
  sender.sack(FIRST);
  const Time before = sender.out.timeout().value();
  sender.now += RTT;
  sender.sack(FIRST, state, state);  // the cumulative TSN cannot advance: what follows it was not sent yet
  EXPECT_GT(sender.out.timeout().value(), before);
}

TEST(RetransmissionTimer, RunsOnWhenALaterOneArrives) {
  Sender sender;
  sender.send(FRAGMENT_SIZE * 2, true);
  ASSERT_EQ(sender.all_packets().size(), 2U);
  const Time before = sender.out.timeout().value();
  sender.now += 5ms;
  sender.sack(FIRST - 1, FIRST + 1, FIRST + 1);
  EXPECT_EQ(sender.out.timeout().value(), before);
}

}  // namespace
}  // namespace everframe::transport::sctp
