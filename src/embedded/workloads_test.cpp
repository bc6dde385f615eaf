// Ports of the ideas of FoundationDB's simulation workloads (its fdbserver/workloads): Cycle, AtomicOps,
// SelectorCorrectness, WriteDuringRead, Watches. Several threads through the C table, on a database in
// memory, each workload with an invariant that a lost, doubled or misordered effect breaks.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "base/proof_size.h"
#include "base/random.h"
#include "embedded/atomic_ops.h"
#include "embedded/table_client.h"

namespace everframe::embedded {
namespace {

using Content = std::map<std::string, std::string>;

class WorkloadTest : public MemoryDatabaseTest {
 protected:
  // `body` in a transaction until it commits; it may run again.
  template <class Body>
  void run(Body body) {
    auto t = begin();
    for (;;) {
      fdb_error_t code = body(t);
      if (code == 0) code = t.commit();
      if (code == 0) return;
      ASSERT_EQ(t.on_error(code), 0);
    }
  }
  template <class Work>
  void on_threads(int count, Work work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i)
      threads.emplace_back([work, i] { work(static_cast<std::uint64_t>(i) + 1); });
    for (auto& thread : threads) thread.join();
  }
};

std::string node_key(int node) {
  char text[16];
  std::snprintf(text, sizeof text, "node/%03d", node);
  return text;
}

// A ring of nodes, each naming the next; transactions swap two neighbours' order. Without isolation it falls
// apart into several rings.
TEST_F(WorkloadTest, CycleStaysOneRing) {
  constexpr int NODES = 20;
  std::vector<Row> ring;
  for (int i = 0; i < NODES; ++i) ring.emplace_back(node_key(i), node_key((i + 1) % NODES));
  put(ring);
  std::atomic<int> broken{0};
  std::atomic<int> swaps{0};
  on_threads(4, [&](std::uint64_t seed) {
    Prng dice(seed);
    for (int i = 0; i < 500; ++i) {
      if (i % 20 == 0) {
        auto t = begin();
        const auto rows = t.range("node/", "node0");
        if (rows.code != 0) continue;
        const std::map<std::string, std::string> next((*rows).rows.begin(), (*rows).rows.end());
        std::set<std::string> seen;
        std::string at = node_key(0);
        while (seen.insert(at).second && next.contains(at)) at = next.at(at);
        if (seen.size() != NODES || at != node_key(0)) ++broken;
      }
      run([&](TestTransaction& t) -> fdb_error_t {
        const std::string first = node_key(static_cast<int>(dice.below(NODES)));
        const auto second = t.read(first);
        if (second.code != 0) return second.code;
        const auto third = t.read(**second);
        if (third.code != 0) return third.code;
        const auto fourth = t.read(**third);
        if (fourth.code != 0) return fourth.code;
        t.set(first, **third);
        t.set(**third, **second);
        t.set(**second, **fourth);
        return 0;
      });
      ++swaps;
    }
  });
  EXPECT_EQ(broken, 0);
  EXPECT_EQ(swaps, 2'000);
}

// Each transaction adds to a counter and logs what it added, under a versionstamp.
TEST_F(WorkloadTest, AtomicOperationsAndTheirLogAgree) {
  constexpr int COUNTERS = 4;
  on_threads(4, [&](std::uint64_t seed) {
    Prng dice(seed);
    for (int i = 0; i < 400; ++i) {
      const std::string counter = std::to_string(dice.below(COUNTERS));
      const std::uint64_t amount = dice.below(1000);
      std::string operand(8, '\0');
      for (std::size_t b = 0; b < 8; ++b) operand[b] = static_cast<char>(amount >> (8 * b));
      // A place for the stamp behind the counter's name, and its offset (4 bytes, little-endian).
      std::string log = "log/" + counter + "/" + std::string(10, '\0');
      const char offset = static_cast<char>(log.size() - 10);
      log.append({offset, '\0', '\0', '\0'});
      run([&](TestTransaction& t) -> fdb_error_t {
        t.atomic(static_cast<int>(MutationType::ADD), "counter/" + counter, operand);
        t.atomic(static_cast<int>(MutationType::SET_VERSIONSTAMPED_KEY), log, operand);
        return 0;
      });
    }
  });
  const auto number = [](std::string_view bytes) {
    std::uint64_t out = 0;
    for (std::size_t b = 0; b < bytes.size(); ++b)
      out |= std::uint64_t{static_cast<std::uint8_t>(bytes[b])} << (8 * b);
    return out;
  };
  std::uint64_t logged_rows = 0;
  for (int i = 0; i < COUNTERS; ++i) {
    const std::string counter = std::to_string(i);
    auto t = begin();
    std::uint64_t sum = 0;
    std::string from = "log/" + counter + "/";
    for (bool more = true; more;) {
      const auto page = t.range(from, "log/" + counter + "0");
      for (const auto& [key, value] : (*page).rows) sum += number(value);
      logged_rows += (*page).rows.size();
      more = (*page).more;
      if (!(*page).rows.empty()) from = (*page).rows.back().first + '\0';
    }
    EXPECT_EQ(number(stored("counter/" + counter).value_or("")), sum);
  }
  EXPECT_EQ(logged_rows, 1'600U);
}

// What a selector finds among the keys of `content`; "" before all, "\xff" behind all.
std::string select(const Content& content, const TestSelector& s) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : content) keys.push_back(key);
  const auto at = s.or_equal ? std::upper_bound(keys.begin(), keys.end(), s.key)
                             : std::lower_bound(keys.begin(), keys.end(), s.key);
  const auto place = (at - keys.begin()) + s.offset - 1;
  if (place < 0) return "";
  if (place >= static_cast<std::ptrdiff_t>(keys.size())) return "\xff";
  return keys[static_cast<std::size_t>(place)];
}

// Selectors in a transaction that has written some of the keys itself.
TEST_F(WorkloadTest, SelectorsFindWhatAListOfKeysSays) {
  int round = 0;
  const bool held = rc::check("selectors", [&](const std::vector<std::uint8_t>& stored_keys,
                                               const std::vector<std::uint8_t>& own_keys, bool clears,
                                               std::uint8_t wanted, bool or_equal) {
    const std::string prefix = "r" + std::to_string(1'000'000 + ++round) + "/";
    const auto name = [&](std::uint8_t number) { return prefix + std::to_string(100 + number % 30); };
    Content content;
    std::vector<Row> rows;
    for (const std::uint8_t key : stored_keys) {
      rows.emplace_back(name(key), "s");
      content[name(key)] = "s";
    }
    put(rows);
    auto t = begin();
    if (clears) {
      const std::string low = name(5);
      const std::string high = name(12);
      t.clear_range(low, high);
      content.erase(content.lower_bound(low), content.lower_bound(high));
    }
    for (const std::uint8_t key : own_keys) {
      t.set(name(key), "own");
      content[name(key)] = "own";
    }
    for (int offset = -4; offset <= 5; ++offset) {
      const TestSelector selector{name(wanted), or_equal, offset};
      const std::string found = *t.find(selector);
      const std::string model = select(content, selector);
      // Beyond this round's keys others' begin, or none.
      if (model == "") {
        RC_ASSERT(found < prefix);
      } else if (model == "\xff") {
        RC_ASSERT(found > prefix + "999");
      } else {
        RC_ASSERT(found == model);
      }
    }
  });
  EXPECT_TRUE(held);
}

// One transaction at a time, of many steps: what it reads is the database under its own writes.
TEST_F(WorkloadTest, ATransactionReadsItsOwnWritesWhateverItWrote) {
  Content database;
  Prng dice(11);
  const auto key = [&] { return std::string(1, static_cast<char>('a' + dice.below(10))); };
  for (int round = 0; round < proof_size(2'000); ++round) {
    auto t = begin();
    Content own = database;
    const std::uint64_t steps = 1 + dice.below(12);
    for (std::uint64_t step = 0; step < steps; ++step) {
      const std::string a = key();
      std::string low = a;
      std::string high = key();
      if (high < low) std::swap(low, high);
      switch (dice.below(6)) {
        case 0:
          own[a] = std::to_string(round);
          t.set(a, own[a]);
          break;
        case 1:
          own.erase(own.lower_bound(low), own.lower_bound(high));
          t.clear_range(low, high);
          break;
        case 2:
          own[a].append("x");
          t.atomic(static_cast<int>(MutationType::APPEND_IF_FITS), a, "x");
          break;
        case 3: {
          const auto found = own.find(a);
          ASSERT_EQ(*t.read(a), found == own.end() ? std::nullopt : std::optional(found->second)) << round;
          break;
        }
        default: {
          TestRange range{first_at(low), first_at(high)};
          range.reverse = dice.below(2) == 0;
          range.limit = static_cast<int>(dice.below(5));
          std::vector<Row> wanted(own.lower_bound(low), own.lower_bound(high));
          if (range.reverse) std::reverse(wanted.begin(), wanted.end());
          if (range.limit > 0 && wanted.size() > static_cast<std::size_t>(range.limit)) {
            wanted.resize(static_cast<std::size_t>(range.limit));
          }
          ASSERT_EQ((*t.range(range)).rows, wanted) << round;
          break;
        }
      }
    }
    if (dice.below(3) == 0) continue;  // forgotten
    ASSERT_EQ(t.commit(), 0);
    database = std::move(own);
  }
}

// Watchers follow keys that writers change; whoever waits on a value that is no longer there has been missed.
TEST_F(WorkloadTest, AWatchOnAChangedKeyAlwaysFires) {
  constexpr int KEYS = 4;
  constexpr int CHANGES = 300;
  for (int k = 0; k < KEYS; ++k) put({{"w" + std::to_string(k), "0"}});
  std::atomic<int> fired{0};
  on_threads(KEYS + 1, [&](std::uint64_t seed) {
    if (seed == 1) {  // the writer
      for (int i = 1; i <= CHANGES; ++i) {
        for (int k = 0; k < KEYS; ++k) put({{"w" + std::to_string(k), std::to_string(i)}});
      }
      return;
    }
    const std::string key = "w" + std::to_string(seed - 2);
    for (;;) {
      auto t = begin();
      const auto value = t.read(key);
      if (value.code != 0) continue;
      if (**value == std::to_string(CHANGES)) return;
      const auto watch = t.watch(key);
      if (t.commit() != 0) continue;
      ASSERT_EQ(watch.wait(), 0);
      ++fired;
      // A watch may fire without cause, but here each had one: the value moves on only.
      EXPECT_NE(*begin().read(key), *value);
    }
  });
  EXPECT_GE(fired, KEYS);
}

}  // namespace
}  // namespace everframe::embedded
