// What would break these: a field that is written and not read (or in another order), a count that makes the
// decoder allocate what a peer invents, bytes accepted that no encoder writes, a message accepted on the
// wrong channel.
#include <gtest/gtest.h>

#include "base/random.h"
#include "wire/codec.h"

using namespace everframe;
using namespace everframe::wire;

namespace {

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : prng_(seed) {}

  std::uint64_t number() { return prng_.next() >> prng_.below(64); }
  std::int32_t angle() { return static_cast<std::int32_t>(prng_.next()) >> prng_.below(32); }
  std::string text(std::size_t limit) { return std::string(prng_.below(limit + 1), 'e'); }
  Vec3 position() { return {angle(), angle(), angle()}; }
  Stack stack() { return {ItemType{static_cast<std::uint16_t>(number())}, number()}; }
  std::vector<Stack> stacks() {
    std::vector<Stack> out(prng_.below(5));
    for (auto& s : out) s = stack();
    return out;
  }
  EntityView entity() {
    return {EntityId{number()},
            EntityType{static_cast<std::uint16_t>(number())},
            position(),
            angle(),
            angle(),
            static_cast<std::uint32_t>(number()),
            PlayerId{number()},
            stacks()};
  }
  std::vector<EntityView> entities() {
    std::vector<EntityView> out(prng_.below(6));
    for (auto& e : out) e = entity();
    return out;
  }
  Pose pose() {
    Pose out{position(), angle(), angle(), {}};
    for (auto& part : out.parts) {
      if (prng_.below(2) == 0) part = Part{position(), static_cast<std::uint32_t>(prng_.next())};
    }
    return out;
  }
  ActionBody body(std::size_t kind) {
    switch (kind) {
      case 0:
        return Harvest{EntityId{number()}};
      case 1:
        return Build{EntityType{static_cast<std::uint16_t>(number())}, position(), angle()};
      case 2:
        return PickUp{EntityId{number()}};
      case 3:
        return Drop{stack()};
      case 4:
        return Craft{RecipeId{static_cast<std::uint16_t>(number())}, number()};
      case 5:
        return Interact{EntityId{number()}};
      case 6:
        return Transfer{EntityId{number()}, stack(), prng_.below(2) == 0};
      default:
        return Idle{};
    }
  }
  ClientEvent client_event(std::size_t kind) {
    switch (kind) {
      case 0:
        return Action{ActionSeq{number()}, body(prng_.below(8))};
      case 1:
        return Ping{prng_.next()};
      case 2:
        return Leave{};
      default:
        return Resync{ChunkCode{number()}};
    }
  }
  ServerEvent server_event(std::size_t kind) {
    switch (kind) {
      case 0:
        return Welcome{PlayerId{number()},
                       EntityId{number()},
                       text(PLAYER_NAME_MAX),
                       position(),
                       angle(),
                       FrameNo{number()},
                       ActionSeq{number()},
                       60,
                       5,
                       number(),
                       prng_.next(),
                       WallMs{static_cast<std::int64_t>(number())}};
      case 1:
        return Accepted{ActionSeq{number()}};
      case 2:
        return Applied{ActionSeq{number()}, FrameNo{number()}};
      case 3:
        return Refused{ActionSeq{number()}, FrameNo{number()}, 7};
      case 4:
        return Inventory{FrameNo{number()}, stacks()};
      case 5:
        return ChunkSnapshot{ChunkCode{number()}, number(), entities()};
      case 6:
        return ChunkChanges{ChunkCode{number()}, number(),   number(),
                            FrameNo{number()},   entities(), {EntityId{number()}, EntityId{number()}}};
      case 7:
        return ChunkForget{ChunkCode{number()}};
      case 8:
        return Avatar{EntityId{number()}, PlayerId{number()}, text(PLAYER_NAME_MAX)};
      case 9:
        return AvatarGone{EntityId{number()}};
      case 10:
        return Pong{prng_.next(), FrameNo{number()}, WallMs{static_cast<std::int64_t>(number())}};
      case 11:
        return Goodbye{GoodbyeReason::DRAINING, text(DETAIL_MAX)};
      default:
        return Moved{number(), position(), angle()};
    }
  }
  State state() {
    State out{number(), static_cast<std::uint32_t>(prng_.next()), FrameNo{number()}, number(), {}};
    out.avatars.resize(prng_.below(10));
    for (auto& avatar : out.avatars) avatar = {EntityId{number()}, pose()};
    return out;
  }
  Prng& prng() { return prng_; }

