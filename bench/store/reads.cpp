// Reads of a store that holds millions of rows: points, ranges cold and warm, a region through room `store`.
#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <unistd.h>

#include <filesystem>

#include "platform_os/asio_executor.h"
#include "store/database.h"
#include "store/engine_client.h"

namespace everframe::bench {

namespace {

// Asks the kernel to forget what it holds of the directory's files.
void drop_page_cache(const std::string& directory) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const int fd = ::open(entry.path().c_str(), O_RDONLY);
    if (fd < 0) continue;
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  }
}

double points(const Settings& settings, const EngineDatabase& database, std::uint64_t keys) {
  const int reads = settings.smoke ? 2'000 : 200'000;
  Prng dice(3);
  std::vector<std::string> hot;
  for (std::uint64_t i = 0; i < keys; ++i) hot.push_back(key_of(dice.below(settings.rows)));
  double spent = 0;
  std::uint64_t sum = 0;
  const auto read = [&](FDBTransaction* transaction, const std::string& key) {
    const FutureHandle future(fdb().transaction_get(transaction, raw(key), length(key), 1),
                              fdb().future_destroy);
    fdb_bool_t present = 0;
    const std::uint8_t* value = nullptr;
    int size = 0;
    EF_ASSERT(fdb().future_block_until_ready(future.get()) == 0);
    EF_ASSERT(fdb().future_get_value(future.get(), &present, &value, &size) == 0);
    EF_ASSERT(present != 0 && size == static_cast<int>(ENTITY_BYTES));
    sum += value[0];
  };
  // A transaction lives 5 s at most; on a busy machine that is soon over.
  constexpr int READS_A_TRANSACTION = 5'000;
  auto transaction = database.begin();
  double begun = 0;
  for (int i = -static_cast<int>(hot.size()); i < reads; ++i) {
    if (i == 0) begun = now_us();
    if (i % READS_A_TRANSACTION == 0) transaction = database.begin();
    read(transaction.get(), hot[static_cast<std::size_t>(i + static_cast<int>(hot.size())) % hot.size()]);
  }
  spent = now_us() - begun;
  return sum == 1 ? 0 : spent / reads;
}

// Where the scan of a round begins.
std::uint64_t scan_begin(const Settings& settings, int round) {
  return settings.rows / 4 + static_cast<std::uint64_t>(round) * settings.scan_rows / 2;
}

double scan_rate(const Settings& settings, const EngineDatabase& database, std::uint64_t first) {
  const auto transaction = database.begin();
  const double begun = now_us();
  const Scanned scanned = scan(transaction.get(), key_of(first), key_of(first + settings.scan_rows));
  EF_ASSERT(scanned.rows == settings.scan_rows);
  return static_cast<double>(scanned.rows) / (now_us() - begun) * 1e6;
}

// All rows of a region, as room `region` loads them: the ms of each round, the first one after an opening.
Result<std::vector<double>> region_ms(const Settings& settings, const std::string& directory) {
  auto opened = store::Database::open(fdb(), "embedded:" + directory, embedded::why_not_opened);
  if (!opened) return tl::unexpected<Error>(opened.error());
  platform_os::AsioExecutor executor("bench");
  std::vector<double> rounds;
  Result<void> outcome;
  const auto work = [&]() -> Task<void> {
    for (int round = 0; round < settings.rounds + 1; ++round) {
      const store::KeyRange range{key_of(settings.rows / 2), key_of(settings.rows / 2 + settings.scan_rows)};
      store::RangeOptions options;
      options.snapshot = true;
      const double begun = now_us();
      auto transaction = (*opened)->begin(executor);
      const auto rows = co_await transaction.get_range(range, options);
      if (!rows) {
        outcome = tl::unexpected<Error>(rows.error());
      } else {
        EF_ASSERT(rows->size() == settings.scan_rows);
      }
      rounds.push_back((now_us() - begun) / 1000);
    }
  };
  executor.post([&] { spawn(work(), [&](std::exception_ptr) { executor.stop(); }); });
  executor.run();
  if (!outcome) return tl::unexpected<Error>(outcome.error());
  return rounds;
}

