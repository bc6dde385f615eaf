// Database, Transaction: FoundationDB's transactions as coroutines. One API over the table of C functions
// (platform/fdb_api.h), whichever engine filled it; meaning, limits and error codes are FoundationDB's
// (documentation "Developer Guide", "C API").
// Threads: a Database may be used from any thread; a Transaction belongs to one executor, which outlives it:
// whatever is awaited resumes there, never inside an engine's callback. Nothing blocks.
// Ownership: a Transaction destroyed while something of it is awaited is cancelled, and what is awaited ends
// with an error; a coroutine destroyed while it awaits is not resumed. Awaited results own their bytes.
// Errors: Error::code is FoundationDB's; 0 is a caller's own refusal from inside run().
// Keys and values are byte strings. Sets, clears and atomic operations return nothing: their errors come out
// of commit().
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "platform/executor.h"
#include "platform/fdb_api.h"
#include "store/key_values.h"
#include "store/tuple.h"

namespace everframe::store {

inline constexpr int NOT_COMMITTED = 1020;
inline constexpr int COMMIT_UNKNOWN_RESULT = 1021;
inline constexpr int TRANSACTION_TIMED_OUT = 1031;

// What weak reads may see: as of FoundationDB's GRV cache (MAX_VERSION_CACHE_LAG).
inline constexpr Duration WEAK_READ_AGE_MAX = 100ms;

// Of one run(), over all its tries.
struct RunOptions {
  // From its begin to its end; rounded up to milliseconds; 0: none. Past it the Error is 1031: a commit that
  // was under way may still happen.
  Duration time_max{0};
  int retries_max = -1;  // then the last try's Error is given; -1: no limit
  // The first try may see a state up to WEAK_READ_AGE_MAX old, but none older than this Database's last
  // commit; it then asks nobody for a read version. Still serializable, not strictly.
  bool weak_reads = false;
  bool report_conflicts = false;  // Transaction::report_conflicts() in each try
};

struct RangeOptions {
  std::size_t limit = 0;  // rows; 0: all
  bool reverse = false;
  bool snapshot = false;  // adds no read conflict
};

struct Page {
  KeyValues rows;
  bool more = false;  // there may be rows behind these
};

// Where a read begins or ends: at the last key before `key` (or at it, with or_equal), moved by `offset`
// keys.
struct KeySelector {
  std::string key;
  bool or_equal = false;
  int offset = 1;

  static KeySelector first_at_or_after(std::string key) { return {std::move(key), false, 1}; }
  static KeySelector first_after(std::string key) { return {std::move(key), true, 1}; }
};

// fdb_c.h, FDBStreamingMode: how the engine cuts a range into pages. EXACT wants a limit.
enum class StreamingMode {
  WANT_ALL = -2,
  ITERATOR = -1,
  EXACT = 0,
  SMALL = 1,
  MEDIUM = 2,
  LARGE = 3,
  SERIAL = 4,
};

enum class AtomicOp {
  ADD = 2,
  MAX = 12,
  MIN = 13,
  BYTE_MIN = 16,
  BYTE_MAX = 17,
  SET_VERSIONSTAMPED_KEY = 14,
  SET_VERSIONSTAMPED_VALUE = 15,
  COMPARE_AND_CLEAR = 20
};

// Readable by all, written only through bump_metadata_version(); with FoundationDB it comes with the read
// version, at no cost (design/metadata-version.md).
inline constexpr std::string_view METADATA_VERSION_KEY = "\xff/metadataVersion";

class Database;
class Future;

// What was asked of a transaction before its commit and comes with it or after it. May outlive the
// Transaction; destroyed, it is given up.
class Watch {
 public:
  explicit Watch(std::unique_ptr<Future> future, const platform::FdbApi& api);
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) noexcept;
  ~Watch();
  Task<Result<void>> changed();  // once only, and this outlives it
  bool is_ready() const;

 private:
  std::unique_ptr<Future> future_;
  const platform::FdbApi* api_;
};
class StampPromise {
 public:
  explicit StampPromise(std::unique_ptr<Future> future, const platform::FdbApi& api);
  StampPromise(StampPromise&&) noexcept;
  ~StampPromise();
  Task<Result<TransactionStamp>> stamp();  // likewise
  bool is_ready() const;

 private:
  std::unique_ptr<Future> future_;
  const platform::FdbApi* api_;
};

