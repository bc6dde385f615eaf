// Storage on a disk that loses power, fails syncs, fills up and rots: what was acknowledged is there after
// every restart, whole and without a hole, and damage is told, never served. Thousands of lives, each from a
// seed that is printed on failure.
#include <gtest/gtest.h>

#include <map>

#include "base/proof_size.h"
#include "embedded/errors.h"
#include "embedded/memory_base.h"
#include "embedded/storage.h"
#include "platform_sim/simulated_disk.h"

namespace everframe::embedded {
namespace {

using Content = std::map<std::string, std::string>;

// What RocksDB's directory keeps over a crash: the state at the last make_durable(), or of any step after it,
// for RocksDB also flushes by itself.
struct KeptBase {
  struct State {
    MemoryBase::Map map;
    Mark mark;
  };
  std::vector<State> states{State{}};
};

class ForgettingBase final : public MemoryBase {
 public:
  explicit ForgettingBase(KeptBase& kept) : kept_(kept) {
    map_ = kept_.states.back().map;
    mark_ = kept_.states.back().mark;
  }
  Result<void> apply(std::unique_ptr<Step> step, Mark mark) override {
    auto applied = MemoryBase::apply(std::move(step), mark);
    kept_.states.push_back({map_, mark_});
    return applied;
  }
  Result<Mark> make_durable() override {
    kept_.states.assign(1, {map_, mark_});
    return mark_;
  }

 private:
  KeptBase& kept_;
};

// One machine: its disk, its base, and what must be found on it.
class Machine {
 public:
  explicit Machine(std::uint64_t seed, StorageFaults faults = {})
      : seed_(seed), dice_(seed), disk_(seed ^ 0x5eed), faults_(faults) {}

  struct Tally {
    int lives = 0;
    int commits = 0;
    int opened = 0;
    int refused = 0;
    int flips = 0;
    int flips_refused = 0;
    int lost = 0;  // openings that served something else than what was acknowledged
    std::uint64_t lost_seed = 0;
  };

  Storage::Options options() {
    Storage::Options o;
    o.disk = &disk_;
    o.directory = "/db";
    o.segment_bytes = 16 * platform_sim::SimulatedDisk::SECTOR;
    o.full_segments_max = 2;
    o.faults = faults_;
    o.open_base = [this](const std::string&) -> Result<std::unique_ptr<Base>> {
      return std::make_unique<ForgettingBase>(base_);
    };
    return o;
  }

  // Opens, checks what is found, commits and settles until something breaks or the life ends, then crashes.
  void live(Tally& tally) {
    ++tally.lives;
    plan_fault();
    auto storage = Storage::open(options());
    if (storage) {
      ++tally.opened;
      check(**storage, tally);
      const std::uint64_t work = 1 + dice_.below(40);
      for (std::uint64_t i = 0; i < work && !::testing::Test::HasFailure(); ++i) {
        if (!act(**storage, tally)) break;
      }
      storage->reset();
    } else if (storage.error().code == error::FILE_CORRUPT) {
      ++tally.refused;
      EXPECT_TRUE(may_refuse_) << storage.error().text << " seed " << seed_;
    }
    crash();
  }

  // A life after a bit of the log was flipped: it refuses, or serves exactly what was acknowledged.
  void live_with_rot(Tally& tally) {
    platform_sim::SimulatedDisk::Flip flip;
    if (!disk_.flip(".log", flip)) return;
    ++tally.flips;
    auto storage = Storage::open(options());
    if (storage) {
      check(**storage, tally);
    } else {
      ++tally.flips_refused;
      EXPECT_EQ(storage.error().code, error::FILE_CORRUPT) << storage.error().text;
      if (!faults_.log.skip_checksums) {
        EXPECT_NE(storage.error().text.find(flip.path.substr(0, flip.path.size() - 12)), std::string::npos);
      }
    }
    if (storage) storage->reset();
    disk_.restart(false);
    disk_.unflip(flip);
  }

