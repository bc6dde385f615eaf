#include "embedded/rocks_base.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <mutex>

#include "base/codec.h"
#include "embedded/errors.h"

namespace everframe::embedded {

namespace {

// rocks-row := 00 -> version u64, serial u64 | 01 key -> value
constexpr char MARK_KEY[] = {'\x00'};
constexpr char ROW = '\x01';

constexpr std::size_t BLOCK_CACHE_BYTES = 32 << 20;
constexpr std::size_t WRITE_BUFFER_BYTES = 16 << 20;
constexpr int OPEN_FILES_MAX = 256;  // of about 32 MB: a world of 8 GB without reopening
// A range clear over at most this many rows becomes their single deletions: range tombstones slow every later
// read near them until they are compacted away.
constexpr int POINT_CLEARS_MAX = 256;

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const rocksdb::Slice& text) {
  return {text.data(), text.size()};
}

std::string row_key(std::string_view key) {
  std::string out;
  out.reserve(key.size() + 1);
  out.push_back(ROW);
  out.append(key);
  return out;
}

Result<void> outcome(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return {};
  return fail_with(status.IsCorruption() ? error::FILE_CORRUPT : error::IO_ERROR, "{}: {}", doing,
                   status.ToString());
}

class RocksCursor final : public Base::Cursor {
 public:
  RocksCursor(rocksdb::DB& db, std::string_view begin, std::string_view end, bool reverse)
      : begin_(row_key(begin)), end_(row_key(end)), lower_(begin_), upper_(end_), reverse_(reverse) {
    rocksdb::ReadOptions options;
    options.iterate_lower_bound = &lower_;
    options.iterate_upper_bound = &upper_;
    options.auto_prefix_mode = false;
    iterator_.reset(db.NewIterator(options));
    reverse_ ? iterator_->SeekToLast() : iterator_->SeekToFirst();
  }
  bool valid() const override { return iterator_->Valid(); }
  std::string_view key() const override { return view(iterator_->key()).substr(1); }
  std::string_view value() const override { return view(iterator_->value()); }
  void advance() override { reverse_ ? iterator_->Prev() : iterator_->Next(); }
  void seek(std::string_view key) override {
    const std::string target = row_key(key);
    if (!reverse_) return iterator_->Seek(slice(target));
    iterator_->SeekForPrev(slice(target));
    if (iterator_->Valid() && view(iterator_->key()) == target) iterator_->Prev();
  }
  Result<void> status() const override { return outcome(iterator_->status(), "reading the base"); }

 private:
  const std::string begin_;
  const std::string end_;
  const rocksdb::Slice lower_;
  const rocksdb::Slice upper_;
  const bool reverse_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class RocksStep final : public Base::Step {
 public:
  explicit RocksStep(rocksdb::DB& db) : db_(db) {}

  Result<void> clear(std::string_view begin, std::string_view end) override {
    RocksCursor cursor(db_, begin, end, false);
    std::vector<std::string> keys;
    for (; cursor.valid() && keys.size() <= POINT_CLEARS_MAX; cursor.advance()) {
      keys.push_back(row_key(cursor.key()));
    }
    if (auto status = cursor.status(); !status) return status;
    if (keys.size() > POINT_CLEARS_MAX) {
      return outcome(batch.DeleteRange(slice(row_key(begin)), slice(row_key(end))), "clearing a range");
    }
    for (const std::string& key : keys) {
      if (auto status = outcome(batch.Delete(slice(key)), "clearing"); !status) return status;
    }
    return {};
  }
  void put(std::string_view key, std::string_view value) override {
    note(batch.Put(slice(row_key(key)), slice(value)));
  }
  void erase(std::string_view key) override { note(batch.Delete(slice(row_key(key)))); }

  rocksdb::WriteBatch batch;
  rocksdb::Status failure;

 private:
  void note(rocksdb::Status noted) {
    if (!noted.ok()) failure = std::move(noted);
  }
  rocksdb::DB& db_;
};

class RocksBase final : public Base {
 public:
  RocksBase(std::unique_ptr<rocksdb::DB> db, Mark mark) : db_(std::move(db)), mark_(mark) {}
  ~RocksBase() override { db_->Close().PermitUncheckedError(); }

  Mark mark() const override {
    const std::lock_guard lock(mutex_);
    return mark_;
  }

  Result<std::optional<std::string>> get(std::string_view key) const override {
    rocksdb::PinnableSlice value;
    char small[128];
    std::string large;
    std::string_view name;
    if (key.size() < sizeof small) {
      small[0] = ROW;
      key.copy(small + 1, key.size());
      name = {small, key.size() + 1};
    } else {
      large = row_key(key);
      name = large;
    }
    const rocksdb::Status status =
        db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), slice(name), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (auto read = outcome(status, "reading the base"); !read) return tl::unexpected(read.error());
    return std::string(value.data(), value.size());
  }

  std::unique_ptr<Cursor> cursor(std::string_view begin, std::string_view end, bool reverse) const override {
    return std::make_unique<RocksCursor>(*db_, begin, end, reverse);
  }

  std::unique_ptr<Step> step() override { return std::make_unique<RocksStep>(*db_); }

  Result<void> apply(std::unique_ptr<Step> step, Mark mark) override {
    auto& own = static_cast<RocksStep&>(*step);
    if (!own.failure.ok()) return outcome(own.failure, "preparing a step");
    Bytes row;
    ByteWriter writer(row);
    writer.u64(static_cast<std::uint64_t>(mark.version));
    writer.u64(mark.serial);
    if (auto put = outcome(own.batch.Put({MARK_KEY, 1}, slice(chars_of(row))), "preparing a step"); !put)
      return put;
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    if (auto written = outcome(db_->Write(options, &own.batch), "writing to the base"); !written)
      return written;
    const std::lock_guard lock(mutex_);
    mark_ = mark;
    return {};
  }

  Result<Mark> make_durable() override {
    const Mark before = mark();
    rocksdb::FlushOptions options;
    options.wait = true;
    if (auto flushed = outcome(db_->Flush(options), "flushing the base"); !flushed) {
      return tl::unexpected(flushed.error());
    }
    return before;
  }

 private:
  const std::unique_ptr<rocksdb::DB> db_;
  mutable std::mutex mutex_;
  Mark mark_;
};

rocksdb::Options options_of_base() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(BLOCK_CACHE_BYTES);
  table.block_size = 16 << 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;  // so that they count against the cache
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
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

Result<Mark> read_mark(rocksdb::DB& db) {
  std::string row;
  const rocksdb::Status status = db.Get(rocksdb::ReadOptions(), {MARK_KEY, 1}, &row);
  if (status.IsNotFound()) return Mark();
  if (auto read = outcome(status, "reading the base's mark"); !read) return tl::unexpected(read.error());
  ByteReader reader(bytes_of(row));
  Mark mark;
  mark.version = static_cast<Version>(reader.u64());
  mark.serial = reader.u64();
  if (!reader.done() || mark.version < 0) return fail_with(error::FILE_CORRUPT, "the base's mark is damaged");
  return mark;
}

}  // namespace

Result<std::unique_ptr<Base>> open_rocks_base(const std::string& directory) {
  rocksdb::DB* raw = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options_of_base(), directory, &raw);
  if (auto opened = outcome(status, directory); !opened) return tl::unexpected(opened.error());
  std::unique_ptr<rocksdb::DB> db(raw);
  const auto mark = read_mark(*db);
  if (!mark) return tl::unexpected(mark.error());
  return std::make_unique<RocksBase>(std::move(db), *mark);
}

}  // namespace everframe::embedded