// RocksDB alone, from the same rows: keys a second of scans with one iterator each, `cold` ones with the page
// cache dropped before.
Result<std::vector<double>> rocks_floor(const Settings& settings, const std::string& directory, bool cold) {
  std::vector<double> rates;
  std::unique_ptr<rocksdb::DB> db;
  for (int round = 0; round < settings.rounds + 1; ++round) {
    if (cold || db == nullptr) {
      db.reset();
      if (cold) drop_page_cache(directory);
      rocksdb::Options options;
      rocksdb::BlockBasedTableOptions table;
      table.block_cache = rocksdb::NewLRUCache(64 << 20);
      table.block_size = 16 << 10;
      table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
      options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
      rocksdb::DB* raw_db = nullptr;
      const auto opened = rocksdb::DB::OpenForReadOnly(options, directory + "/base", &raw_db);
      if (!opened.ok()) return fail("{}: {}", directory, opened.ToString());
      db.reset(raw_db);
    }
    const std::uint64_t first = scan_begin(settings, cold ? round : 0);
    const std::string end = '\x01' + key_of(first + settings.scan_rows);
    const rocksdb::Slice upper(end);
    rocksdb::ReadOptions read;
    read.iterate_upper_bound = &upper;
    const double begun = now_us();
    const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(read));
    std::uint64_t rows = 0;
    std::uint64_t sum = 0;
    for (at->Seek('\x01' + key_of(first)); at->Valid(); at->Next()) {
      ++rows;
      sum += static_cast<std::uint8_t>(at->value()[0]);
    }
    EF_ASSERT(rows == settings.scan_rows && sum != 1);
    rates.push_back(static_cast<double>(rows) / (now_us() - begun) * 1e6);
  }
  rates.erase(rates.begin());  // the first one warms
  return rates;
}

}  // namespace

Result<void> bench_reads(const Settings& settings, Report& report) {
  const std::string directory = settings.directory + "/reads";
  if (auto made = make_store(directory, settings.rows); !made) return made;
  std::vector<double> cold, second, warm, hot, spread;
  for (int round = 0; round < settings.rounds; ++round) {
    drop_page_cache(directory);
    const auto database = EngineDatabase::open(directory);
    if (!database) return tl::unexpected<Error>(database.error());
    const std::uint64_t first = scan_begin(settings, round);
    cold.push_back(scan_rate(settings, *database, first));
    second.push_back(scan_rate(settings, *database, first));
    warm.push_back(second.back());
    for (int again = 0; again < 2; ++again) warm.push_back(scan_rate(settings, *database, first));
    hot.push_back(points(settings, *database, std::min<std::uint64_t>(settings.rows, 1'000)));
    spread.push_back(points(settings, *database, std::min<std::uint64_t>(settings.rows, 100'000)));
  }
  const auto cold_floor = rocks_floor(settings, directory, true);
  if (!cold_floor) return tl::unexpected<Error>(cold_floor.error());
  const auto warm_floor = rocks_floor(settings, directory, false);
  if (!warm_floor) return tl::unexpected<Error>(warm_floor.error());
  const auto regions = region_ms(settings, directory);
  if (!regions) return tl::unexpected<Error>(regions.error());
  const double region = median(std::vector<double>(regions->begin() + 1, regions->end()));
  report.add("point read, of 1,000 keys", {{"us", median(hot)}});
  report.add("point read, of 100,000 keys", {{"us", median(spread)}});
  report.add("range scan, cold", {{"keys/s", median(cold)}});
  report.add("range scan, for the second time", {{"keys/s", median(second)}});
  report.add("range scan, warm", {{"keys/s", median(warm)}});
  report.add("range scan: floor, RocksDB",
             {{"cold keys/s", median(*cold_floor)}, {"warm keys/s", median(*warm_floor)}});
  report.add("region load, through room store", {{"first ms", regions->front()}, {"ms", region}});
  report.target("cached point read, us", median(hot), 1.5, true);
  report.target("warm scan, keys/s", median(warm), 3e6, false);
  report.target("region of 100,000 entities, ms", std::max(region, regions->front()), 100, true);
  std::filesystem::remove_all(directory);
  return {};
}

}  // namespace everframe::bench
