// Watches against a model, one step at a time: random watches, commits that change, clear or rewrite what is
// watched, and some that come between a watch's read and its commit. What would break it: a watch that does
// not fire although its key has another value than the one it was set with.
#include "embedded/watches.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "embedded/memory_base.h"
#include "embedded/table_client.h"
#include "embedded/transaction.h"

namespace everframe::embedded {
namespace {

class WatchedDatabase {
 public:
  WatchedDatabase(std::uint64_t seed, const DatabaseFaults& faults) : dice_(seed) {
    Database::Options options;
    options.clock = &clock_;
    options.faults = faults;
    options.storage.open_base = [](const std::string&) -> Result<std::unique_ptr<Base>> {
      return std::make_unique<MemoryBase>();
    };
    database_ = *Database::open(std::move(options));
  }

  // How many watches have slept through a change by the end.
  int missed(int steps) {
    for (int i = 0; i < steps; ++i) {
      dice_.below(3) == 0 ? watch() : change();
      // Watches fire after the answer to the commit that changed their keys, and before the next answer.
      commit([](Transaction& t) { t.set("nobody watches", ""); });
      std::erase_if(watches_, [this](const Watch& watch) {
        if (watch.future->is_ready()) return true;
        if (value_of(watch.key) == watch.expected) return false;
        ++missed_;
        return true;
      });
    }
    return missed_;
  }
  std::size_t waiting() const { return watches_.size(); }

 private:
  template <class Body>
  void commit(Body body) {
    Transaction t(database_);
    body(t);
    const auto done = t.commit();
    done->block_until_ready();
    ASSERT_EQ(done->error(), 0);
  }
  std::string key() { return std::string(1, static_cast<char>('a' + dice_.below(6))); }
  std::optional<std::string> value_of(const std::string& key) const {
    const auto found = content_.find(key);
    return found == content_.end() ? std::nullopt : std::optional(found->second);
  }

  void watch() {
    const std::string watched = key();
    commit([&](Transaction& t) {
      watches_.push_back({watched, value_of(watched), t.watch(watched)});
      if (dice_.below(3) == 0) change();
    });
  }
  void change() {
    const std::string a = key();
    if (dice_.below(3) == 0) {
      const std::string b = key();
      const auto& [low, high] = std::minmax(a, b);
      content_.erase(content_.lower_bound(low), content_.lower_bound(high));
      commit([&](Transaction& t) { t.clear_range(low, high); });
    } else {
      content_[a] = std::to_string(dice_.below(3));
      commit([&](Transaction& t) { t.set(a, content_[a]); });
    }
  }

  Prng dice_;
  TestClock clock_;
  std::shared_ptr<Database> database_;
  std::map<std::string, std::string> content_;
  std::vector<Watch> watches_;
  int missed_ = 0;
};

int missed_of(const DatabaseFaults& faults) {
  int missed = 0;
  std::size_t waiting = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    WatchedDatabase database(seed, faults);
    missed += database.missed(100);
    waiting += database.waiting();
  }
  EXPECT_GT(waiting, 0U) << "whatever is watched fires: this proved nothing";
  return missed;
}

TEST(Watches, FireWheneverTheirValueIsAnother) {
  EXPECT_EQ(missed_of({}), 0);
}

TEST(Watches, AWatchThatSleepsThroughAChangeIsNoticed) {
  DatabaseFaults later;
  later.miss_changes = true;
  EXPECT_GT(missed_of(later), 0);
  DatabaseFaults earlier;
  earlier.miss_earlier_changes = true;
  EXPECT_GT(missed_of(earlier), 0);
}

}  // namespace
}  // namespace everframe::embedded
