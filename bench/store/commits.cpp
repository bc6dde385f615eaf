// Synced commits of 10 writes of 100 bytes, 1, 8 and 64 in flight: the engine, the bare log, bare RocksDB.
// All threads ask for short slices, as the engine's own does: otherwise what is measured on a machine with
// other work is how long whoever waits for a commit waits for a core after it.
#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "platform_os/short_slice.h"
#include "store/engine_client.h"
#include "store/measure.h"

namespace everframe::bench {

namespace {

constexpr std::size_t RECORD_BYTES = 1'200;

// `width` commits in flight from one thread; completions come back to it through a queue, as they would to an
// actor's executor.
class EngineLoad {
 public:
  EngineLoad(EngineDatabase& database, std::uint64_t keys, std::size_t width)
      : database_(database), keys_(keys), slots_(width) {}

  Commits run(double seconds) {
    const double start = now_us();
    const double end = start + seconds * 1e6;
    for (Slot& slot : slots_) begin(slot);
    std::size_t flying = slots_.size();
    std::uint64_t done = 0;
    std::vector<Slot*> ready;
    while (flying > 0) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !completed_.empty(); });
        ready.swap(completed_);
      }
      const double now = now_us();
      for (Slot* slot : ready) {
        EF_ASSERT(fdb().future_get_error(slot->commit.get()) == 0);
        latencies_.add(now - slot->begun);
        ++done;
        --flying;
        if (now >= end) continue;
        begin(*slot);
        ++flying;
      }
      ready.clear();
    }
    return {static_cast<double>(done) / (now_us() - start) * 1e6, latencies_.quantile(0.5),
            latencies_.quantile(0.99)};
  }

 private:
  struct Slot {
    EngineLoad* load = nullptr;
    double begun = 0;
    TransactionHandle transaction{nullptr, nullptr};
    FutureHandle commit{nullptr, nullptr};
  };

  void begin(Slot& slot) {
    slot.load = this;
    slot.commit.reset();
    slot.transaction = database_.begin();
    for (std::size_t i = 0; i < WRITES; ++i) {
      const std::string key = key_of(dice_.below(keys_));
      fdb().transaction_set(slot.transaction.get(), raw(key), length(key), raw(value_), length(value_));
    }
    slot.begun = now_us();
    slot.commit = {fdb().transaction_commit(slot.transaction.get()), fdb().future_destroy};
    const auto completed = [](FDBFuture*, void* parameter) {
      Slot& own = *static_cast<Slot*>(parameter);
      EngineLoad& load = *own.load;
      const std::lock_guard lock(load.mutex_);
      load.completed_.push_back(&own);
      if (load.completed_.size() == 1) load.changed_.notify_one();
    };
    EF_ASSERT(fdb().future_set_callback(slot.commit.get(), completed, &slot) == 0);
  }

  EngineDatabase& database_;
  const std::uint64_t keys_;
  Prng dice_{7};
  const std::string value_ = std::string(WRITE_BYTES, 'v');
  std::vector<Slot> slots_;
  Samples latencies_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot*> completed_;
};

// The log alone: records of 1,200 bytes, whole batches of `width` in one write and one sync on a zero-filled
// file.
Commits bare_log(const std::string& directory, std::size_t width, double seconds, bool short_slice = true) {
  const std::string path = directory + "/bare.log";
  constexpr std::size_t FILE_BYTES = 16 << 20;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  EF_ASSERT(fd >= 0);
  const std::string zeros(FILE_BYTES, '\0');
  EF_ASSERT(pwrite(fd, zeros.data(), zeros.size(), 0) == static_cast<ssize_t>(zeros.size()));
  EF_ASSERT(fsync(fd) == 0);
  Samples latencies;
  double total = 0;
  std::thread writer([&] {
    if (short_slice) platform_os::use_short_slice();
    const std::size_t bytes = (RECORD_BYTES * width + 511) / 512 * 512;
    const std::string record(bytes, 'r');
    std::size_t at = 0;
    const double start = now_us();
    const double end = start + seconds * 1e6;
    for (double begun = start; begun < end;) {
      if (at + bytes > FILE_BYTES) at = 0;
      EF_ASSERT(pwrite(fd, record.data(), bytes, static_cast<off_t>(at)) == static_cast<ssize_t>(bytes));
      EF_ASSERT(fdatasync(fd) == 0);
      at += bytes;
      const double now = now_us();
      latencies.add(now - begun);
      begun = now;
    }
    total = now_us() - start;
  });
  writer.join();
  close(fd);
  unlink(path.c_str());
  const double commits = static_cast<double>(latencies.count() * width);
  return {commits / total * 1e6, latencies.quantile(0.5), latencies.quantile(0.99)};
}

