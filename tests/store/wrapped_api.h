// For tests: the table of the engine that the suite runs on, with a layer around it that counts calls and, if
// told so, fails: commits with 1020, or with 1021 in both forms (it was done, it was not), reads with 1007. C
// functions carry no state of their own, so it is the process's; the tests of one process run one after the
// other.
#pragma once
#include <map>
#include <mutex>

#include "base/random.h"
#include "engine_for_tests.h"
#include "platform/fdb_api.h"

namespace everframe::store {

struct Calls {
  int gets = 0;
  int ranges = 0;
  int sets = 0;
  int clears = 0;
  int clear_ranges = 0;
  int atomics = 0;
  int watches = 0;
  int commits = 0;
  int metadata_gets = 0;  // of \xff/metadataVersion: with FoundationDB these are no requests
  int read_versions = 0;  // asked for by name; a transaction's first read asks for one itself
  int conflict_ranges = 0;
  bool operator==(const Calls&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Calls& c) {
  return out << fmt::format(
             "gets {} ranges {} sets {} clears {} clear_ranges {} atomics {} watches {} commits {} metadata "
             "{} read_versions {} conflict_ranges {}",
             c.gets, c.ranges, c.sets, c.clears, c.clear_ranges, c.atomics, c.watches, c.commits,
             c.metadata_gets, c.read_versions, c.conflict_ranges);
}

struct Wrapper {
  std::mutex mutex;
  Calls calls;
  std::map<FDBFuture*, fdb_error_t> failing;
  Prng prng{1};
  std::uint64_t commit_faults_percent = 0;
  std::uint64_t read_faults_percent = 0;
  int faults = 0;
  int Calls::*losing = nullptr;  // of these calls, the one that brings lose_in to 0 is not made
  int lose_in = 0;

  // False: this call is to be lost.
  bool count(int Calls::*which) {
    const std::lock_guard lock(mutex);
    ++(calls.*which);
    return which != losing || --lose_in != 0;
  }
  void calm() {
    const std::lock_guard lock(mutex);
    commit_faults_percent = read_faults_percent = 0;
    losing = nullptr;
  }
  Calls take() {
    const std::lock_guard lock(mutex);
    return std::exchange(calls, {});
  }
};
inline Wrapper wrapper;

namespace wrapped {

inline constexpr fdb_error_t TOO_OLD = 1007;
inline constexpr fdb_error_t CONFLICT = 1020;
inline constexpr fdb_error_t UNKNOWN_RESULT = 1021;

inline FDBFuture* maybe_fail(FDBFuture* read) {
  const std::lock_guard lock(wrapper.mutex);
  if (wrapper.prng.below(100) < wrapper.read_faults_percent) {
    wrapper.failing[read] = TOO_OLD;
    ++wrapper.faults;
  }
  return read;
}

inline FDBFuture* commit(FDBTransaction* transaction) {
  const auto& real = engine_api();
  std::uint64_t dice = 3;
  {
    const std::lock_guard lock(wrapper.mutex);
    ++wrapper.calls.commits;
    if (wrapper.prng.below(100) < wrapper.commit_faults_percent) dice = wrapper.prng.below(3);
  }
  if (dice == 3) return real.transaction_commit(transaction);
  const bool applied = dice == 0;
  FDBFuture* future =
      applied ? real.transaction_commit(transaction) : real.transaction_get_read_version(transaction);
  const std::lock_guard lock(wrapper.mutex);
  wrapper.failing[future] = dice == 2 ? CONFLICT : UNKNOWN_RESULT;
  ++wrapper.faults;
  return future;
}

inline void count_calls(platform::FdbApi& api) {
  api.transaction_get = [](FDBTransaction* t, const std::uint8_t* key, int length, fdb_bool_t snapshot) {
    wrapper.count(length > 0 && key[0] == 0xff ? &Calls::metadata_gets : &Calls::gets);
    return maybe_fail(engine_api().transaction_get(t, key, length, snapshot));
  };
  api.transaction_get_range = [](FDBTransaction* t, const std::uint8_t* begin, int begin_length,
                                 fdb_bool_t begin_equal, int begin_offset, const std::uint8_t* end,
                                 int end_length, fdb_bool_t end_equal, int end_offset, int limit, int bytes,
                                 int mode, int iteration, fdb_bool_t snapshot, fdb_bool_t reverse) {
    wrapper.count(&Calls::ranges);
    return maybe_fail(engine_api().transaction_get_range(t, begin, begin_length, begin_equal, begin_offset,
                                                         end, end_length, end_equal, end_offset, limit, bytes,
                                                         mode, iteration, snapshot, reverse));
  };
  api.transaction_set = [](FDBTransaction* t, const std::uint8_t* key, int length, const std::uint8_t* value,
                           int size) {
    if (!wrapper.count(&Calls::sets)) return;
    engine_api().transaction_set(t, key, length, value, size);
  };
  api.transaction_clear = [](FDBTransaction* t, const std::uint8_t* key, int length) {
    if (!wrapper.count(&Calls::clears)) return;
    engine_api().transaction_clear(t, key, length);
  };
  api.transaction_clear_range = [](FDBTransaction* t, const std::uint8_t* begin, int begin_length,
                                   const std::uint8_t* end, int end_length) {
    if (!wrapper.count(&Calls::clear_ranges)) return;
    engine_api().transaction_clear_range(t, begin, begin_length, end, end_length);
  };
  api.transaction_atomic_op = [](FDBTransaction* t, const std::uint8_t* key, int length,
                                 const std::uint8_t* operand, int size, int operation) {
    if (!wrapper.count(&Calls::atomics)) return;
    engine_api().transaction_atomic_op(t, key, length, operand, size, operation);
  };
  api.transaction_get_read_version = [](FDBTransaction* t) {
    wrapper.count(&Calls::read_versions);
    return engine_api().transaction_get_read_version(t);
  };
  api.transaction_add_conflict_range = [](FDBTransaction* t, const std::uint8_t* begin, int begin_length,
                                          const std::uint8_t* end, int end_length, int type) {
    wrapper.count(&Calls::conflict_ranges);
    return engine_api().transaction_add_conflict_range(t, begin, begin_length, end, end_length, type);
  };
  api.transaction_watch = [](FDBTransaction* t, const std::uint8_t* key, int length) {
    wrapper.count(&Calls::watches);
    return engine_api().transaction_watch(t, key, length);
  };
}

inline platform::FdbApi make_api() {
  platform::FdbApi out = engine_api();
  count_calls(out);
  out.transaction_commit = commit;
  out.future_get_error = [](FDBFuture* future) -> fdb_error_t {
    const std::lock_guard lock(wrapper.mutex);
    const auto failing = wrapper.failing.find(future);
    return failing != wrapper.failing.end() ? failing->second : engine_api().future_get_error(future);
  };
  out.future_destroy = [](FDBFuture* future) {
    {
      const std::lock_guard lock(wrapper.mutex);
      wrapper.failing.erase(future);
    }
    engine_api().future_destroy(future);
  };
  return out;
}

// Futures that an executor still holds when a test ends refer to it, so it stays.
inline const platform::FdbApi& api() {
  static const platform::FdbApi table = make_api();
  return table;
}

}  // namespace wrapped
}  // namespace everframe::store
