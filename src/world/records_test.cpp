// What would break these: a field that is written and not read, a damaged byte that crashes or is taken for
// another row, a count that asks for more memory than the bytes could hold, a format that drifts.
#include "world/records.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/random.h"

using namespace everframe;
using namespace everframe::world;

namespace {

// Draws rows of all shapes, with the extremes of every field among them.
class Rows {
 public:
  explicit Rows(std::uint64_t seed) : dice_(seed) {}

  std::uint64_t number() {
    return dice_.below(4) == 0 ? ~std::uint64_t{0} >> dice_.below(64) : dice_.below(300);
  }
  std::int32_t signed32() { return static_cast<std::int32_t>(dice_.next() >> dice_.below(64)); }
  std::int64_t signed64() { return static_cast<std::int64_t>(dice_.next() >> dice_.below(64)); }
  std::uint16_t small() { return static_cast<std::uint16_t>(number()); }
  Vec3 place() {
    const std::int32_t x = signed32();
    const std::int32_t y = signed32();
    return {x, y, signed32()};
  }
  std::string name() { return std::string(dice_.below(RECORD_NAME_MAX + 1), 'n'); }
  ItemCount stack() {
    const ItemType item{small()};
    return {item, number()};
  }
  Entity entity() {
    Entity v;
    v.id = EntityId{number()};
    v.type = EntityType{small()};
    v.position = place();
    v.yaw = signed32();
    v.hp = signed32();
    v.state = static_cast<std::uint32_t>(number());
    v.owner = PlayerId{number()};
    v.due = WallMs{signed64()};
    for (std::uint64_t n = dice_.below(9); n > 0; --n) v.stacks.push_back(stack());
    return v;
  }
  Player player() {
    Player v;
    v.id = PlayerId{number()};
    v.name = name();
    v.body = EntityId{number()};
    v.chunk = ChunkCode{number()};
    v.last_seq = ActionSeq{number()};
    for (std::uint64_t n = dice_.below(OUTCOMES_KEPT + 1); n > 0; --n) {
      const auto refusal = static_cast<Refusal>(dice_.below(REFUSAL_LAST + 1));
      v.outcomes.push_back({ActionSeq{number()}, FrameNo{number()}, refusal});
    }
    return v;
  }
  Input input() {
    Input v;
    v.player = PlayerId{number()};
    v.seq = ActionSeq{number()};
    v.body = body();
    return v;
  }
  FrameRecord frame() {
    FrameRecord v;
    v.frame = {FrameNo{number()}, WallMs{signed64()}, dice_.next(), {}};
    v.hash_after = dice_.next();
    v.effects_digest = dice_.next();
    for (std::uint64_t n = dice_.below(20); n > 0; --n) v.frame.inputs.push_back(input());
    return v;
  }
  std::vector<LedgerEntry> ledger() {
    std::vector<LedgerEntry> v;
    for (std::uint64_t n = dice_.below(20); n > 0; --n) {
      const auto cause = static_cast<LedgerCause>(1 + dice_.below(6));
      v.push_back({ItemType{small()}, signed64(), cause, PlayerId{number()}});
    }
    return v;
  }
  Prng& dice() { return dice_; }