// RocksDB with its own WAL, `width` threads, each a synced WriteBatch at a time.
Commits bare_rocksdb(rocksdb::DB& db, const Settings& settings, std::size_t width) {
  std::vector<std::thread> threads;
  std::vector<Samples> latencies(width);
  Samples all;
  const double start = now_us();
  const double end = start + settings.seconds * 1e6;
  std::mutex mutex;
  for (std::size_t i = 0; i < width; ++i) {
    threads.emplace_back([&, i] {
      platform_os::use_short_slice();
      Prng dice(i + 1);
      const std::string value(WRITE_BYTES, 'v');
      rocksdb::WriteOptions options;
      options.sync = true;
      std::vector<double> own;
      for (double begun = now_us(); begun < end;) {
        rocksdb::WriteBatch batch;
        for (std::size_t w = 0; w < WRITES; ++w) {
          EF_ASSERT(batch.Put(key_of(dice.below(settings.keys)), value).ok());
        }
        EF_ASSERT(db.Write(options, &batch).ok());
        const double now = now_us();
        own.push_back(now - begun);
        begun = now;
      }
      const std::lock_guard lock(mutex);
      for (const double us : own) all.add(us);
    });
  }
  for (auto& thread : threads) thread.join();
  return {static_cast<double>(all.count()) / (now_us() - start) * 1e6, all.quantile(0.5), all.quantile(0.99)};
}

// While it lives, this process's new threads stay on one core.
class OneCore {
 public:
  OneCore() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OneCore() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_{};
};

Result<Commits> engine_round(const Settings& settings, std::size_t width) {
  auto database = EngineDatabase::open(settings.directory + "/commits");
  if (!database) return tl::unexpected<Error>(database.error());
  Commits commits;
  std::thread client([&] {
    platform_os::use_short_slice();
    commits = EngineLoad(*database, settings.keys, width).run(settings.seconds);
  });
  client.join();
  return commits;
}

std::vector<Report::Value> values_of(const Commits& c) {
  return {{"commits/s", c.a_second}, {"p50_us", c.p50_us}, {"p99_us", c.p99_us}};
}

}  // namespace

Result<void> bench_commits(const Settings& settings, Report& report) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* raw_db = nullptr;
  const std::string rocks = settings.directory + "/rocks";
  if (const auto opened = rocksdb::DB::Open(options, rocks, &raw_db); !opened.ok()) {
    return fail("{}: {}", rocks, opened.ToString());
  }
  std::unique_ptr<rocksdb::DB> db(raw_db);
  for (const std::size_t width : settings.in_flight) {
    std::vector<Commits> engine, log, ordinary, rocksdb, one_core;
    for (int round = 0; round < settings.rounds; ++round) {
      log.push_back(bare_log(settings.directory, width, settings.seconds));
      if (width == 1) ordinary.push_back(bare_log(settings.directory, width, settings.seconds, false));
      const auto own = engine_round(settings, width);
      if (!own) return tl::unexpected<Error>(own.error());
      engine.push_back(*own);
      {
        const OneCore core;
        const auto alone = engine_round(settings, width);
        if (!alone) return tl::unexpected<Error>(alone.error());
        one_core.push_back(*alone);
      }
      rocksdb.push_back(bare_rocksdb(*db, settings, width));
    }
    const std::string name = fmt::format("commit, {} in flight: ", width);
    report.add(name + "engine", values_of(median(engine)));
    report.add(name + "engine, one core", values_of(median(one_core)));
    report.add(name + "floor, bare log", values_of(median(log)));
    if (width == 1) report.add(name + "bare log, ordinary slice", values_of(median(ordinary)));
    report.add(name + "floor, RocksDB synced", values_of(median(rocksdb)));
    std::vector<double> to_log, to_rocks;
    for (std::size_t i = 0; i < engine.size(); ++i) {
      const bool alone = one_core[i].p50_us < engine[i].p50_us;
      to_log.push_back((alone ? one_core : engine)[i].p50_us / log[i].p50_us);
      to_rocks.push_back(engine[i].a_second / rocksdb[i].a_second);
    }
    if (width == 1) report.target("p50 at 1 in flight, against the bare log", median(to_log), 1.5, true);
    if (width == 64) {
      report.target("commits/s at 64 in flight, against RocksDB", median(to_rocks), 1.5, false);
      report.target("commits/s at 64 in flight on one core", median(one_core).a_second, 30'000, false);
    }
  }
  db.reset();
  std::filesystem::remove_all(rocks);
  std::filesystem::remove_all(settings.directory + "/commits");
  return {};
}

}  // namespace everframe::bench
