// RunCache and RunCursor by themselves. What would break these: a run that is kept although the base was
// stepped while it was read, runs that overlap, a row lost or repeated where a walk changes between base and
// cache.
#include "embedded/run_cache.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "embedded/memory_base.h"
#include "embedded/run_cursor.h"

namespace everframe::embedded {
namespace {

constexpr std::size_t PLENTY = 1 << 20;

std::string name(std::uint64_t number) {
  return fmt::format("k{:03}", number);
}

Rows rows_of(std::uint64_t first, std::uint64_t end) {
  Rows rows;
  for (std::uint64_t i = first; i < end; ++i) rows.add(name(i), "v");
  return rows;
}

// As the second reader of the range does it.
void offer_twice(RunCache& cache, std::uint64_t first, std::uint64_t end, std::uint64_t epoch) {
  for (int i = 0; i < 2; ++i) cache.offer(name(first), name(end), rows_of(first, end), 0, epoch);
}

TEST(RunCache, KeepsARangeThatIsReadTwice) {
  RunCache cache(PLENTY, 1);
  cache.offer(name(10), name(20), rows_of(10, 20), 0, cache.epoch());
  EXPECT_EQ(cache.find(name(15)).run, nullptr);
  cache.offer(name(10), name(20), rows_of(10, 20), 0, cache.epoch());
  const auto found = cache.find(name(15));
  ASSERT_NE(found.run, nullptr);
  EXPECT_EQ(found.run->rows.size(), 10U);
  EXPECT_EQ(cache.find(name(20)).run, nullptr);
  EXPECT_EQ(cache.find(name(5)).next, name(10));
  EXPECT_EQ(cache.find(name(20)).next, std::nullopt);
}

TEST(RunCache, KeepsNothingThatWasReadBeforeAStepOfTheBase) {
  RunCache cache(PLENTY, 1);
  const std::uint64_t before = cache.epoch();
  cache.new_epoch();
  offer_twice(cache, 10, 20, before);
  EXPECT_EQ(cache.find(name(15)).run, nullptr);
  offer_twice(cache, 10, 20, cache.epoch());
  EXPECT_NE(cache.find(name(15)).run, nullptr);
}

TEST(RunCache, ForgetsTheRunOfAKeyAloneAndKeepsNoTwoOfOneKey) {
  RunCache cache(PLENTY, 1);
  offer_twice(cache, 10, 20, cache.epoch());
  offer_twice(cache, 20, 30, cache.epoch());
  offer_twice(cache, 5, 11, cache.epoch());   // overlaps the first
  offer_twice(cache, 25, 40, cache.epoch());  // and the second
  EXPECT_EQ(cache.find(name(7)).run, nullptr);
  EXPECT_EQ(cache.find(name(35)).run, nullptr);
  cache.forget(name(12) + "absent");
  EXPECT_EQ(cache.find(name(10)).run, nullptr);
  EXPECT_NE(cache.find(name(20)).run, nullptr);
  cache.forget_all();
  EXPECT_EQ(cache.find(name(20)).run, nullptr);
}

TEST(RunCache, LetsGoOfWhatWasNotReadForLong) {
  RunCache cache(2 * 8 * (rows_of(0, 10).memory() + 256), 1);  // at least eight runs stay
  for (std::uint64_t run = 0; run < 40; ++run) {
    offer_twice(cache, 10 * run, 10 * run + 10, cache.epoch());
    EXPECT_NE(cache.find(name(0)).run, nullptr) << run;  // read all the time
  }
  EXPECT_NE(cache.find(name(390)).run, nullptr);
  EXPECT_EQ(cache.find(name(100)).run, nullptr);
}

TEST(RunCache, TakesNoRunThatWouldFillIt) {
  RunCache cache(8 * rows_of(0, 10).bytes(), 1);
  offer_twice(cache, 0, 11, cache.epoch());
  EXPECT_EQ(cache.find(name(5)).run, nullptr);
  offer_twice(cache, 0, 10, cache.epoch());
  EXPECT_NE(cache.find(name(5)).run, nullptr);
}

TEST(RunCursor, GivesEachRowOnceWhereverItComesFrom) {
  Prng dice(5);
  for (int round = 0; round < 500; ++round) {
    MemoryBase base;
    auto step = base.step();
    std::map<std::string, std::string> content;
    for (int i = 0; i < 60; ++i) content[name(dice.below(100))] = std::string(dice.below(5), 'v');
    for (const auto& [key, value] : content) step->put(key, value);
    ASSERT_TRUE(base.apply(std::move(step), {1, 1}));
    RunCache cache(PLENTY, 1);
    for (int walk = 0; walk < 12; ++walk) {
      const std::string low = name(dice.below(8) * 10);
      const std::string high = name(dice.below(8) * 10 + 30);
      if (low >= high) continue;
      RunCursor cursor(base, cache, low, high);
      auto wanted = content.lower_bound(low);
      const auto end = content.lower_bound(high);
      while (wanted != end) {
        ASSERT_TRUE(cursor.valid());
        ASSERT_EQ(cursor.key(), wanted->first);
        ASSERT_EQ(cursor.value(), wanted->second);
        switch (dice.below(4)) {
          case 0:
            cursor.advance();
            ++wanted;
            break;
          case 1: {
            const std::string to = name(dice.below(100));
            if (to < wanted->first) break;
            cursor.seek(to);
            while (wanted != end && wanted->first < to) ++wanted;
            break;
          }
          default: {
            ReadLimits limits{static_cast<std::int64_t>(dice.below(20)), ReadLimits::UNLIMITED};
            const std::int64_t asked = limits.rows;
            const std::string bound = name(dice.below(100) + 10);
            Rows rows;
            const bool stopped = cursor.take(bound, limits, rows);
            for (std::size_t i = 0; i < rows.size(); ++i, ++wanted) ASSERT_EQ(rows.key(i), wanted->first);
            const bool another = wanted != end && wanted->first < bound;
            ASSERT_EQ(stopped, another);
            ASSERT_TRUE(!another || static_cast<std::int64_t>(rows.size()) == asked);
          }
        }
      }
      ASSERT_FALSE(cursor.valid());
      ASSERT_TRUE(cursor.status());
    }
  }
}

}  // namespace
}  // namespace everframe::embedded