  void live_long(int commits, Tally& tally) {
    auto storage = Storage::open(options());
    ASSERT_TRUE(storage) << storage.error().text;
    for (int i = 0; i < commits; ++i) ASSERT_TRUE(act(**storage, tally));
    storage->reset();
  }

  platform_sim::SimulatedDisk& disk() { return disk_; }
  // Its disk breaks the promise that a sector is old or new.
  void break_sectors() {
    may_refuse_ = true;
    disk_.tear_inside_sectors(true);
  }
  // Its storage may refuse for reasons that are no disk's.
  void break_promises() { may_refuse_ = true; }
  Result<std::unique_ptr<Storage>> open() { return Storage::open(options()); }
  bool commit_one(Storage& storage) {
    Tally tally;
    return commit(storage, tally);
  }

 private:
  void plan_fault() {
    switch (dice_.below(8)) {
      case 0:
        disk_.fail_sync_after(dice_.below(12));
        break;
      case 1:
        disk_.set_capacity(platform_sim::SimulatedDisk::SECTOR * (8 + dice_.below(120)));
        break;
      case 2:
        break;  // a life without a fault, ended by kill
      default:
        disk_.cut_power_after(dice_.below(120));
        break;
    }
  }

  void crash() {
    // The base lost what it had not flushed.
    base_.states.assign(1, base_.states[dice_.below(base_.states.size())]);
    disk_.restart(dice_.below(4) != 0);
  }

  static Content content_of(const Storage& storage, Version at) {
    Rows rows;
    ReadLimits limits{ReadLimits::UNLIMITED, ReadLimits::UNLIMITED};
    const auto more = storage.range("", "\xff", at, false, limits, rows);
    EXPECT_TRUE(more && !*more);
    Content out;
    for (std::size_t i = 0; i < rows.size(); ++i) out.emplace(rows.key(i), rows.value(i));
    return out;
  }

  void check(const Storage& storage, Tally& tally) {
    const Content found = content_of(storage, storage.recovered());
    if (found == maybe_) acknowledged_ = maybe_;
    if (found != acknowledged_ || storage.recovered() < last_acknowledged_) {
      ++tally.lost;
      tally.lost_seed = seed_;
      acknowledged_ = found;
    }
    maybe_ = acknowledged_;
    version_ = std::max(version_, storage.recovered());
    published_ = last_acknowledged_ = storage.recovered();
  }

  bool act(Storage& storage, Tally& tally) {
    switch (dice_.below(10)) {
      case 0:
        if (!storage.tidy()) return false;
        break;
      case 1:
        for (int i = 0; i < 3; ++i) {
          const Version upto = published_ - static_cast<Version>(dice_.below(20));
          const auto settled = storage.settle(upto);
          if (!settled) return false;
          if (content_of(storage, published_) != acknowledged_) ++tally.lost;
          if (!*settled) break;
        }
        break;
      case 2:
        if (dice_.below(3) == 0 && !storage.make_base_durable()) return false;
        break;
      default:
        return commit(storage, tally);
    }
    return true;
  }

  std::string key() { return "k" + std::to_string(dice_.below(30)); }

  bool commit(Storage& storage, Tally& tally) {
    version_ += 1 + static_cast<Version>(dice_.below(3));
    storage.begin(version_);
    Content next = acknowledged_;
    const std::uint64_t changes = 1 + dice_.below(6);
    for (std::uint64_t i = 0; i < changes; ++i) {
      if (!storage.apply(change(next))) return false;
    }
    maybe_ = next;
    const auto finished = storage.finish();
    if (!finished) {
      // Told as not written: then it may not come back.
      if (finished.error().code == error::IO_ERROR) maybe_ = acknowledged_;
      storage.begin(++version_);
      EXPECT_TRUE(storage.apply({MutationType::SET, "k0", "after the failure"}));
      EXPECT_FALSE(storage.finish()) << "a commit went through after a failure; seed " << seed_;
      return false;
    }
    ++tally.commits;
    acknowledged_ = maybe_;
    published_ = last_acknowledged_ = version_;
    return true;
  }

