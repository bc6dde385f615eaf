// Bulk load: ten million rows of 16 + 120 bytes into a new store, as a restore does it and in transactions,
// beside RocksDB's ingest of sorted files.
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>

#include <filesystem>

#include "store/engine_client.h"

namespace everframe::bench {

namespace {

constexpr std::uint64_t TRANSACTIONS_PART = 10;  // of the rows: they take longer

Result<double> rocks_ingest(const Settings& settings) {
  const std::string directory = settings.directory + "/ingest";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  const double begun = now_us();
  rocksdb::DB* raw_db = nullptr;
  if (const auto opened = rocksdb::DB::Open(options, directory + "/db", &raw_db); !opened.ok()) {
    return fail("{}: {}", directory, opened.ToString());
  }
  const std::unique_ptr<rocksdb::DB> db(raw_db);
  Prng dice(1);
  std::string value(ENTITY_BYTES, '\0');
  std::vector<std::string> files;
  constexpr std::uint64_t ROWS_A_FILE = 500'000;
  for (std::uint64_t row = 0; row < settings.rows;) {
    files.push_back(fmt::format("{}/{}.sst", directory, files.size()));
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options);
    EF_ASSERT(writer.Open(files.back()).ok());
    for (const std::uint64_t end = std::min(settings.rows, row + ROWS_A_FILE); row < end; ++row) {
      fill_value(value, dice);
      EF_ASSERT(writer.Put(key_of(row), value).ok());
    }
    EF_ASSERT(writer.Finish().ok());
  }
  rocksdb::IngestExternalFileOptions ingest;
  ingest.move_files = true;
  EF_ASSERT(db->IngestExternalFile(files, ingest).ok());
  const double seconds = (now_us() - begun) / 1e6;
  return seconds;
}

}  // namespace

Result<void> bench_bulk(const Settings& settings, Report& report) {
  const std::string directory = settings.directory + "/bulk";
  double begun = now_us();
  if (auto made = make_store(directory, settings.rows); !made) return made;
  const double sorted = (now_us() - begun) / 1e6;
  const std::uint64_t few = settings.rows / TRANSACTIONS_PART;
  begun = now_us();
  if (auto made = make_store_in_transactions(directory, few); !made) return made;
  const double transactions = (now_us() - begun) / 1e6;
  std::filesystem::remove_all(directory);
  const auto floor = rocks_ingest(settings);
  std::filesystem::remove_all(settings.directory + "/ingest");
  if (!floor) return tl::unexpected<Error>(floor.error());
  const auto rows = static_cast<double>(settings.rows);
  report.add("bulk load, sorted, as a restore", {{"s", sorted}, {"rows/s", rows / sorted}});
  report.add("bulk load, a tenth, in transactions",
             {{"s", transactions}, {"rows/s", static_cast<double>(few) / transactions}});
  report.add("bulk load: floor, RocksDB ingest", {{"s", *floor}, {"rows/s", rows / *floor}});
  return {};
}

}  // namespace everframe::bench
