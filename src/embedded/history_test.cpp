// Strict serializability, checked: random transactions run interleaved and at once; then the committed ones
// are replayed one after another, in the order of their versionstamps, on a plain map. Each read must have
// seen what the replay sees there (snapshot reads: what their read version held), and no transaction may read
// before a commit that was acknowledged when it began. Every guarantee can be switched off, and the checker
// must notice.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/proof_size.h"
#include "base/random.h"
#include "embedded/atomic_ops.h"
#include "embedded/errors.h"
#include "embedded/memory_base.h"
#include "embedded/transaction.h"

namespace everframe::embedded {
namespace {

using Content = std::map<std::string, std::string>;
using RowList = std::vector<std::pair<std::string, std::string>>;

class StepClock final : public platform::Clock {
 public:
  Time now() const override { return Time(Duration(micros_.fetch_add(3))); }
  WallMs wall() const override { return WallMs{0}; }
  void move(Duration by) { micros_ += by.count(); }

 private:
  mutable std::atomic<std::int64_t> micros_{0};
};

struct Operation {
  enum class Kind { GET, RANGE, FIND, SET, CLEAR_RANGE, ATOMIC, STAMP } kind;
  std::string key;
  std::string end_or_value;
  MutationType type = MutationType::SET;
  int limit = 0;
  int offset = 1;
  bool reverse = false;
  bool snapshot = false;
  // What was answered:
  std::optional<std::string> value;
  RowList rows;
};

struct Attempt {
  std::vector<Operation> operations;
  Version read_version = NO_VERSION;
  Version acknowledged_before = NO_VERSION;
  std::string stamp;  // empty: read-only
};

// A key or a range's bound, out of few, so that transactions meet.
std::string random_key(Prng& dice) {
  return std::string(1, static_cast<char>('a' + dice.below(12)));
}

Operation random_operation(Prng& dice) {
  Operation op{};
  op.key = random_key(dice);
  op.snapshot = dice.below(5) == 0;
  switch (dice.below(10)) {
    case 0:
    case 1:
      op.kind = Operation::Kind::GET;
      break;
    case 2:
    case 3: {
      op.kind = Operation::Kind::RANGE;
      op.end_or_value = random_key(dice);
      if (op.end_or_value < op.key) std::swap(op.key, op.end_or_value);
      op.limit = static_cast<int>(dice.below(4));
      op.reverse = dice.below(2) == 0;
      break;
    }
    case 4:
      op.kind = Operation::Kind::FIND;
      op.offset = static_cast<int>(dice.between(-2, 3));
      break;
    case 5:
    case 6:
      op.kind = Operation::Kind::SET;
      op.end_or_value = std::to_string(dice.below(1000));
      break;
    case 7:
      op.kind = Operation::Kind::CLEAR_RANGE;
      op.end_or_value = random_key(dice);
      if (op.end_or_value < op.key) std::swap(op.key, op.end_or_value);
      break;
    case 8: {
      constexpr MutationType TYPES[] = {MutationType::ADD,      MutationType::APPEND_IF_FITS,
                                        MutationType::BYTE_MAX, MutationType::BIT_XOR,
                                        MutationType::MIN,      MutationType::COMPARE_AND_CLEAR};
      op.kind = Operation::Kind::ATOMIC;
      op.type = TYPES[dice.below(std::size(TYPES))];
      op.end_or_value = std::to_string(dice.below(10));
      break;
    }
    default:
      op.kind = Operation::Kind::STAMP;
      op.key = "s";  // never read within a transaction that may have stamped it
      break;
  }
  return op;
}

fdb_error_t run(Transaction& t, Operation& op) {
  switch (op.kind) {
    case Operation::Kind::GET: {
      const auto future = t.get(op.key, op.snapshot);
      if (future->error() != 0) return future->error();
      op.value = *future->value<std::optional<std::string>>();
      return 0;
    }
    case Operation::Kind::RANGE: {
      const auto future = t.get_range(
          {{op.key, false, 1}, {op.end_or_value, false, 1}, op.limit, 0, -2, 1, op.snapshot, op.reverse});
      if (future->error() != 0) return future->error();
      const auto& rows = future->value<Future::Range>()->rows;
      for (std::size_t i = 0; i < rows.size(); ++i) op.rows.emplace_back(rows.key(i), rows.value(i));
      return 0;
    }
    case Operation::Kind::FIND: {
      const auto future = t.get_key({op.key, false, op.offset}, op.snapshot);
      if (future->error() != 0) return future->error();
      op.value = future->value<Future::Key>()->bytes;
      return 0;
    }
    case Operation::Kind::SET:
      t.set(op.key, op.end_or_value);
      return 0;
    case Operation::Kind::CLEAR_RANGE:
      t.clear_range(op.key, op.end_or_value);
      return 0;
    case Operation::Kind::ATOMIC:
      t.atomic(static_cast<int>(op.type), op.key, op.end_or_value);
      return 0;
    case Operation::Kind::STAMP:
      t.atomic(static_cast<int>(MutationType::SET_VERSIONSTAMPED_VALUE), op.key, std::string(14, '\0'));
      return 0;
  }
  return error::UNKNOWN_ERROR;
}

// What the operation must answer on `state`; a write changes it.
bool replay(const Operation& op, Content& state, const std::string& stamp) {
  switch (op.kind) {
    case Operation::Kind::GET: {
      const auto found = state.find(op.key);
      return op.value == (found == state.end() ? std::nullopt : std::optional(found->second));
    }
    case Operation::Kind::RANGE: {
      RowList rows(state.lower_bound(op.key), state.lower_bound(op.end_or_value));
      if (op.reverse) std::reverse(rows.begin(), rows.end());
      if (op.limit > 0 && rows.size() > static_cast<std::size_t>(op.limit))
        rows.resize(static_cast<std::size_t>(op.limit));
      return rows == op.rows;
    }
    case Operation::Kind::FIND: {
      auto at = state.lower_bound(op.key);
      std::string found;
      if (op.offset > 0) {
        for (int i = 1; i < op.offset && at != state.end(); ++i) ++at;
        found = at == state.end() ? "\xff" : at->first;
      } else {
        int steps = 1 - op.offset;
        while (steps > 0 && at != state.begin()) {
          --at;
          --steps;
        }
        found = steps > 0 ? "" : at->first;
      }
      return op.value == found;
    }
    case Operation::Kind::SET:
      state[op.key] = op.end_or_value;
      return true;
    case Operation::Kind::CLEAR_RANGE:
      state.erase(state.lower_bound(op.key), state.lower_bound(op.end_or_value));
      return true;
    case Operation::Kind::ATOMIC: {
      const auto found = state.find(op.key);
      const auto now = apply_atomic(
          op.type, found == state.end() ? std::nullopt : std::optional(found->second), op.end_or_value);
      if (now) {
        state[op.key] = *now;
      } else {
        state.erase(op.key);
      }
      return true;
    }
    case Operation::Kind::STAMP:
      state[op.key] = stamp;
      return true;
  }
  return false;
}

Version version_of(const std::string& stamp) {
  Version version = 0;
  for (std::size_t i = 0; i < 8; ++i) version = version << 8 | static_cast<std::uint8_t>(stamp[i]);
  return version;
}

// The first violation in words, or nothing.
std::string violation(std::vector<Attempt> committed, const Content& final_content) {
  std::sort(committed.begin(), committed.end(),
            [](const Attempt& a, const Attempt& b) { return a.stamp < b.stamp; });
  for (std::size_t i = 1; i < committed.size(); ++i) {
    if (!committed[i].stamp.empty() && committed[i].stamp == committed[i - 1].stamp) {
      return "two commits have one versionstamp";
    }
  }
  std::vector<std::pair<Version, Content>> history{{0, {}}};
  const auto at = [&](Version version) -> const Content& {
    auto found = std::upper_bound(history.begin(), history.end(), version,
                                  [](Version v, const auto& entry) { return v < entry.first; });
    return std::prev(found)->second;
  };
  for (const Attempt& attempt : committed) {
    if (attempt.stamp.empty()) continue;
    Content state = history.back().second;
    for (const Operation& op : attempt.operations) {
      if (!replay(op, state, attempt.stamp) && !op.snapshot) {
        return "a committed transaction read " + op.key + " as it was not at its place in the order";
      }
    }
    const Version version = version_of(attempt.stamp);
    if (version == history.back().first) {
      history.back().second = std::move(state);
    } else {
      history.emplace_back(version, std::move(state));
    }
  }
  if (history.back().second != final_content)
    return "the database does not hold what the order of commits leaves";
  for (const Attempt& attempt : committed) {
    if (attempt.read_version == NO_VERSION) continue;
    if (attempt.read_version < attempt.acknowledged_before)
      return "a read version below an acknowledged commit";
    Content state = at(attempt.read_version);
    for (const Operation& op : attempt.operations) {
      if (!replay(op, state, attempt.stamp))
        return "a read of " + op.key + " saw another version than its own";
    }
  }
  return {};
}

class History {
 public:
  History(std::uint64_t seed, DatabaseFaults faults) : dice_(seed) {
    Database::Options options;
    options.clock = &clock_;
    options.faults = faults;
    options.storage.run_bytes_min = 1;  // so that ranges are cached, too
    options.storage.open_base = [](const std::string&) -> Result<std::unique_ptr<Base>> {
      return std::make_unique<MemoryBase>();
    };
    database_ = *Database::open(std::move(options));
  }

