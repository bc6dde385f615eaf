#include "embedded/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include "base/codec.h"
#include "embedded/errors.h"

namespace everframe::embedded {

namespace {

constexpr std::size_t BLOCK_CACHE_BYTES = 48 << 20;  // two regions of 100,000 entities, and a part of a third
constexpr std::size_t WRITE_BUFFER_BYTES = 16 << 20;
constexpr int OPEN_FILES_MAX = 256;  // of about 32 MB: a world of 8 GB without reopening

}  // namespace

std::string row_key(std::string_view key) {
  std::string out;
  out.reserve(key.size() + 1);
  out.push_back(ROW);
  out.append(key);
  return out;
}

std::string mark_row(const Mark& mark) {
  Bytes row;
  ByteWriter writer(row);
  writer.u64(static_cast<std::uint64_t>(mark.version));
  writer.u64(mark.serial);
  return std::string(chars_of(row));
}

Result<void> outcome(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return {};
  return fail_with(status.IsCorruption() ? error::FILE_CORRUPT : error::IO_ERROR, "{}: {}", doing,
                   status.ToString());
}

rocksdb::Options options_of_base() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(BLOCK_CACHE_BYTES);
  table.block_size = 16 << 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;  // so that they count against the cache
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  // Long scans of cold data read ahead this far; short ones stay short, for it grows with the scan.
  table.initial_auto_readahead_size = 64 << 10;
  table.max_auto_readahead_size = 2 << 20;
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.create_if_missing = true;
  options.write_buffer_size = WRITE_BUFFER_BYTES;
  options.max_write_buffer_number = 2;
  options.max_open_files = OPEN_FILES_MAX;
  options.target_file_size_base = 32 << 20;
  options.max_background_jobs = 2;
  options.paranoid_checks = true;
  options.compression = rocksdb::kNoCompression;
  options.stats_dump_period_sec = 0;  // otherwise a thread wakes for each
  options.stats_persist_period_sec = 0;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1 << 20;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_manifest_file_size = 4 << 20;
  options.avoid_flush_during_shutdown = true;  // the log has it
  return options;
}

}  // namespace everframe::embedded