class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  ~Transaction();

  Task<Result<std::optional<std::string>>> get(KeyBytes key, bool snapshot = false);
  // All rows of [begin, end), fetched page by page.
  Task<Result<KeyValues>> get_range(KeyRange range, RangeOptions options = {});
  // One answer of at most options.limit rows and about `bytes_max` bytes (0: as many as the engine likes).
  Task<Result<Page>> get_page(KeyRange range, RangeOptions options, std::size_t bytes_max);
  Task<Result<std::int64_t>> read_version();

  void set(std::string_view key, std::string_view value);
  void clear(std::string_view key);
  void clear(const KeyRange& range);
  void atomic(AtomicOp op, std::string_view key, std::string_view operand);
  void add(std::string_view key, std::int64_t delta);  // 8 bytes little-endian
  void add_read_conflict(const KeyRange& range);
  void add_write_conflict(const KeyRange& range);
  void next_write_without_conflict();  // the next write adds no write conflict
  void bump_metadata_version();
  void use_batch_priority();  // for work that may wait: builds, migrations

  Watch watch(std::string_view key);  // in force once this has committed
  StampPromise versionstamp();        // of what this will commit

  // Runs within commit(), before anything is committed, in the order they were added, and may read and write
  // like all else; its Error is then commit()'s. For what must hold of all that a body and those whom it
  // calls wrote together. This outlives a commit that has checks, and is not moved meanwhile.
  using CommitCheck = Function<Task<Result<void>>(Transaction&)>;
  void add_commit_check(CommitCheck check);
  // Runs once after a commit that is known to have happened, before commit() returns. A body that finds its
  // mark set (guards.h) must add its hook all the same: the try that did the work may not have been told.
  void after_commit(Function<void()> hook);
  // A try that fails forgets its checks and hooks: a body adds them each time it runs.

  // Before the commit: if it fails with NOT_COMMITTED, its Error names what this had read and others wrote
  // meanwhile, and conflicts() gives it. Until the next try only. Costs the cluster some work.
  void report_conflicts();
  Task<Result<std::vector<KeyRange>>> conflicts();
  // Reads from a state up to WEAK_READ_AGE_MAX old, if this Database knows one (RunOptions::weak_reads).
  // Before all reads.
  Task<Result<void>> read_weakly();
  // A number that no other call on this transaction has given since its last retry: the user's part of a
  // versionstamp. More than 65,536 of them are a bug.
  std::uint16_t next_stamp_order();

  Task<Result<void>> commit();
  // After a failed commit or read: waits as FoundationDB asks and makes the transaction usable again, or
  // gives the error back where a retry cannot help.
  Task<Result<void>> on_error(Error error);
  // The rest of FoundationDB's interface, for tools, tests and bindings of other languages' kind.
  Task<Result<std::string>> get_key(KeySelector selector, bool snapshot = false);
  Task<Result<KeyValues>> get_range(KeySelector begin, KeySelector end, RangeOptions options,
                                    StreamingMode mode);
  Task<Result<std::int64_t>> approximate_bytes();  // of this transaction
  Task<Result<std::int64_t>> estimated_bytes(KeyRange range);
  // Keys that cut `range` into parts of about `chunk_bytes`; its begin and its end are among them.
  Task<Result<std::vector<std::string>>> split_points(KeyRange range, std::int64_t chunk_bytes);
  Result<void> set_option(int code, std::optional<std::string_view> value = std::nullopt);
  enum class Conflict { READ = 0, WRITE = 1 };
  Result<void> add_conflict_range(const KeyRange& range, Conflict kind);  // an inverted one is refused
  void set_read_version(std::int64_t version);
  void reset();
  void cancel();

  std::int64_t committed_version() const;  // after commit(); -1 if it only read

 private:
  friend class Database;
  struct State;
  struct Steps;
  explicit Transaction(std::shared_ptr<State> state);
  void set_limits(const RunOptions& options);
  std::shared_ptr<State> state_;
};

class Database {
 public:
  // `target` as the engine takes it: embedded:DIR, memory:NAME, or a cluster file. Selects API 730 and sets
  // up the network at the first call. `why` turns the engine's last failure into its own words (may be
  // empty).
  static Result<std::unique_ptr<Database>> open(const platform::FdbApi& api, const std::string& target,
                                                Function<std::string()> why = {});
  ~Database();  // after all its transactions

  Transaction begin(platform::Executor& executor);
  // An option of this database's (fdb.options, DatabaseOption); many are defaults of its transactions.
  Result<void> set_option(int code, std::optional<std::string_view> value = std::nullopt);

  // The retry loop: runs `body` in a transaction and commits, again as long as FoundationDB says that it may
  // help. The body must be idempotent: after commit_unknown_result it runs again although it may have been
  // committed. An Error with code 0 from the body or a commit check ends the loop, nothing committed. `body`
  // lives until the end.
  template <class T>
  Task<Result<T>> run(platform::Executor& executor, Function<Task<Result<T>>(Transaction&)> body,
                      RunOptions options = {}) {
    Transaction transaction = begin(executor);
    transaction.set_limits(options);
    for (bool first = true;; first = false) {
      Result<void> done{};
      if (options.report_conflicts) transaction.report_conflicts();
      if (options.weak_reads && first) done = co_await transaction.read_weakly();
      if (done) {
        Result<T> result = co_await body(transaction);
        if (result) {
          done = co_await transaction.commit();
          if (done) co_return result;
        } else {
          done = tl::unexpected<Error>(result.error());
        }
      }
      if (done.error().code == 0) co_return tl::unexpected<Error>(done.error());
      const Result<void> again = co_await transaction.on_error(done.error());
      if (!again) co_return tl::unexpected<Error>(again.error());
    }
  }

 private:
  struct Connection;
  explicit Database(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace everframe::store