  // `threads` run `each` transactions, every one with `width` of them open at a time.
  std::string run(int threads, int each, int width, bool clock_jumps) {
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i) {
      running.emplace_back(
          [this, each, width, clock_jumps, seed = dice_.next()] { work(seed, each, width, clock_jumps); });
    }
    for (auto& thread : running) thread.join();
    return violation(committed_, final_content());
  }
  std::size_t committed() const { return committed_.size(); }
  std::size_t conflicts() const { return conflicts_; }

 private:
  struct Open {
    std::unique_ptr<Transaction> transaction;
    Attempt attempt;
    FutureRef stamp;
    FutureRef commit;
  };

  void work(std::uint64_t seed, int each, int width, bool clock_jumps) {
    Prng dice(seed);
    std::vector<Open> open;
    int begun = 0;
    while (begun < each || !open.empty()) {
      if (begun < each && open.size() < static_cast<std::size_t>(width)) {
        open.push_back({std::make_unique<Transaction>(database_), {}, nullptr, nullptr});
        ++begun;
        continue;
      }
      const std::size_t chosen = dice.below(open.size());
      if (clock_jumps && dice.below(20) == 0) clock_.move(std::chrono::milliseconds(dice.below(4000)));
      if (advance(open[chosen], dice)) open.erase(open.begin() + static_cast<std::ptrdiff_t>(chosen));
    }
  }

