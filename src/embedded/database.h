// Database: one embedded database and its two threads. The commit thread takes what waits, checks it against
// what others committed, gives it the next version, makes it durable with one sync, publishes it, and tells
// everyone; it also runs the timers. The settling thread moves old versions to the base and keeps log
// segments ready. Neither wakes while nothing is to be done. Given executors, it has no threads: the same
// rounds run there, and a batch is durable in one piece of work and published in a later one, so that a
// simulation sees what happens in between.
//
// Versions: the clock's microseconds since opening, on top of what the directory held; a commit's is above
// every read version given out before it.
//
// Threads: all public functions from any thread. The last owner's release waits for queued commits.
// Limits: COMMITS_QUEUED_MAX and WINDOW_BYTES_MAX (1042 beyond).
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/function.h"
#include "embedded/busyness.h"
#include "embedded/executors.h"
#include "embedded/future.h"
#include "embedded/resolver.h"
#include "embedded/storage.h"
#include "embedded/watches.h"
#include "platform/clock.h"

namespace everframe::embedded {

inline constexpr std::size_t COMMITS_QUEUED_MAX =
    10'000;  // a second's worth and more: beyond, the caller is told
inline constexpr std::size_t BATCH_COMMITS_MAX = 1'000;  // orders in a versionstamp are 16 bits
inline constexpr std::size_t BATCH_BYTES_MAX = 4 << 20;  // about 10 ms of writing

// What became of a commit; shared by the transaction and the commit thread.
struct CommitOutcome {
  std::atomic<Version> version{NO_VERSION};  // once committed, if it wrote anything
  FutureRef future = Future::make();
  std::vector<FutureRef> stamps;  // get_versionstamp's; fixed when the commit is handed in
  std::vector<Watch> watches;     // take effect with the commit
  std::shared_ptr<std::vector<KeyRange>> conflicting;  // if asked for: the reads that met others' writes
};

struct CommitRequest {
  Version read_version = NO_VERSION;  // NO_VERSION: nothing was read
  std::vector<RangeView> reads;
  std::vector<RangeView> writes;
  std::vector<MutationView> mutations;
  std::shared_ptr<const void> written;  // whose bytes these are
  std::size_t bytes = 0;
  std::shared_ptr<CommitOutcome> outcome;
};

// Test switches, as LogFaults.
struct DatabaseFaults {
  ResolverFaults resolver;
  bool hide_own_writes = false;       // a transaction's reads see the database alone
  bool miss_changes = false;          // who watches what a commit writes is not told
  bool miss_earlier_changes = false;  // a watch is set without a look at what changed since its read
  bool share_stamps = false;          // the commits of one batch get the same versionstamp
  bool reverse_stamps = false;        // ... stamps in the wrong order
};

class Database : public std::enable_shared_from_this<Database> {
 public:
  struct Options {
    const platform::Clock* clock = nullptr;
    Storage::Options storage;
    std::uint64_t seed = 1;
    std::optional<Executors> executors;
    void (*prepare_commit_thread)() = nullptr;
    DatabaseFaults faults;
  };
  static Result<std::shared_ptr<Database>> open(Options options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Version read_version();
  // Nothing older can be read or committed: 5 s behind now.
  Version oldest_readable() const;
  bool is_published(Version version) const;
  const Storage& storage() const { return *storage_; }
  const platform::Clock& clock() const { return *options_.clock; }
  const DatabaseFaults& faults() const { return options_.faults; }

  void commit(CommitRequest request);  // the outcome's future tells
  // A commit that wrote nothing: its watches take effect.
  void commit_read_only(CommitOutcome& outcome);
  Watches& watches() { return watches_; }

  // On the commit thread, at or after `at`. Not run if the database closes before.
  void at(Time at, Function<void()> callback);
  // Work that may take long, on the settling thread: a slice between two of its rounds, again and again until
  // one gives false. Not gone on with once the database closes. A slice is some milliseconds, or settling
  // falls behind; what it holds must not keep the database.
  void in_slices(Function<bool()> slice);
  // Uniform in [0, bound).
  std::uint64_t jitter(std::uint64_t bound);
  double busyness() { return busyness_.share(options_.clock->now()); }  // of the commit thread, 0 to 1

 private:
  Database(Options options, std::unique_ptr<Storage> storage);
  void start();

  struct Batch {
    std::vector<CommitRequest> requests;
    std::vector<fdb_error_t> verdicts;
    std::vector<KeyRange> changed;
    Version version = NO_VERSION;  // none: it failed, and the verdicts say how
    bool watched = false;
  };

  void commit_loop();
  void settle_loop();
  void commit_turn();                                       // commit_loop's rounds, one a turn
  void settle_turn();                                       // settle_loop's
  void wake_committer();                                    // with queue_mutex_ held
  bool run_due_timers(std::unique_lock<std::mutex>& lock);  // false: none was due
  std::optional<Duration> settle_round();  // how long until the next; none: until it is woken
  std::vector<CommitRequest> take_batch();
  std::vector<Function<void()>> take_due_timers();
  Batch make_durable(std::vector<CommitRequest> requests);
  void publish(Batch batch);
  std::vector<fdb_error_t> resolve_and_apply(std::vector<CommitRequest>& batch, Version version,
                                             std::vector<KeyRange>& changed);
  std::string stamp(Version version, std::uint16_t order) const;
  void fill_stamps(CommitRequest& request, Version version, std::uint16_t order, Arena& arena) const;
  void expect(std::span<const CommitRequest> requests) const;
  Result<void> apply(CommitRequest& request, std::vector<KeyRange>& changed);
  void answer(std::vector<CommitRequest>& batch, const std::vector<fdb_error_t>& verdicts, Version version);
  void set_watch(Watch watch);
  void fire_watches(const std::vector<KeyRange>& changed, Version version);
  void stop_for_good(const Error& cause);
  Version clock_version() const;
  void wake_settler();
  void post_settle_turn();  // with settle_mutex_ held
  void run_slice(std::unique_lock<std::mutex>& lock);
  void post_slice();

  const Options options_;
  const std::unique_ptr<Storage> storage_;
  const Time opened_at_;
  const Version first_version_;
  Watches watches_;
  Busyness busyness_;

  // The commit thread's:
  Resolver resolver_;

  mutable std::mutex version_mutex_;  // guards what follows
  Version published_;
  bool batch_open_ = false;  // no version may be given out between its opening and its publishing
  std::atomic<bool> failed_{false};
  Version failed_at_ =
      NO_VERSION;  // the clock stands still here, so that the last good version stays readable

  std::mutex queue_mutex_;  // guards what follows
  std::condition_variable queue_changed_;
  std::vector<CommitRequest> queue_;
  std::multimap<Time, Function<void()>> timers_;
  std::uint64_t jitter_state_;
  bool stopping_ = false;
  bool turn_posted_ = false;        // on an executor: commit_turn will run
  bool batch_waits_ = false;        // on an executor: durable, not yet published
  std::optional<Time> turn_armed_;  // on an executor: the timer that is to run commit_turn

  std::mutex settle_mutex_;  // guards what follows
  std::condition_variable settle_changed_;
  bool settle_wanted_ = false;  // asked, or it will wake by itself
  bool tidy_wanted_ = false;
  bool settle_stopping_ = false;
  std::deque<Function<bool()>> sliced_;
  std::uint64_t settle_turn_ = 0;  // on an executor: the one that counts; what asks for another replaces it

  std::thread committer_;
  std::thread settler_;
};

}  // namespace everframe::embedded