  Mutation change(Content& model) {
    const std::string a = key();
    switch (dice_.below(5)) {
      case 0: {
        std::string b = key();
        if (b == a) b = key_after(a);  // an empty clear would leave nothing of its version
        const auto& [low, high] = std::minmax(a, b);
        model.erase(model.lower_bound(low), model.lower_bound(high));
        return {MutationType::CLEAR_RANGE, low, high};
      }
      case 1:
        model.erase(a);
        return {MutationType::CLEAR_RANGE, a, key_after(a)};
      case 2:
        model[a].append("+");
        return {MutationType::APPEND_IF_FITS, a, "+"};
      default:
        model[a] = std::string(dice_.below(dice_.below(10) == 0 ? 3000 : 40),
                               static_cast<char>('a' + dice_.below(26)));
        return {MutationType::SET, a, model[a]};
    }
  }

  const std::uint64_t seed_;
  Prng dice_;
  platform_sim::SimulatedDisk disk_;
  const StorageFaults faults_;
  KeptBase base_;
  bool may_refuse_ = false;
  Content acknowledged_;
  Content maybe_;  // with the commit in flight at the crash
  Version version_ = 0;
  Version published_ = 0;
  Version last_acknowledged_ = 0;
};

// How many lives: the suite's size by default, more by EVERFRAME_CRASH_LIVES for long runs.
int lives_wanted(int normally) {
  return proof_size(normally, "EVERFRAME_CRASH_LIVES");
}

TEST(StorageCrash, AcknowledgedCommitsSurviveEveryCrashWholeAndWithoutHoles) {
  Machine::Tally tally;
  const int lives = lives_wanted(20'000);
  for (std::uint64_t seed = 1; tally.lives < lives && !HasFailure(); ++seed) {
    Machine machine(seed);
    for (int i = 0; i < 20 && !HasFailure(); ++i) machine.live(tally);
  }
  EXPECT_EQ(tally.lost, 0) << "seed " << tally.lost_seed;
  EXPECT_GT(tally.commits, lives);
  EXPECT_GT(tally.opened, lives / 2);
  std::printf("%d lives, %d acknowledged commits, %d opened\n", tally.lives, tally.commits, tally.opened);
}

TEST(StorageCrash, AFlippedBitInTheLogIsRefusedOrHarmless) {
  Machine::Tally tally;
  const int lives = lives_wanted(4'000);
  for (std::uint64_t seed = 1; tally.lives < lives && !HasFailure(); ++seed) {
    Machine machine(seed);
    for (int i = 0; i < 10 && !HasFailure(); ++i) {
      machine.live(tally);
      machine.live_with_rot(tally);
    }
  }
  std::printf("%d flips, %d refused\n", tally.flips, tally.flips_refused);
  EXPECT_EQ(tally.lost, 0) << "seed " << tally.lost_seed;
  EXPECT_GT(tally.flips_refused, tally.flips / 20);
}

TEST(StorageCrash, SectorsTornInsideAreNeverServed) {
  // Refusing is allowed then; serving anything but what was acknowledged is not.
  Machine::Tally tally;
  for (std::uint64_t seed = 1; seed <= 200 && !HasFailure(); ++seed) {
    Machine machine(seed);
    machine.break_sectors();
    const int refused = tally.refused;
    for (int i = 0; i < 20 && tally.refused == refused && !HasFailure(); ++i) machine.live(tally);
  }
  std::printf("%d lives, %d machines refused\n", tally.lives, tally.refused);
  EXPECT_EQ(tally.lost, 0) << "seed " << tally.lost_seed;
  EXPECT_GT(tally.refused, 0);
}

TEST(StorageCrash, ADiskThatLiesAboutSyncsIsNoticed) {
  // The tests above can fail: without a real sync they count losses or holes.
  Machine::Tally tally;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Machine machine(seed);
    machine.break_sectors();
    machine.disk().lie_about_syncs(true);
    for (int i = 0; i < 20; ++i) machine.live(tally);
  }
  EXPECT_GT(tally.lost + tally.refused, 50);
  EXPECT_GT(tally.lost, 0);
}

// Lives of machines whose storage lacks a guarantee; how many openings served something wrong.
int losses(const StorageFaults& faults, bool rot) {
  Machine::Tally tally;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Machine machine(seed, faults);
    machine.break_promises();
    for (int i = 0; i < 20; ++i) {
      machine.live(tally);
      if (rot) machine.live_with_rot(tally);
    }
  }
  return tally.lost;
}

TEST(StorageCrash, EachGuaranteeThatIsSwitchedOffIsNoticed) {
  EXPECT_EQ(losses({}, true), 0);
  StorageFaults no_sync;
  no_sync.log.skip_sync = true;
  EXPECT_GT(losses(no_sync, false), 0);
  StorageFaults early;
  early.log.answer_before_sync = true;
  EXPECT_GT(losses(early, false), 0);
  StorageFaults after_failure;
  after_failure.log.ignore_failed_sync = true;
  EXPECT_GT(losses(after_failure, false), 0);
  StorageFaults unchecked;
  unchecked.log.skip_checksums = true;
  EXPECT_GT(losses(unchecked, true), 0);
  StorageFaults tail;
  tail.drop_batch_tail = true;
  EXPECT_GT(losses(tail, false), 0);
}

TEST(StorageCrash, ALostRecordBeforeALaterOneIsRefused) {
  Machine machine(7);
  auto storage = machine.open();
  ASSERT_TRUE(storage);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(machine.commit_one(**storage));
  storage->reset();
  // The disk forgot a write it had confirmed.
  auto file = machine.disk().open("/db/log/00000001.log", platform::Disk::Open::EXISTING);
  ASSERT_TRUE(file);
  ASSERT_TRUE(
      (*file)->write(platform_sim::SimulatedDisk::SECTOR, Bytes(platform_sim::SimulatedDisk::SECTOR)));
  machine.disk().restart(false);
  const auto refused = machine.open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, error::FILE_CORRUPT);
  EXPECT_NE(refused.error().text.find("00000001.log at offset"), std::string::npos) << refused.error().text;
}

TEST(StorageCrash, AMissingLogOrFormatAndAForeignFormatAreRefused) {
  Machine machine(8);
  Machine::Tally tally;
  machine.live_long(200, tally);
  machine.disk().restart(false);
  {
    auto storage = machine.open();
    ASSERT_TRUE(storage);
    const auto second = machine.open();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, error::LOCK_FILE_FAILURE);
  }
  auto format = machine.disk().open("/db/FORMAT", platform::Disk::Open::EXISTING);
  ASSERT_TRUE((*format)->write(0, bytes_of("everframe-store 9")));
  auto foreign = machine.open();
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, error::UNSUPPORTED_FORMAT_VERSION);
  ASSERT_TRUE(machine.disk().remove("/db/FORMAT"));
  EXPECT_EQ(machine.open().error().code, error::FILE_CORRUPT);
  format = machine.disk().open("/db/FORMAT", platform::Disk::Open::CREATE);
  ASSERT_TRUE((*format)->write(0, bytes_of("everframe-store 1\n")));
  ASSERT_TRUE(machine.open());
  const auto names = machine.disk().list("/db/log");
  for (const std::string& name : *names) ASSERT_TRUE(machine.disk().remove("/db/log/" + name));
  const auto missing = machine.open();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, error::FILE_CORRUPT);
}

}  // namespace
}  // namespace everframe::embedded