  // One step of a transaction; true: it ended.
  bool advance(Open& open, Prng& dice) {
    if (open.commit != nullptr) {
      open.commit->block_until_ready();
      finish(open);
      return true;
    }
    if (open.attempt.operations.size() < 2 + dice.below(6)) {
      if (open.attempt.read_version == NO_VERSION && dice.below(4) != 0) {
        open.attempt.acknowledged_before = acknowledged_;
        const auto version = open.transaction->read_version();
        open.attempt.read_version = *version->value<std::int64_t>();
      }
      Operation op = random_operation(dice);
      const bool reads = op.kind <= Operation::Kind::FIND;
      if (reads && open.attempt.read_version == NO_VERSION) return false;
      if (embedded::run(*open.transaction, op) != 0) return true;  // too old
      open.attempt.operations.push_back(std::move(op));
      return false;
    }
    open.stamp = open.transaction->versionstamp();
    open.commit = open.transaction->commit();
    return false;
  }

  void finish(Open& open) {
    const fdb_error_t code = open.commit->error();
    const std::lock_guard lock(mutex_);
    if (code != 0) {
      ++conflicts_;
      return;
    }
    open.stamp->block_until_ready();
    if (const auto* stamp = open.stamp->value<Future::Key>()) open.attempt.stamp = stamp->bytes;
    const Version version = open.transaction->committed_version();
    acknowledged_ = std::max(acknowledged_.load(), version);
    committed_.push_back(std::move(open.attempt));
  }

