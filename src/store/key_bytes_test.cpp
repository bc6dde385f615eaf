// KeyBytes against std::string, and what lies in it without memory of its own. What would break these: bytes
// lost where a key outgrows its inline part, and a key of fixed types that costs an allocation again.
#include "store/key_bytes.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "store/records/derive.h"
#include "store/world_keys.h"

namespace everframe::store {
namespace {

bool is_inline(const KeyBytes& key) {
  const auto* const object = reinterpret_cast<const char*>(&key);
  return key.view().data() >= object && key.view().data() + key.size() <= object + sizeof key;
}

TEST(KeyBytes, AreWhatAStringWouldBe) {
  Prng dice(11);
  for (int round = 0; round < 2'000; ++round) {
    KeyBytes key;
    std::string model;
    while (model.size() < 2 * KeyBytes::INLINE_BYTES) {
      const std::string more(dice.below(40), static_cast<char>(dice.below(256)));
      if (dice.below(2) == 0) {
        key += more;
        model += more;
      } else {
        const KeyBytes before = key;
        key = key + '\0' + more;
        model = model + '\0' + more;
        ASSERT_LT(before, key);
      }
      const KeyBytes copy = key;
      ASSERT_EQ(copy, model);
      ASSERT_EQ(key, copy);
      ASSERT_EQ(key.size(), model.size());
      ASSERT_EQ(is_inline(copy), model.size() <= KeyBytes::INLINE_BYTES);
    }
    KeyBytes moved = std::move(key);
    ASSERT_EQ(std::string(moved), model);
  }
}

TEST(KeyBytes, OfAWorldTakeNoMemory) {
  const WorldKeys keys("a-world-of-24-characters");
  const RegionId region{UINT64_MAX};
  for (const KeyBytes& key :
       {keys.entity(ChunkCode{UINT64_MAX}, EntityId{UINT64_MAX}), keys.player(PlayerId{UINT64_MAX}),
        keys.session(PlayerId{UINT64_MAX}), keys.input(region, PlayerId{UINT64_MAX}, ActionSeq{UINT32_MAX}),
        keys.frame(region, FrameNo{UINT64_MAX}), keys.region_head(region),
        keys.ledger_entries(region, FrameNo{UINT64_MAX})}) {
    EXPECT_TRUE(is_inline(key)) << key_text(key);
  }
}

struct Bear {
  std::uint64_t region = UINT64_MAX;
  std::uint64_t id = UINT64_MAX;
  std::uint32_t kind = UINT32_MAX;
  std::int64_t wakes = INT64_MIN;
  Vec3 place{INT32_MIN, 0, INT32_MAX};
};
inline constexpr auto BEARS = records::schema<Bear>(
    "bear", 1, records::field<1>(&Bear::region), records::field<2>(&Bear::id), records::field<3>(&Bear::kind),
    records::field<4>(&Bear::wakes), records::field<5>(&Bear::place),
    records::primary_key(&Bear::region, &Bear::id), records::index<"kind_wakes">(&Bear::kind, &Bear::wakes),
    records::spatial<"place", 1'000>(&Bear::place), records::count<"of_kind">(&Bear::kind),
    records::feed<"changes">(&Bear::region));

TEST(KeyBytes, OfARecordWithFixedTypesTakeNoMemory) {
  const std::string world_prefix("\x15\x12\x34", 3);
  const records::Layout layout(Subspace(world_prefix), "bear", records::describe(BEARS).indexes);
  const Bear bear;
  const KeyBytes packed = records::write_key<BEARS>(bear);
  EXPECT_TRUE(is_inline(packed));
  EXPECT_TRUE(is_inline(layout.row(packed)));
  const records::Derived derived = records::derive<BEARS>(layout, packed, bear);
  ASSERT_EQ(derived.entries.size(), 2U);
  for (const records::Entry& entry : derived.entries)
    EXPECT_TRUE(is_inline(entry.key)) << key_text(entry.key);
  for (const records::Amount& amount : derived.amounts) EXPECT_TRUE(is_inline(amount.key));
  for (const KeyBytes& group : records::feed_groups<BEARS>(layout, bear)) EXPECT_TRUE(is_inline(group));
}

}  // namespace
}  // namespace everframe::store