 private:
  InputBody body() {
    switch (dice_.below(11)) {
      case 0:
        return Harvest{EntityId{number()}};
      case 1:
        return Build{EntityType{small()}, place(), signed32()};
      case 2:
        return PickUp{EntityId{number()}};
      case 3:
        return Drop{stack()};
      case 4:
        return Craft{RecipeId{small()}, number()};
      case 5:
        return Interact{EntityId{number()}};
      case 6:
        return Transfer{EntityId{number()}, stack(), dice_.below(2) == 1};
      case 7:
        return Idle{};
      case 8:
        return Join{name()};
      case 9:
        return Move{place(), signed32()};
      default:
        return Due{EntityId{number()}};
    }
  }
  Prng dice_;
};

bool same(const FrameRecord& a, const FrameRecord& b) {
  return a.frame == b.frame && a.hash_after == b.hash_after && a.effects_digest == b.effects_digest;
}

// Whatever the bytes: reading ends, and what it accepts is written as the very same bytes.
template <class Read, class Write>
void read_is_total(ByteView bytes, Read read, Write write) {
  const auto row = read(bytes);
  if (!row) return;
  const Bytes again = write(*row);
  ASSERT_TRUE(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
}

}  // namespace

TEST(Records, EveryRowComesBackAsItWasWritten) {
  Rows rows(1);
  for (int i = 0; i < 2'000; ++i) {
    const Entity entity = rows.entity();
    EXPECT_EQ(read_entity(write_entity(entity)), entity);
    const Player player = rows.player();
    EXPECT_EQ(read_player(write_player(player)), player);
    const Input input = rows.input();
    EXPECT_EQ(read_input(write_input(input)), input);
    const FrameRecord frame = rows.frame();
    EXPECT_TRUE(same(*read_frame(write_frame(frame)), frame));
    const std::vector<LedgerEntry> ledger = rows.ledger();
    EXPECT_EQ(read_ledger(write_ledger(ledger)), ledger);
  }
}

TEST(Records, ARecordCutShortAnywhereIsRefused) {
  Rows rows(2);
  for (int i = 0; i < 200; ++i) {
    const Bytes entity = write_entity(rows.entity());
    for (std::size_t n = 0; n < entity.size(); ++n) EXPECT_FALSE(read_entity(ByteView(entity).first(n)));
    const Bytes frame = write_frame(rows.frame());
    for (std::size_t n = 0; n < frame.size(); ++n) EXPECT_FALSE(read_frame(ByteView(frame).first(n)));
  }
}

TEST(Records, TrailingBytesAndOtherVersionsAreRefused) {
  Bytes bytes = write_entity(Entity{});
  bytes.push_back(0);
  EXPECT_FALSE(read_entity(bytes));
  bytes.pop_back();
  EXPECT_TRUE(read_entity(bytes));
  bytes[0] = 2;
  EXPECT_EQ(read_entity(bytes).error().text, "entity record: version 2, this program reads 1");
}

TEST(Records, DamagedBytesAreRefusedOrReadAsWhatWouldBeWrittenThatWay) {
  Rows rows(3);
  Prng& dice = rows.dice();
  for (int i = 0; i < 20'000; ++i) {
    Bytes records[] = {write_entity(rows.entity()), write_player(rows.player()), write_input(rows.input()),
                       write_frame(rows.frame()), write_ledger(rows.ledger())};
    Bytes& bytes = records[dice.below(5)];
    for (std::uint64_t n = 1 + dice.below(4); n > 0; --n) {
      bytes[dice.below(bytes.size())] ^= static_cast<std::uint8_t>(1 + dice.below(255));
    }
    read_is_total(bytes, read_entity, write_entity);
    read_is_total(bytes, read_player, write_player);
    read_is_total(bytes, read_input, write_input);
    read_is_total(bytes, read_frame, write_frame);
    read_is_total(bytes, read_ledger, write_ledger);
  }
}

TEST(Records, ACountBeyondTheLimitOrTheBytesIsRefused) {
  Entity entity;
  entity.stacks.assign(RECORD_STACKS_MAX, {});
  EXPECT_TRUE(read_entity(write_entity(entity)));
  entity.stacks.push_back({});
  EXPECT_THROW(write_entity(entity), AssertionFailure);
  Bytes empty_ledger = write_ledger({});
  empty_ledger.back() = 0x7f;  // 127 entries, and no bytes for them
  EXPECT_FALSE(read_ledger(empty_ledger));
}

TEST(Records, TheBytesOfARowDoNotDrift) {
  Rows rows(4);
  Bytes all;
  for (int i = 0; i < 100; ++i) {
    for (const Bytes& bytes :
         {write_entity(rows.entity()), write_player(rows.player()), write_input(rows.input()),
          write_frame(rows.frame()), write_ledger(rows.ledger())}) {
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
  }
  EXPECT_EQ(hash64(all), 1'845'954'568'617'867'947U);
}

TEST(Records, ARowsHashIsOfItsBytesAndItsKind) {
  Entity entity;
  entity.id = EntityId{7};
  Entity other = entity;
  other.id = EntityId{8};
  EXPECT_NE(hash_of(entity), hash_of(other));
  EXPECT_NE(hash_of(entity), hash64(write_entity(entity)));
  EXPECT_NE(hash_of(Player{}), hash64(write_player(Player{})));
}
