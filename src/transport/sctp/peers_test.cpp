// What other stacks do and ours does not: windows that close, INITs that come again, checksums left out. What
// would break these: a peer given up because its window is closed, or flooded then; an association disturbed
// by an INIT that the path has doubled, or kept when its peer has started over; a packet without checksum for
// a peer that did not ask for it; state that waits behind a large reliable message; a reset that is refused
// because it was asked for again.
#include <gtest/gtest.h>

#include "transport/sctp/association_pair.h"
#include "transport/sctp/crc32c.h"

namespace everframe::transport::sctp {
namespace {

const ChannelOptions EVENTS{"events", "everframe.1", true, {}, {}};

void fix_checksum(Bytes& packet) {
  for (std::size_t k = 8; k < 12; ++k) packet[k] = 0;
  const std::uint32_t crc = crc32c(packet);
  for (std::size_t k = 0; k < 4; ++k) packet[8 + k] = static_cast<std::uint8_t>(crc >> (8 * k));
}
bool has_checksum(const Bytes& packet) {
  Bytes right = packet;
  fix_checksum(right);
  return right == packet;
}

// Where a chunk of the type begins; 0: there is none.
std::size_t find_chunk(const Bytes& packet, ChunkType type) {
  ByteView rest = ByteView(packet).subspan(HEADER_SIZE);
  while (!rest.empty()) {
    const auto at = static_cast<std::size_t>(rest.data() - packet.data());
    const auto chunk = next_chunk(rest);
    if (!chunk) break;
    if (chunk->type == static_cast<std::uint8_t>(type)) return at;
  }
  return 0;
}
std::uint32_t tsn_of(const Bytes& packet, std::size_t data_chunk) {
  return read_u32(packet.data() + data_chunk + CHUNK_HEADER_SIZE);
}

ChannelId join(Pair& pair, const ChannelOptions& options = EVENTS) {
  const ChannelId channel = pair.client.open(options, pair.now).value();
  pair.client.connect(pair.now);
  EXPECT_TRUE(pair.run_until(10s, [&] { return !pair.all<ChannelEvent>(0).empty(); }));
  return channel;
}
bool in_order(const Pair& pair, std::uint64_t count) {
  const auto messages = pair.all<MessageEvent>(1);
  for (std::uint64_t i = 0; i < messages.size(); ++i) {
    if (number_of(messages[i].bytes) != i) return false;
  }
  return messages.size() == count;
}

TEST(ClosedWindow, IsProbedUntilItOpens) {
  Pair pair(1, {});
  bool closed = false;
  std::uint32_t client_tag = 0;
  std::uint64_t probes = 0;
  std::uint32_t first = 0;
  // While it is closed the server's application reads nothing: each chunk that comes is refused.
  pair.on_path = [&](int side, Bytes& packet) {
    if (side == 1 && find_chunk(packet, ChunkType::SACK) != 0) client_tag = read_u32(packet.data() + 4);
    const std::size_t data = side == 0 && closed ? find_chunk(packet, ChunkType::DATA) : 0;
    if (data == 0) return true;
    if (probes++ == 0) first = tsn_of(packet, data);
    Bytes answer;
    PacketWriter writer(answer, PORT, client_tag);
    writer.open(ChunkType::SACK);
    put_u32(writer.out(), first - 1);
    put_u32(writer.out(), 0);  // the window
    put_u32(writer.out(), 0);
    writer.close();
    writer.finish();
    pair.inject(0, answer);
    return false;
  };
  const ChannelId channel = join(pair);
  constexpr std::uint64_t COUNT = 40;
  for (std::uint64_t i = 0; i < 2; ++i) pair.client.send(channel, numbered(i, 1'000), true, pair.now);
  ASSERT_TRUE(pair.run_until(5s, [&] { return in_order(pair, 2); }));
  pair.run_until(1s, [] { return false; });  // all is acknowledged
  closed = true;
  for (std::uint64_t i = 2; i < COUNT; ++i) pair.client.send(channel, numbered(i, 1'000), true, pair.now);
  EXPECT_FALSE(pair.run_until(200s, [&] { return pair.client.closed(); }));
  EXPECT_GT(probes, TIMEOUTS_MAX + 2);  // alive beyond the timeouts after which silence would have ended it
  EXPECT_LT(probes, 60U);               // and the first flight apart, one probe a timeout
  closed = false;
  ASSERT_TRUE(pair.run_until(30s, [&] { return in_order(pair, COUNT); }));
}

TEST(RepeatedInit, BeforeTheAssociationIsUpMakesOneAssociation) {
  Pair pair(2, {});
  int answers = 0;
  pair.on_path = [&](int side, Bytes& packet) {
    // The first two answers are lost: the client asks three times.
    return side != 1 || find_chunk(packet, ChunkType::INIT_ACK) == 0 || ++answers > 2;
  };
  const ChannelId channel = join(pair);
  EXPECT_EQ(answers, 3);
  pair.client.send(channel, numbered(0, 100), true, pair.now);
  EXPECT_TRUE(pair.run_until(5s, [&] { return in_order(pair, 1); }));
  EXPECT_EQ(pair.all<ConnectedEvent>(1).size(), 1U);
}

TEST(RepeatedInit, ThatThePathHasDelayedDisturbsNothing) {
  Pair pair(3, {});
  Bytes init;
  Bytes echo;
  pair.on_path = [&](int side, Bytes& packet) {
    if (side == 0 && init.empty() && find_chunk(packet, ChunkType::INIT) != 0) init = packet;
    if (side == 0 && echo.empty() && find_chunk(packet, ChunkType::COOKIE_ECHO) != 0) echo = packet;
    return true;
  };
  const ChannelId channel = join(pair);
  ASSERT_FALSE(init.empty() || echo.empty());
  for (std::uint64_t i = 0; i < 20; ++i) {
    pair.client.send(channel, numbered(i, 2'000), true, pair.now);
    pair.inject(1, i % 2 == 0 ? init : echo);
    pair.run_until(7ms, [] { return false; });
  }
  EXPECT_TRUE(pair.run_until(5s, [&] { return in_order(pair, 20); }));
  EXPECT_EQ(pair.all<ConnectedEvent>(1).size(), 1U);
  EXPECT_FALSE(pair.client.closed() || pair.server.closed());
}

TEST(RepeatedInit, OfAPeerThatStartsOverEndsTheAssociation) {
  Pair pair(4, {});
  Bytes init;
  pair.on_path = [&](int side, Bytes& packet) {
    if (side == 0 && init.empty() && find_chunk(packet, ChunkType::INIT) != 0) init = packet;
    return true;
  };
  join(pair);
  ASSERT_FALSE(init.empty());
  init[HEADER_SIZE + CHUNK_HEADER_SIZE] ^= 1;  // another tag
  fix_checksum(init);
  pair.inject(1, init);
  EXPECT_TRUE(pair.run_until(1s, [&] { return pair.server.closed(); }));
  EXPECT_EQ(pair.all<ClosedEvent>(1).size(), 1U);
}

TEST(ZeroChecksum, IsUsedWithAPeerThatTakesItButForInitAndCookieEcho) {
  Pair pair(5, {});
  std::uint64_t without[2] = {};
  pair.on_path = [&](int side, Bytes& packet) {
    const bool checked = has_checksum(packet);
    without[side] += checked ? 0 : 1;
    for (const ChunkType type : {ChunkType::INIT, ChunkType::INIT_ACK, ChunkType::COOKIE_ECHO}) {
      EXPECT_TRUE(checked || find_chunk(packet, type) == 0);
    }
    EXPECT_TRUE(checked || read_u32(packet.data() + 8) == 0);
    return true;
  };
  const ChannelId channel = join(pair);
  for (std::uint64_t i = 0; i < 10; ++i) pair.client.send(channel, numbered(i, 1'500), true, pair.now);
  EXPECT_TRUE(pair.run_until(5s, [&] { return in_order(pair, 10); }));
  EXPECT_GT(without[0], 10U);
  EXPECT_GT(without[1], 3U);
}

TEST(ZeroChecksum, IsNotUsedWithAPeerThatDoesNotOfferIt) {
  Pair pair(6, {});
  pair.on_path = [&](int side, Bytes& packet) {
    const std::uint8_t wanted[] = {0x80, 0x01, 0x00, 0x08};
    const auto offer = std::search(packet.begin(), packet.end(), std::begin(wanted), std::end(wanted));
    if (side == 0 && find_chunk(packet, ChunkType::INIT) != 0) {
      EXPECT_NE(offer, packet.end());
      offer[1] = 0x77;  // a parameter that nobody knows
      fix_checksum(packet);
    }
    EXPECT_TRUE(side == 0 || has_checksum(packet));
    return true;
  };
  const ChannelId channel = join(pair);
  for (std::uint64_t i = 0; i < 10; ++i) pair.client.send(channel, numbered(i, 1'500), true, pair.now);
  EXPECT_TRUE(pair.run_until(5s, [&] { return in_order(pair, 10); }));
}

TEST(ZeroChecksum, OfAnInitIsRefusedAndAWrongOneAlways) {
  Pair pair(7, {});
  Bytes init;
  pair.on_path = [&](int side, Bytes& packet) {
    if (side == 0 && init.empty()) init = packet;
    return true;
  };
  const ChannelId channel = join(pair);
  const std::uint64_t before = pair.server.figures().bad_packets;
  for (std::size_t k = 8; k < 12; ++k) init[k] = 0;
  pair.server.receive(init, pair.now);
  EXPECT_EQ(pair.server.figures().bad_packets, before + 1);
  pair.on_path = [](int, Bytes& packet) {
    packet[8] ^= 0x55;
    return true;
  };
  pair.client.send(channel, numbered(0, 100), true, pair.now);
  pair.run_until(100ms, [] { return false; });
  EXPECT_GT(pair.server.figures().bad_packets, before + 1);
  EXPECT_EQ(pair.all<MessageEvent>(1).size(), 0U);
}

// 160 kB at 2 Mbit/s take 0.7 s: without overtaking none of the state of that time would come.
TEST(State, OvertakesALargeReliableMessage) {
  Pair pair(8, {0, 20ms, 0ms, 0, 2'000'000});
  std::uint32_t furthest = 0;
  std::uint32_t acknowledged = 0;
  pair.on_path = [&](int side, Bytes& packet) {
    const std::size_t data = find_chunk(packet, ChunkType::DATA);
    const std::size_t sack = find_chunk(packet, ChunkType::SACK);
    if (side == 1 && sack != 0) acknowledged = tsn_of(packet, sack);
    if (side == 0 && data != 0 && acknowledged != 0)
      furthest = std::max(furthest, tsn_of(packet, data) - acknowledged);
    return true;
  };
  const ChannelId state = pair.client.open(state_options(), pair.now).value();
  const ChannelId events = join(pair);
  ASSERT_TRUE(pair.run_until(2s, [&] { return pair.all<ChannelEvent>(0).size() == 2; }));
  Bytes large(60'000, 1);
  const auto count = [&](ChannelId channel) {
    std::size_t arrived = 0;
    for (const auto& message : pair.all<MessageEvent>(1)) arrived += message.channel == channel ? 1 : 0;
    return arrived;
  };
  for (int i = 0; i < 3; ++i) ASSERT_EQ(pair.client.send(events, large, true, pair.now), SendOutcome::QUEUED);
  std::size_t sent = 0;
  while (count(events) < 3 && sent < 200) {
    pair.client.send(state, numbered(sent++, 200), true, pair.now);
    pair.run_until(16'667us, [] { return false; });
  }
  EXPECT_EQ(count(events), 3U);
  EXPECT_GT(sent, 30U);  // it took a while
  EXPECT_GT(count(state) * 10, sent * 8) << count(state) << " of " << sent;
  EXPECT_LE(furthest, OUTSTANDING_MAX);
}

// A peer that asks for a reset while its last message is still on the way, and asks again before it came.
class Reset : public ::testing::Test {
 protected:
  void join_and_hold_back() {
    pair_.on_path = [this](int side, Bytes& packet) { return look(side, packet); };
    channel_ = join(pair_);
    pair_.run_until(1s, [] { return false; });  // all is acknowledged
    holding_ = true;
    pair_.client.send(channel_, numbered(0, 100), true, pair_.now);
    pair_.run_until(10ms, [] { return false; });
    ASSERT_FALSE(held_.empty());
  }
  bool look(int side, Bytes& packet) {
    if (side == 0 && find_chunk(packet, ChunkType::INIT) != 0)
      next_request_ = read_u32(packet.data() + HEADER_SIZE + CHUNK_HEADER_SIZE + 12);
    const std::size_t data = side == 0 ? find_chunk(packet, ChunkType::DATA) : 0;
    if (data != 0 && holding_) {
      tag_ = read_u32(packet.data() + 4);
      last_tsn_ = tsn_of(packet, data);
      held_ = packet;
      return false;
    }
    ByteView rest = ByteView(packet).subspan(HEADER_SIZE);
    while (const auto chunk = next_chunk(rest)) {  // it asks for a reset itself, beside its answer
      if (side == 0 || chunk->type != static_cast<std::uint8_t>(ChunkType::RE_CONFIG)) continue;
      ByteView params = chunk->value;
      const auto param = next_param(params);
      if (param && static_cast<ParamType>(param->type) == ParamType::RECONFIG_RESPONSE)
        answers_.emplace_back(read_u32(param->value.data()), read_u32(param->value.data() + 4));
    }
    return true;
  }
  void ask(std::uint32_t request) {
    Bytes value;
    put_u32(value, request);
    put_u32(value, 0);
    put_u32(value, last_tsn_);
    put_u16(value, static_cast<std::uint16_t>(channel_));
    Bytes packet;
    PacketWriter writer(packet, PORT, tag_);
    writer.open(ChunkType::RE_CONFIG);
    put_param(writer.out(), ParamType::OUTGOING_RESET, value);
    writer.close();
    writer.finish();
    pair_.inject(1, packet);
    pair_.run_until(30ms, [] { return false; });
  }
  using Answers = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  static constexpr std::uint32_t NOTHING_TO_DO = 0;
  static constexpr std::uint32_t PERFORMED = 1;
  static constexpr std::uint32_t BAD_SEQUENCE = 5;
  static constexpr std::uint32_t IN_PROGRESS = 6;

  Pair pair_{9, {}};
  ChannelId channel_{};
  bool holding_ = false;
  Bytes held_;
  std::uint32_t tag_ = 0;
  std::uint32_t next_request_ = 0;
  std::uint32_t last_tsn_ = 0;
  Answers answers_;
};

TEST_F(Reset, InProgressMayBeAskedForAgainUnderTheNextNumber) {  // dcSCTP
  join_and_hold_back();
  const std::uint32_t request = next_request_;
  ask(request);
  ask(request + 1);
  ask(request + 3);
  EXPECT_EQ(answers_,
            (Answers{{request, IN_PROGRESS}, {request + 1, IN_PROGRESS}, {request + 3, BAD_SEQUENCE}}));
  EXPECT_TRUE(pair_.all<ChannelClosedEvent>(1).empty());
  answers_.clear();
  holding_ = false;
  pair_.inject(1, held_);
  pair_.run_until(30ms, [] { return false; });
  EXPECT_EQ(answers_, (Answers{{request + 1, PERFORMED}}));
  EXPECT_EQ(pair_.all<MessageEvent>(1).size(), 1U);
  answers_.clear();
  ask(request + 1);
  ASSERT_FALSE(answers_.empty());  // one may be to the client, which does not know what was asked in its name
  EXPECT_EQ(answers_.back(), std::pair(request + 1, NOTHING_TO_DO));
}

TEST_F(Reset, InProgressMayBeAskedForAgainUnderItsNumber) {  // usrsctp
  join_and_hold_back();
  const std::uint32_t request = next_request_;
  ask(request);
  ask(request);
  EXPECT_EQ(answers_, (Answers{{request, IN_PROGRESS}, {request, IN_PROGRESS}}));
  answers_.clear();
  holding_ = false;
  pair_.inject(1, held_);
  pair_.run_until(30ms, [] { return false; });
  EXPECT_EQ(answers_, (Answers{{request, PERFORMED}}));
}

}  // namespace
}  // namespace everframe::transport::sctp