  Content final_content() {
    Transaction t(database_);
    const auto future = t.get_range({{"", false, 1}, {"\xff", false, 1}, 0, 0, -2, 1, true, false});
    Content out;
    const auto& rows = future->value<Future::Range>()->rows;
    for (std::size_t i = 0; i < rows.size(); ++i) out.emplace(rows.key(i), rows.value(i));
    return out;
  }

  Prng dice_;
  StepClock clock_;
  std::shared_ptr<Database> database_;
  std::mutex mutex_;
  std::atomic<Version> acknowledged_{NO_VERSION};
  std::vector<Attempt> committed_;
  std::size_t conflicts_ = 0;
};

int histories_wanted(int normally) {
  return proof_size(normally, "EVERFRAME_HISTORIES");
}

TEST(HistoryTest, InterleavedTransactionsAreStrictlySerializable) {
  std::size_t committed = 0;
  std::size_t conflicts = 0;
  for (int seed = 1; seed <= histories_wanted(20'000); ++seed) {
    History history(static_cast<std::uint64_t>(seed), {});
    ASSERT_EQ(history.run(1, 30, 6, seed % 4 == 0), "") << "seed " << seed;
    committed += history.committed();
    conflicts += history.conflicts();
  }
  std::printf("%zu committed, %zu refused\n", committed, conflicts);
  EXPECT_GT(committed, conflicts);
  EXPECT_GT(conflicts, committed / 20);
}

TEST(HistoryTest, TransactionsOnSeveralThreadsAreStrictlySerializable) {
  for (int seed = 1; seed <= histories_wanted(1'000); ++seed) {
    History history(static_cast<std::uint64_t>(seed), {});
    ASSERT_EQ(history.run(4, 60, 3, seed % 4 == 0), "") << "seed " << seed;
  }
}

// How many of 300 histories the checker objects to.
int objections(const DatabaseFaults& faults, bool clock_jumps) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    History history(seed, faults);
    if (!history.run(1, 40, 8, clock_jumps).empty()) ++found;
  }
  return found;
}

TEST(HistoryTest, TheCheckerNoticesEachGuaranteeThatIsSwitchedOff) {
  EXPECT_EQ(objections({}, true), 0);
  DatabaseFaults reads;
  reads.resolver.ignore_read_sets = true;
  EXPECT_GT(objections(reads, false), 100);
  DatabaseFaults writes;
  writes.resolver.ignore_write_sets = true;
  EXPECT_GT(objections(writes, false), 100);
  DatabaseFaults batch;
  batch.resolver.ignore_own_batch = true;
  EXPECT_GT(objections(batch, false), 0);
  DatabaseFaults ranges;
  ranges.resolver.ignore_ranges = true;
  EXPECT_GT(objections(ranges, false), 50);
  DatabaseFaults age;
  age.resolver.ignore_age = true;
  EXPECT_GT(objections(age, true), 0);
}

TEST(HistoryTest, OwnWritesNotSeenAndStampsThatAreNotTheOrderOfCommitsAreNoticed) {
  DatabaseFaults own;
  own.hide_own_writes = true;
  EXPECT_GT(objections(own, false), 100);
  DatabaseFaults shared;
  shared.share_stamps = true;
  EXPECT_GT(objections(shared, false), 0);
  DatabaseFaults reversed;
  reversed.reverse_stamps = true;
  EXPECT_GT(objections(reversed, false), 0);
}

}  // namespace
}  // namespace everframe::embedded
