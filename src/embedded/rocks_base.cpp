#include "embedded/rocks_base.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <mutex>

#include "base/codec.h"
#include "embedded/errors.h"
#include "embedded/rocks_options.h"

namespace everframe::embedded {

namespace {

class RocksCursor final : public Base::Cursor {
 public:
  RocksCursor(rocksdb::DB& db, std::string_view begin, std::string_view end, bool reverse,
              const rocksdb::Snapshot* snapshot = nullptr)
      : begin_(row_key(begin)), end_(row_key(end)), lower_(begin_), upper_(end_), reverse_(reverse) {
    rocksdb::ReadOptions options;
    options.iterate_lower_bound = &lower_;
    options.iterate_upper_bound = &upper_;
    options.auto_prefix_mode = false;
    options.snapshot = snapshot;
    options.fill_cache = snapshot == nullptr;  // a backup should not push out what players use
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
  bool take(std::string_view bound, ReadLimits& limits, Rows& rows) override {
    for (; iterator_->Valid(); reverse_ ? iterator_->Prev() : iterator_->Next()) {
      const std::string_view at = key();
      if (reverse_ ? at < bound : at >= bound) return false;
      if (limits.reached()) return true;
      const std::string_view found = value();
      limits.count(at.size(), found.size());
      rows.add(at, found);
    }
    return false;
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
      cleared_more = true;
      return outcome(batch.DeleteRange(slice(row_key(begin)), slice(row_key(end))), "clearing a range");
    }
    for (const std::string& key : keys) {
      if (auto status = outcome(batch.Delete(slice(key)), "clearing"); !status) return status;
      cleared.push_back(key.substr(1));
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

Result<Mark> read_mark(rocksdb::DB& db, const rocksdb::Snapshot* snapshot = nullptr) {
  std::string row;
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  const rocksdb::Status status = db.Get(options, {MARK_KEY, 1}, &row);
  if (status.IsNotFound()) return Mark();
  if (auto read = outcome(status, "reading the base's mark"); !read) return tl::unexpected(read.error());
  ByteReader reader(bytes_of(row));
  Mark mark;
  mark.version = static_cast<Version>(reader.u64());
  mark.serial = reader.u64();
  if (!reader.done() || mark.version < 0) return fail_with(error::FILE_CORRUPT, "the base's mark is damaged");
  return mark;
}

// A RocksDB snapshot: steps are single batches, so it holds whole versions, and the mark says which.
class RocksSnapshot final : public Base::Snapshot {
 public:
  RocksSnapshot(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, Mark mark)
      : db_(db), snapshot_(snapshot), mark_(mark) {}
  ~RocksSnapshot() override { db_.ReleaseSnapshot(snapshot_); }

  Mark mark() const override { return mark_; }
  std::uint64_t rows_estimate() const override {
    std::uint64_t rows = 0;
    return db_.GetIntProperty(rocksdb::DB::Properties::kEstimateNumKeys, &rows) ? rows : 0;
  }
  std::unique_ptr<Base::Cursor> cursor() const override {
    return std::make_unique<RocksCursor>(db_, "", BEHIND_ALL_KEYS, false, snapshot_);
  }

 private:
  rocksdb::DB& db_;
  const rocksdb::Snapshot* const snapshot_;
  const Mark mark_;
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

  // From the files' indexes, which tell to a block; so it counts what each row costs there, and versions that
  // no compaction has dropped yet.
  Result<std::uint64_t> bytes_estimate(std::string_view begin, std::string_view end) const override {
    const std::string low = row_key(begin);
    const std::string high = row_key(end);
    const rocksdb::Range range(slice(low), slice(high));
    rocksdb::SizeApproximationOptions options;
    options.include_memtables = true;
    options.files_size_error_margin = 0.1;
    std::uint64_t bytes = 0;
    const rocksdb::Status status =
        db_->GetApproximateSizes(options, db_->DefaultColumnFamily(), &range, 1, &bytes);
    if (auto asked = outcome(status, "estimating a size"); !asked) return tl::unexpected(asked.error());
    return bytes;
  }

  Result<std::unique_ptr<Snapshot>> snapshot() const override {
    const rocksdb::Snapshot* taken = db_->GetSnapshot();
    const auto held = read_mark(*db_, taken);
    if (!held) {
      db_->ReleaseSnapshot(taken);
      return tl::unexpected(held.error());
    }
    return std::make_unique<RocksSnapshot>(*db_, taken, *held);
  }

  std::unique_ptr<Step> step() override { return std::make_unique<RocksStep>(*db_); }

  Result<void> apply(std::unique_ptr<Step> step, Mark mark) override {
    auto& own = static_cast<RocksStep&>(*step);
    if (!own.failure.ok()) return outcome(own.failure, "preparing a step");
    if (auto put = outcome(own.batch.Put({MARK_KEY, 1}, mark_row(mark)), "preparing a step"); !put)
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
