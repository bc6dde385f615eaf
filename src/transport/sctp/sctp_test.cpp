// Two associations over a simulated path that loses, delays, duplicates and reorders packets, in virtual
// time. What would break these: an ordered message lost, doubled or out of order; an unreliable one delivered
// twice or half; a handshake, reset or retransmission that hangs when a packet is lost; a parser that trusts
// a length; state data that queues up behind a slow path instead of giving way.
#include <gtest/gtest.h>

#include <map>

#include "transport/sctp/association_pair.h"
#include "transport/sctp/crc32c.h"

using namespace everframe;
using namespace everframe::transport;
using namespace everframe::transport::sctp;

TEST(Crc32c, MatchesTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c(Bytes(32, 0x00)), 0x8a9136aaU);
  EXPECT_EQ(crc32c(Bytes(32, 0xff)), 0x62a8ab43U);
  Bytes rising;
  for (std::uint8_t i = 0; i < 32; ++i) rising.push_back(i);
  EXPECT_EQ(crc32c(rising), 0x46dd794eU);
}

TEST(Association, DeliversEverythingInOrderOverBadPaths) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Pair pair(seed, {static_cast<std::uint32_t>(seed % 4) * 5, Duration(1'000 * (seed % 120)),
                     Duration(1'000 * (seed % 30)), static_cast<std::uint32_t>(seed % 3) * 4, 0});
    const ChannelId events = pair.client.open({"events", "everframe.1", true, {}, {}}, pair.now).value();
    const ChannelId state = pair.client.open(state_options(), pair.now).value();
    pair.client.connect(pair.now);
    ASSERT_TRUE(pair.run_until(30s, [&] { return pair.all<ChannelEvent>(0).size() == 2; }));
    ASSERT_EQ(pair.all<ChannelEvent>(1).size(), 2U);
    constexpr std::uint64_t COUNT = 60;
    for (std::uint64_t i = 0; i < COUNT; ++i) {
      const std::size_t size = i % 20 == 7 ? 40'000 : 40;
      for (auto* from : {&pair.client, &pair.server}) {
        ASSERT_EQ(from->send(events, numbered(i, size), true, pair.now), SendOutcome::QUEUED);
        from->send(state, numbered(i, 100), true, pair.now);
      }
      pair.run_until(20ms, [] { return false; });
    }
    const auto reliable = [&](int side) {
      std::uint64_t n = 0;
      for (const auto& m : pair.all<MessageEvent>(side)) n += m.channel == events ? 1 : 0;
      return n;
    };
    ASSERT_TRUE(pair.run_until(120s, [&] { return reliable(0) == COUNT && reliable(1) == COUNT; }))
        << reliable(0) << " and " << reliable(1) << " of " << COUNT;
    for (int side = 0; side < 2; ++side) {
      std::uint64_t expected = 0;
      std::map<std::uint64_t, int> fresh;
      for (const auto& message : pair.all<MessageEvent>(side)) {
        if (message.channel == state) {
          EXPECT_EQ(message.bytes.size(), 100U);
          EXPECT_EQ(++fresh[number_of(message.bytes)], 1);
          continue;
        }
        EXPECT_EQ(number_of(message.bytes), expected);
        EXPECT_EQ(message.bytes.size(), expected % 20 == 7 ? 40'000U : 40U);
        ++expected;
      }
      EXPECT_GT(fresh.size(), 0U);  // bulk and 15 % loss leave little window, but never none
    }
  }
}

TEST(Association, LosesNoStateOnACleanPath) {
  Pair pair(5, {0, 30ms, 0ms, 0, 0});
  const ChannelId state = pair.client.open(state_options(), pair.now).value();
  pair.client.connect(pair.now);
  ASSERT_TRUE(pair.run_until(5s, [&] { return pair.all<ChannelEvent>(0).size() == 1; }));
  for (std::uint64_t i = 0; i < 300; ++i) {
    pair.client.send(state, numbered(i, 900), true, pair.now);
    pair.run_until(16ms, [] { return false; });
  }
  pair.run_until(1s, [] { return false; });
  EXPECT_EQ(pair.all<MessageEvent>(1).size(), 300U);
}

TEST(Association, ClosesChannelsOnBothSidesThoughPacketsAreLost) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Pair pair(seed, {15, 20ms, 10ms, 5, 0});
    const ChannelId channel = pair.client.open({"events", "", true, {}, {}}, pair.now).value();
    pair.client.connect(pair.now);
    ASSERT_TRUE(pair.run_until(30s, [&] { return pair.all<ChannelEvent>(0).size() == 1; }));
    pair.client.send(channel, numbered(1, 3'000), false, pair.now);
    (seed % 2 == 0 ? pair.client : pair.server).close(channel, pair.now);
    ASSERT_TRUE(pair.run_until(60s, [&] {
      return pair.all<ChannelClosedEvent>(0).size() == 1 && pair.all<ChannelClosedEvent>(1).size() == 1;
    }));
    if (seed % 2 == 0) {
      EXPECT_EQ(pair.all<MessageEvent>(1).size(), 1U);  // what was sent before the close arrives
    }
    const ChannelId again = pair.client.open({"again", "", true, {}, {}}, pair.now).value();
    ASSERT_TRUE(pair.run_until(30s, [&] { return pair.all<ChannelEvent>(0).size() == 2; }));
    pair.client.send(again, numbered(2, 10), true, pair.now);
    const std::size_t wanted = pair.all<MessageEvent>(1).size() + 1;
    ASSERT_TRUE(pair.run_until(30s, [&] { return pair.all<MessageEvent>(1).size() >= wanted; }));
  }
}

TEST(Association, KeepsStateFreshBehindABottleneck) {
  Pair pair(7, {0, 20ms, 0ms, 0, 300'000});
  const ChannelId state = pair.client.open(state_options(), pair.now).value();
  pair.client.connect(pair.now);
  ASSERT_TRUE(pair.run_until(10s, [&] { return pair.all<ChannelEvent>(0).size() == 1; }));
  std::map<std::uint64_t, Time> sent;
  std::vector<Duration> ages;
  std::size_t seen = 0;
  for (std::uint64_t i = 0; i < 600; ++i) {  // 480 kbit/s offered for 10 s
    sent[i] = pair.now;
    pair.client.send(state, numbered(i, 1'000), true, pair.now);
    const Time next = pair.now + 16'667us;
    while (pair.now < next) {
      pair.run_until(std::min<Duration>(1ms, next - pair.now), [] { return false; });
      const auto messages = pair.all<MessageEvent>(1);
      for (; seen < messages.size(); ++seen) ages.push_back(pair.now - sent[number_of(messages[seen].bytes)]);
    }
  }
  ASSERT_GT(ages.size(), 200U);
  std::sort(ages.begin(), ages.end());
  EXPECT_LT(ages[ages.size() / 2], 500ms);  // virtual time; without newest-wins the median exceeds 3 s
  EXPECT_GT(pair.client.sent_figures().gave_way, 100U);
}

TEST(Association, SurvivesAnyBytes) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Pair pair(seed, {});
    const ChannelId channel = pair.client.open({"events", "", true, {}, {}}, pair.now).value();
    pair.client.connect(pair.now);
    pair.run_until(1s, [&] { return pair.all<ChannelEvent>(0).size() == 1; });
    pair.client.send(channel, numbered(1, 2'000), true, pair.now);
    Prng prng(seed);
    Bytes packet;
    for (int i = 0; i < 50; ++i) {
      if (!pair.client.poll(packet, pair.now)) {
        pair.client.send(channel, numbered(1, 500), true, pair.now);
        if (!pair.client.poll(packet, pair.now)) packet = Bytes(64, 0);
      }
      for (std::uint64_t change = 0; change < 1 + prng.below(4); ++change) {
        packet[prng.below(packet.size())] = static_cast<std::uint8_t>(prng.next());
      }
      if (prng.below(4) == 0) packet.resize((prng.below(packet.size()) + 1) & ~std::size_t{3});
      if (packet.size() >=
          HEADER_SIZE) {  // a right checksum, so that the damage is seen by what is behind it
        for (std::size_t k = 8; k < 12; ++k) packet[k] = 0;
        const std::uint32_t crc = crc32c(packet);
        for (std::size_t k = 0; k < 4; ++k) packet[8 + k] = static_cast<std::uint8_t>(crc >> (8 * k));
      }
      pair.server.receive(packet, pair.now);
      pair.server.advance(pair.now);
      while (pair.server.poll(packet, pair.now)) pair.client.receive(packet, pair.now);
      while (pair.server.next_event()) {
      }
      pair.now += 10ms;
    }
  }
}

TEST(Association, TellsThePeerThatItEnds) {
  Pair pair(3, {});
  pair.client.open({"events", "", true, {}, {}}, pair.now).value();
  pair.client.connect(pair.now);
  ASSERT_TRUE(pair.run_until(5s, [&] { return pair.all<ChannelEvent>(0).size() == 1; }));
  pair.client.abort("done");
  EXPECT_TRUE(pair.run_until(1s, [&] { return pair.all<ClosedEvent>(1).size() == 1; }));
  EXPECT_TRUE(pair.server.closed());
}
