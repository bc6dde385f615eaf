// Storage: the database's content at any version of the last 5 seconds, and its durability. A commit goes to
// the log and the window; later a settling thread moves it from the window to the base, makes the base
// durable now and then, and lets go of log segments behind it.
//
//   commit -> window -> log: write, sync -> published - 5 s -> base -> base durable: log released
//
// Opening replays the log into the base, makes it durable and starts an empty log: what is read later was on
// the disk's surface before, even if the last process died with a failed sync.
//
// Threads: reads from any; begin/apply/finish on the commit thread; settle/tidy on the settling thread.
// Errors carry FoundationDB's codes. After a failed finish() the versions it was for stay invisible for ever.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>

#include "base/function.h"
#include "embedded/base.h"
#include "embedded/commit_log.h"
#include "embedded/log_record.h"
#include "embedded/row_cache.h"
#include "embedded/run_cache.h"
#include "embedded/window.h"
#include "platform/disk.h"

namespace everframe::embedded {

// Commits get 1042 while the window holds more than this: 5 s of 100 MB a second.
inline constexpr std::size_t WINDOW_BYTES_MAX = 512U << 20;

// Test switches, as LogFaults.
struct StorageFaults {
  LogFaults log;
  bool drop_batch_tail = false;      // the last change of each batch does not reach the log
  bool keep_stale_rows = false;      // the row cache is not told of what the base took in
  bool keep_stale_runs = false;      // nor the run cache
  bool reuse_stale_cursors = false;  // a long read's next page goes on where the base has changed since
};

class Storage {
 public:
  using OpenBase = Function<Result<std::unique_ptr<Base>>(const std::string& directory)>;
  struct Options {
    platform::Disk* disk = nullptr;  // none: nothing is durable
    std::string directory;
    std::size_t segment_bytes = 16 << 20;
    std::size_t full_segments_max =
        2;  // settled ones, then the base is made durable; bounds a restart's replay
    // Twice a region of 100,000 entities: of what is read in turn, the older half may go (RowCache, "Shape").
    std::size_t row_cache_bytes = 64 << 20;
    std::size_t run_cache_bytes = 32 << 20;  // likewise
    std::size_t run_bytes_min = RunCache::RUN_BYTES_MIN;
    StorageFaults faults;
    OpenBase open_base;
  };
  static Result<std::unique_ptr<Storage>> open(Options options);

  Version recovered() const { return recovered_; }  // the last version that the directory held

  // The content at version `at`, which must be published. 1007 once it is settled past.
  Result<std::optional<std::string>> get(std::string_view key, Version at) const;
  // Appends rows of [begin, end) until a limit; true: it stopped at a limit before the end.
  Result<bool> range(std::string_view begin, std::string_view end, Version at, bool reverse,
                     ReadLimits& limits, Rows& rows) const;

  // Bytes of keys and values of [begin, end): counted, if they are few; else about, and what the window and
  // the base both hold counts twice. Reads COUNTED_ROWS_MAX rows at most.
  static constexpr std::int64_t COUNTED_ROWS_MAX = 1'000;
  static constexpr std::int64_t COUNTED_BYTES_MAX = 100'000;
  Result<std::int64_t> bytes_estimate(std::string_view begin, std::string_view end, Version at) const;

  // The keys that are about to be changed, if they are known beforehand: see Window::expect.
  void expect(std::span<const std::string_view> keys) const;
  // One batch: its changes in order, then its record to the log. finish() returns once it is durable.
  void begin(Version version);
  // Atomic ones meet the values so far; versionstamps are filled in. Bytes are copied.
  Result<void> apply(std::span<const MutationView> mutations);
  Result<void> apply(const Mutation& mutation) {
    const MutationView view{mutation.type, mutation.key, mutation.value};
    return apply(std::span(&view, 1));
  }
  Result<void> finish();

  // Moves one round of versions up to `upto` (published, and no longer readable) into the base; false: none
  // left.
  Result<bool> settle(Version upto);
  // Log segments: makes the next one ready; makes the base durable when too many are full.
  Result<void> tidy();
  bool wants_tidy() const;  // any thread
  // Everything settled so far, durable in the base.
  Result<void> make_base_durable();

  // What is settled, unchanged while it is held. Any thread; the storage outlives it.
  Result<std::unique_ptr<Base::Snapshot>> snapshot() const { return base_->snapshot(); }

  Version oldest_unsettled() const;  // NO_VERSION: all is settled
  std::size_t window_bytes() const;

 private:
  explicit Storage(Options options)
      : options_(std::move(options)),
        rows_(options_.row_cache_bytes),
        runs_(options_.run_cache_bytes, options_.run_bytes_min) {}
  Result<void> open_directory();
  Result<void> check_format();
  Result<void> replay();
  // A long read comes in pages. Where one stopped at its bytes, its cursor waits for the next: it is open,
  // and has begun to read ahead. Good for the same version and for as long as nothing is trimmed; settle()
  // lets all of them go, and so do later ones.
  struct Waiting {
    std::string low;
    std::string high;
    bool reverse;
    Version at;
    std::uint64_t trims;
    std::unique_ptr<Base::Cursor> cursor;
  };
  static constexpr std::size_t WAITING_MAX = 4;  // reads under way at once; each holds a few blocks
  std::optional<Waiting> take_waiting(std::string_view low, std::string_view high, bool reverse,
                                      Version at) const;
  void keep_waiting(Waiting waiting) const;
  Result<bool> merge(const Window::Slice& slice, Base::Cursor& cursor, bool reverse, ReadLimits& limits,
                     Rows& rows) const;
  Result<void> apply_locked(const MutationView& mutation, std::unique_lock<std::shared_mutex>& lock);
  void record(const Change& change);
  void set(std::string_view key, std::optional<std::string_view> value);
  std::unique_ptr<Base::Cursor> cursor(std::string_view begin, std::string_view end, bool reverse) const;
  template <class Cache>
  void forget_changed(Cache& cache, const Window::Round& round, const std::vector<std::string>& cleared,
                      bool cleared_more);

  const Options options_;
  std::unique_ptr<platform::DirectoryLock> directory_lock_;
  std::unique_ptr<Base> base_;
  std::unique_ptr<CommitLog> log_;
  Version recovered_ = 0;

  // The commit thread's:
  Version version_ = NO_VERSION;
  Bytes record_;
  std::size_t last_change_ = 0;  // where in the record it begins

  mutable std::mutex waiting_mutex_;  // guards what follows
  mutable std::deque<Waiting> waiting_;

  mutable RowCache rows_;            // of the base
  mutable RunCache runs_;            // likewise
  std::atomic<Version> settled_{0};  // readers below it are too old; raised before the base is touched

  mutable std::shared_mutex mutex_;  // guards what follows
  Window window_;
  std::uint64_t trims_ = 0;  // rounds trimmed from the window so far
  struct Logged {
    Version version;
    std::uint64_t serial;
  };
  std::deque<Logged> logged_;  // of unsettled versions
};

}  // namespace everframe::embedded
