// Storage while one thread commits, one settles and others read: each reader must find exactly the version it
// reads at, in ranges (that the run cache keeps) and in points (that the row cache keeps). What would break
// this: a run or a row that was read before a step of the base and is kept behind it; a step that is trimmed
// before the caches know.
#include <gtest/gtest.h>

#include <thread>

#include "base/proof_size.h"
#include "base/random.h"
#include "embedded/errors.h"
#include "embedded/storage.h"
#include "embedded/wrapped_base_for_tests.h"

namespace everframe::embedded {
namespace {

constexpr int KEYS = 40;
constexpr Version KEPT = 30;  // versions that stay readable

std::string key_of(std::uint64_t i) {
  return fmt::format("k{:02}", i);
}

// Steps happen between what it reads and what is made of it.
class DawdlingCursor final : public WrappedCursor {
 public:
  using WrappedCursor::WrappedCursor;
  bool take(std::string_view bound, ReadLimits& limits, Rows& rows) override {
    const bool stopped = inner_->take(bound, limits, rows);
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    return stopped;
  }
};

struct Outcome {
  std::uint64_t reads = 0;
  std::uint64_t wrong = 0;
};

// Every commit moves one unit from a key to another, and writes its version to the last key.
Outcome run(std::uint64_t seed, Version commits, StorageFaults faults = {}) {
  Storage::Options options;
  options.run_bytes_min = 1;
  options.faults = faults;
  options.open_base = [](const std::string&) -> Result<std::unique_ptr<Base>> {
    return std::make_unique<WrappedBase>([](std::unique_ptr<Base::Cursor> swift) {
      return std::make_unique<DawdlingCursor>(std::move(swift));
    });
  };
  const auto storage = std::move(*Storage::open(std::move(options)));
  std::array<int, KEYS> units{};
  std::atomic<Version> published{0};
  const auto commit = [&](Version version, std::uint64_t from, std::uint64_t to) {
    storage->begin(version);
    --units[from];
    ++units[to];
    for (const std::uint64_t i : {from, to}) {
      EF_ASSERT(storage->apply(Mutation{MutationType::SET, key_of(i), std::to_string(units[i])}));
    }
    EF_ASSERT(storage->apply(Mutation{MutationType::SET, "version", std::to_string(version)}));
    EF_ASSERT(storage->finish());
    published = version;
  };
  commit(1, 0, 1);

  std::atomic<std::uint64_t> reads{0}, wrong{0};
  std::atomic<bool> over{false};
  const auto read = [&](std::uint64_t own_seed) {
    Prng dice(own_seed);
    while (!over) {
      const Version at = published;
      Rows rows;
      ReadLimits limits{ReadLimits::UNLIMITED, ReadLimits::UNLIMITED};
      const std::string low = dice.below(2) == 0 ? "" : key_of(dice.below(KEYS));
      const auto range = storage->range(low, "w", at, false, limits, rows);
      const auto point = storage->get("version", at);
      if (!range || !point) {
        wrong += (!range ? range.error().code : point.error().code) != error::TRANSACTION_TOO_OLD;
        continue;
      }
      int sum = 0;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows.key(i) == "version") wrong += rows.value(i) != std::to_string(at);
        if (rows.key(i) != "version") sum += std::stoi(std::string(rows.value(i)));
      }
      wrong += (low.empty() && sum != 0) || *point != std::to_string(at);
      ++reads;
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t reader = 1; reader <= 2; ++reader) threads.emplace_back(read, seed * 10 + reader);
  threads.emplace_back([&] {
    while (!over) {
      if (const auto more = storage->settle(published - KEPT); !more || !*more) std::this_thread::yield();
    }
  });
  Prng dice(seed);
  for (Version version = 2; version <= commits; ++version) {
    commit(version, dice.below(KEYS), dice.below(KEYS));
    if (dice.below(8) == 0) std::this_thread::yield();
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  return {reads, wrong};
}

TEST(StorageThreads, AReaderFindsTheVersionItReadsAt) {
  Outcome all;
  for (int seed = 1; seed <= proof_size(5); ++seed) {
    const Outcome one = run(static_cast<std::uint64_t>(seed), 4'000);
    ASSERT_EQ(one.wrong, 0U) << "seed " << seed;
    all.reads += one.reads;
  }
  EXPECT_GT(all.reads, 0U);
}

TEST(StorageThreads, CachesThatAreNotToldOfChangesAreNoticed) {
  StorageFaults faults;
  faults.keep_stale_runs = true;
  std::uint64_t wrong = 0;
  for (std::uint64_t seed = 1; wrong == 0 && seed <= 50; ++seed) wrong = run(seed, 4'000, faults).wrong;
  EXPECT_GT(wrong, 0U);
}

}  // namespace
}  // namespace everframe::embedded
