#include "embedded/backup.h"

#include <chrono>
#include <thread>

#include "embedded/bulk_load.h"
#include "embedded/errors.h"
#include "embedded/open_databases.h"
#include "embedded/store_format.h"

namespace everframe::embedded {

namespace {

constexpr std::int64_t PAGE_BYTES = 1 << 20;
constexpr auto SETTLE_POLL = std::chrono::milliseconds(20);
constexpr int SETTLE_POLLS_MAX = 1'500;  // 30 s: six times what it takes

class SnapshotSource final : public platform::BackupSource {
 public:
  SnapshotSource(std::shared_ptr<Handle> handle, std::unique_ptr<Base::Snapshot> snapshot,
                 BackupFaults faults)
      : handle_(std::move(handle)),
        faults_(faults),
        snapshot_(std::move(snapshot)),
        cursor_(snapshot_->cursor()) {}

  std::int64_t version() const override { return snapshot_->mark().version; }
  std::uint64_t rows_estimate() const override { return snapshot_->rows_estimate(); }

  Result<std::vector<platform::StoredRow>> next() override {
    if (faults_.renew_snapshot && !page_.empty()) {
      if (auto renewed = renew(); !renewed) return tl::unexpected(renewed.error());
    }
    page_.clear();
    ReadLimits limits{ReadLimits::UNLIMITED, PAGE_BYTES};
    cursor_->take(BEHIND_ALL_KEYS, limits, page_);
    if (auto status = cursor_->status(); !status) return tl::unexpected(status.error());
    std::vector<platform::StoredRow> rows;
    rows.reserve(page_.size());
    for (std::size_t i = 0; i < page_.size(); ++i) {
      rows.push_back({std::string(page_.key(i)), std::string(page_.value(i))});
    }
    return rows;
  }

 private:
  Result<void> renew() {
    auto newer = handle_->database().storage().snapshot();
    if (!newer) return tl::unexpected(newer.error());
    cursor_ = (*newer)->cursor();
    cursor_->seek(key_after(page_.key(page_.size() - 1)));
    snapshot_ = std::move(*newer);
    return {};
  }

  const std::shared_ptr<Handle> handle_;  // its database outlives the snapshot
  const BackupFaults faults_;
  std::unique_ptr<Base::Snapshot> snapshot_;
  std::unique_ptr<Base::Cursor> cursor_;
  Rows page_;
};

class Restore final : public platform::RestoreTarget {
 public:
  Restore(platform::Disk& disk, std::string directory, std::unique_ptr<platform::DirectoryLock> lock,
          std::unique_ptr<BulkLoad> load)
      : disk_(disk), directory_(std::move(directory)), lock_(std::move(lock)), load_(std::move(load)) {}

  ~Restore() override {
    if (load_ != nullptr) load_->abandon();
  }

  Result<void> add(std::string_view key, std::string_view value) override { return load_->add(key, value); }

  Result<void> finish(std::int64_t version) override {
    if (auto done = load_->finish({version, 0}); !done) return done;
    load_.reset();
    if (auto written = write_format(disk_, directory_); !written) return written;
    return sync_names(disk_, directory_);
  }

 private:
  platform::Disk& disk_;
  const std::string directory_;
  const std::unique_ptr<platform::DirectoryLock> lock_;
  std::unique_ptr<BulkLoad> load_;
};

}  // namespace

Result<std::unique_ptr<platform::BackupSource>> begin_backup(const std::string& target, BackupFaults faults) {
  EF_ASSERT(!Future::is_engine_thread());
  auto handle = OpenDatabases::instance().open(target);
  if (!handle) return tl::unexpected(handle.error());
  const Storage& storage = (*handle)->database().storage();
  const Version wanted = (*handle)->database().read_version();
  for (int polls = 0;; ++polls) {
    const Version unsettled = storage.oldest_unsettled();
    if (unsettled == NO_VERSION || unsettled > wanted) break;
    if (polls == SETTLE_POLLS_MAX) {
      return fail_with(
          error::IO_ERROR,
          "{}: what was committed does not reach the base; did the store stop at a failed write?", target);
    }
    std::this_thread::sleep_for(SETTLE_POLL);
  }
  auto snapshot = storage.snapshot();
  if (!snapshot) return tl::unexpected(snapshot.error());
  return std::make_unique<SnapshotSource>(std::move(*handle), std::move(*snapshot), faults);
}

Result<std::unique_ptr<platform::RestoreTarget>> begin_restore(platform::Disk& disk,
                                                               const std::string& directory) {
  if (auto made = disk.make_directory(directory); !made) return tl::unexpected(made.error());
  auto lock = disk.lock(directory);
  if (!lock) return fail_with(error::LOCK_FILE_FAILURE, "{}", lock.error().text);
  const auto names = disk.list(directory);
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    if (name == "LOCK") continue;
    return fail("{} is not empty ({}): restore into a new directory", directory, name);
  }
  auto load = BulkLoad::begin(directory + "/base");
  if (!load) return tl::unexpected(load.error());
  return std::make_unique<Restore>(disk, directory, std::move(*lock), std::move(*load));
}

}  // namespace everframe::embedded
