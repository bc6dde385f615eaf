// Transaction: FoundationDB's transaction over one Database: a read version fixed by the first read, reads
// that see its own writes, conflict ranges for what it read and wrote, and a commit. Semantics, limits and
// error codes are those of the C API's documentation, and of FoundationDB's ReadYourWrites where that is
// silent; functions that return nothing keep their error for the next future, and do nothing once there is
// one.
//
// Threads: one at a time. Futures may outlive it.
#pragma once
#include <memory>
#include <vector>

#include "embedded/handle.h"
#include "embedded/write_map.h"

namespace everframe::embedded {

struct KeySelector {
  std::string_view key;
  bool or_equal;
  int offset;
};

class Transaction {
 public:
  explicit Transaction(std::shared_ptr<Handle> handle);
  explicit Transaction(std::shared_ptr<Database> database)
      : Transaction(std::make_shared<Handle>(std::move(database))) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void cancel();
  void reset();
  // An unknown option is told of at once (2007), a wrong value with the next future (2006).
  fdb_error_t set_option(int code, OptionValue value);

  FutureRef read_version();
  void set_read_version(Version version);
  FutureRef get(std::string_view key, bool snapshot);
  FutureRef get_key(const KeySelector& selector, bool snapshot);
  struct RangeRequest {
    KeySelector begin;
    KeySelector end;
    int limit;         // rows; 0: any number
    int target_bytes;  // 0: as the mode says
    int mode;
    int iteration;
    bool snapshot;
    bool reverse;
  };
  FutureRef get_range(const RangeRequest& request);
  FutureRef get_mapped_range(const RangeRequest& request, std::string_view mapper);
  FutureRef addresses_for_key();
  FutureRef estimated_bytes(std::string_view begin, std::string_view end);
  FutureRef split_points(std::string_view begin, std::string_view end, std::int64_t chunk_bytes);

  void set(std::string_view key, std::string_view value);
  void clear(std::string_view key);
  void clear_range(std::string_view begin, std::string_view end);
  void atomic(int type, std::string_view key, std::string_view operand);
  // Tells of a wrong type and an inverted range at once; of the rest, as the writes do, with the next future.
  fdb_error_t add_conflict_range(std::string_view begin, std::string_view end, int type);

  FutureRef watch(std::string_view key);
  FutureRef commit();
  Version committed_version() const;
  FutureRef versionstamp();
  FutureRef approximate_size();
  FutureRef total_cost();
  FutureRef tag_throttled_duration();
  FutureRef on_error(fdb_error_t code);

 private:
  // Kept over on_error(): what FoundationDB calls persistent, and the handle's defaults.
  struct PersistentOptions {
    Duration timeout{0};  // 0: none
    int retry_limit = -1;
    Duration retry_delay_max = 1000ms;
  };
  struct AttemptOptions {
    std::int64_t size_limit = TRANSACTION_BYTES_MAX;
    bool causal_write_risky = false;
    bool read_your_writes_disabled = false;
    bool next_write_no_conflict = false;
    bool read_system_keys = false;
    bool write_system_keys = false;
    bool bypass_unreadable = false;
    bool used_during_commit_protection_disabled = false;
    bool lock_aware = false;
    bool read_only = false;  // READ_LOCK_AWARE without LOCK_AWARE
    bool special_keys_relaxed = false;
    bool special_keys_writable = false;
    bool report_conflicting_keys = false;
    int snapshot_sees_writes = 1;
    std::vector<std::string> tags;
    std::string log_identifier;
  };
  // Shared with the commit, which reads what the arena holds.
  struct Written {
    Arena arena{4'000};
    WriteMap writes{arena};
    std::vector<MutationView> plain;  // with read_your_writes_disabled, in call order; of the arena
    RangeSet read_conflicts{arena};
    RangeSet write_conflicts{arena};

    void add_plain(MutationType type, std::string_view key, std::string_view value) {
      plain.push_back({type, arena.copy(key), arena.copy(value)});
    }
  };
  // What one read found, or its error.
  template <class T>
  using Read = Result<T>;

  fdb_error_t check();
  bool is_used_during_commit();
  bool refuses_write();
  void defer(fdb_error_t code);
  FutureRef failed(const Error& error);
  void apply_defaults(bool fresh);
  fdb_error_t apply_option(int code, OptionValue value);
  fdb_error_t apply_flag(int code);
  fdb_error_t apply_identity(int code, std::string_view value);
  void arm_timeout();
  void begin_attempt();

  std::string_view max_read_key() const;
  std::string_view max_write_key() const;
  fdb_error_t check_written_key(std::string_view key) const;
  fdb_error_t check_special_clear(std::string_view key) const;
  bool sees_writes(bool snapshot) const;
  Read<Version> version_for_reading();
  bool needs_database(std::string_view begin, std::string_view end, bool sees) const;

  Read<std::optional<std::string>> read_key(std::string_view key, bool sees);
  Read<bool> read_range(std::string_view begin, std::string_view end, bool reverse, bool sees,
                        ReadLimits& limits, Rows& rows);
  Read<bool> read_through_writes(std::string_view begin, std::string_view end, bool reverse,
                                 ReadLimits& limits, Rows& rows);
  Read<bool> overlay(const Rows& stored, std::string_view begin, std::string_view end, bool reverse,
                     ReadLimits& limits, Rows& rows);
  Read<std::string> resolve(const KeySelector& selector, bool snapshot);
  Read<Future::Range> read_range_request(const RangeRequest& request);
  Read<Future::MappedRow> map_row(std::string_view key, std::string_view value, const class Mapper& mapper);
  FutureRef get_special(std::string_view key);
  FutureRef get_special_range(const RangeRequest& request, ReadLimits limits);
  std::vector<std::pair<std::string, std::string>> special_rows(std::string_view module) const;
  void add_read_conflict(std::string_view begin, std::string_view end);
  void add_write_conflict(std::string_view key);
  void add_write_conflict(std::string_view begin, std::string_view end);
  bool take_write_conflict();
  void trigger_watches(std::string_view begin, std::string_view end, const std::optional<std::string>* value);
  CommitRequest make_request();
  std::int64_t size_of(const CommitRequest& request) const;
  FutureRef refuse_commit(fdb_error_t code);
  FutureRef commit_with_faults(CommitRequest request);
  FutureRef delayed(FutureRef ready, Duration delay);
  FutureRef answer_read(FutureRef ready, bool is_first);

  const std::shared_ptr<Handle> handle_;
  Database& database_;
  Time created_at_;
  PersistentOptions persistent_;
  int retries_ = 0;
  Duration backoff_;
  std::int64_t total_cost_ = 0;

  // Of this attempt:
  AttemptOptions options_;
  std::shared_ptr<Generation> generation_;
  std::shared_ptr<CommitOutcome> outcome_;  // once commit() was called
  fdb_error_t deferred_ = 0;
  fdb_error_t failed_read_ = 0;  // the first that failed while reading: the commit fails with it
  Time failed_read_at_{};        // when its answer comes
  Version read_version_ = NO_VERSION;
  bool has_read_ = false;
  std::shared_ptr<Written> written_;
  std::shared_ptr<std::vector<KeyRange>> conflicting_;  // after a commit that failed with 1020, if asked for
  std::vector<Watch> watches_;
  std::vector<FutureRef> stamps_;
  std::int64_t approximate_size_ = 0;
  bool commit_started_ = false;
};

}  // namespace everframe::embedded