 private:
  Prng prng_;
};

template <class Message, class Decode>
void expect_round_trip(const Message& message, Decode decode) {
  Bytes bytes;
  encode(bytes, message);
  const auto back = decode(bytes);
  ASSERT_TRUE(back.has_value()) << back.error().text;
  EXPECT_TRUE(*back == message);
  bytes.push_back(0);
  EXPECT_FALSE(decode(bytes).has_value()) << "accepted a byte too many";
  bytes.resize(bytes.size() - 2);
  EXPECT_FALSE(decode(bytes).has_value()) << "accepted a byte too few";
}

}  // namespace

TEST(Wire, RoundTripsEveryMessageAndRefusesOtherLengths) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Maker make(seed);
    for (std::size_t kind = 0; kind < std::variant_size_v<ClientEvent>; ++kind) {
      ASSERT_EQ(make.client_event(kind).index(), kind);
      expect_round_trip(make.client_event(kind), decode_client_event);
    }
    for (std::size_t kind = 0; kind < std::variant_size_v<ServerEvent>; ++kind) {
      ASSERT_EQ(make.server_event(kind).index(), kind);
      expect_round_trip(make.server_event(kind), decode_server_event);
    }
    expect_round_trip(PoseUpdate{make.number(), make.pose()}, decode_client_state);
    expect_round_trip(make.state(), decode_server_state);
  }
}

TEST(Wire, JoinsEncodedAvatarsIntoTheSameBytes) {
  Maker make(9);
  const State state = make.state();
  std::vector<Bytes> parts;
  for (const auto& avatar : state.avatars) encode_avatar_pose(parts.emplace_back(), avatar);
  const std::vector<ByteView> views(parts.begin(), parts.end());
  Bytes joined;
  encode_state(joined, state, views);
  Bytes whole;
  encode(whole, state);
  EXPECT_EQ(joined, whole);
}

TEST(Wire, HasTheBytesOfTheSpecification) {
  Bytes bytes;
  encode(bytes, ClientEvent(Action{ActionSeq{300}, Harvest{EntityId{5}}}));
  EXPECT_EQ(bytes, (Bytes{0x01, 0xac, 0x02, 0x01, 0x05}));
  bytes.clear();
  encode(bytes, ServerEvent(Applied{ActionSeq{1}, FrameNo{2}}));
  EXPECT_EQ(bytes, (Bytes{0x42, 0x01, 0x02}));
  bytes.clear();
  encode(bytes, PoseUpdate{7, {{-1, 0, 64}, 90'000, 0, {}}});
  EXPECT_EQ(bytes, (Bytes{0x20, 0x07, 0x01, 0x00, 0x80, 0x01, 0xa0, 0xfe, 0x0a, 0x00, 0x00}));
}

TEST(Wire, RefusesWrongDirectionsInventedCountsAndGarbage) {
  Bytes applied;
  encode(applied, ServerEvent(Applied{ActionSeq{1}, FrameNo{2}}));
  EXPECT_FALSE(decode_client_event(applied).has_value());
  EXPECT_FALSE(decode_client_event({}).has_value());
  EXPECT_FALSE(decode_client_event(Bytes(CLIENT_EVENT_MAX + 1, 1)).has_value());
  const Bytes invented = {0x45, 0x01, 0x01, 0xff, 0xff, 0xff, 0xff, 0x0f};
  EXPECT_FALSE(decode_server_event(invented).has_value());
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Prng prng(seed);
    Bytes bytes(prng.below(80));
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(prng.next());
    if (!bytes.empty() && prng.below(2) == 0) bytes[0] = static_cast<std::uint8_t>(prng.below(0x61));
    if (const auto event = decode_client_event(bytes)) {  // what is accepted has one form only
      Bytes again;
      encode(again, *event);
      EXPECT_EQ(again, bytes) << "seed " << seed;
    }
    if (const auto event = decode_server_event(bytes)) {
      Bytes again;
      encode(again, *event);
      EXPECT_EQ(again, bytes) << "seed " << seed;
    }
    static_cast<void>(decode_client_state(bytes));
    static_cast<void>(decode_server_state(bytes));
  }
}
