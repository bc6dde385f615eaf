// UNIT_TESTS of the stack machine: see machine.h. The rows it leaves: foo, key1, key2, t1, w0, w1, w3.
#include "machine.h"

namespace everframe::stack {

using store::Transaction;

namespace {

// fdb.options.
constexpr int TIMEOUT = 500;
constexpr int RETRY_LIMIT = 501;
constexpr int MAX_RETRY_DELAY = 502;
constexpr int SIZE_LIMIT = 503;
constexpr int DATABASE_TIMEOUT = 500;
constexpr int DATABASE_RETRY_LIMIT = 501;
constexpr int DATABASE_SIZE_LIMIT = 503;

constexpr int TRANSACTION_TOO_OLD = 1007;
constexpr int TRANSACTION_CANCELLED = 1025;
constexpr int TRANSACTION_TIMED_OUT = 1031;
constexpr int TRANSACTION_TOO_LARGE = 2101;

std::string bytes_of(std::int64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}
int code_of(const Result<void>& result) {
  return result ? 0 : result.error().code;
}
Task<int> retry_after(Transaction& transaction, int code) {
  Error error;
  error.code = code;
  const auto again = co_await transaction.on_error(std::move(error));
  co_return code_of(again);
}
Task<int> commit(Transaction& transaction) {
  const auto committed = co_await transaction.commit();
  co_return code_of(committed);
}

// Collects what differs from what FoundationDB does.
class Checks {
 public:
  void same(const char* what, std::int64_t got, std::int64_t wanted) {
    if (got != wanted) wrong_ += fmt::format("{}: {} instead of {}; ", what, got, wanted);
  }
  void holds(const char* what, bool is) {
    if (!is) wrong_ += fmt::format("{}; ", what);
  }
  Result<void> result() const {
    if (wrong_.empty()) return {};
    return fail("UNIT_TESTS: {}", wrong_);
  }

 private:
  std::string wrong_;
};

Task<> options(Run& run, Checks& checks) {
  for (const auto& [code, value] : {std::pair<int, std::int64_t>(10, 100'001),
                                    {20, 100'001},
                                    {405, 1'000},
                                    {500, 100'000},
                                    {500, 0},
                                    {502, 100},
                                    {503, 100'000},
                                    {501, 10},
                                    {501, -1}}) {
    checks.holds("a database option is refused", run.database.set_option(code, bytes_of(value)).has_value());
  }
  for (const int code : {26, 27, 504, 505}) {
    checks.holds("a database option is refused", run.database.set_option(code).has_value());
  }
  checks.holds("the size limit is reset", run.database.set_option(503, bytes_of(10'000'000)).has_value());
  checks.holds("the retry delay is reset", run.database.set_option(502, bytes_of(1'000)).has_value());
  Transaction t = run.database.begin(run.executor);
  for (const int code : {200, 201, 20, 10, 51, 302, 301, 701, 702, 700, 23}) {
    checks.holds("a transaction option is refused", t.set_option(code).has_value());
  }
  for (const auto& [code, value] :
       {std::pair<int, std::int64_t>(405, 1'000), {500, 60'000}, {501, 50}, {502, 100}}) {
    checks.holds("a transaction option is refused", t.set_option(code, bytes_of(value)).has_value());
  }
  checks.holds("an identifier is refused", t.set_option(403, "my_transaction").has_value());
  checks.holds("logging is refused", t.set_option(404).has_value());
  const auto system = co_await t.get("\xff");
  checks.holds("a system key cannot be read", system.has_value());
  checks.holds("an unknown option is taken", !t.set_option(12'345).has_value());
}

Task<> put(Run& run, Checks& checks, std::string key, std::optional<std::string> value) {
  Function<Task<Result<bool>>(Transaction&)> body = [key, value](Transaction& t) -> Task<Result<bool>> {
    value ? t.set(key, *value) : t.clear(key);
    co_return true;
  };
  const auto done = co_await run.database.run<bool>(run.executor, std::move(body));
  checks.holds("a write fails", done.has_value());
}

// Sets watches on w0 to w3, as FoundationDB's bindings do; none comes true until its value differs.
Task<> watches(Run& run, Checks& checks) {
  co_await put(run, checks, "w0", "0");
  co_await put(run, checks, "w2", "2");
  co_await put(run, checks, "w3", "3");
  co_await put(run, checks, "w1", std::nullopt);
  std::vector<store::Watch> set;
  Transaction t = run.database.begin(run.executor);
  for (const char* key : {"w0", "w1", "w2", "w3"}) set.push_back(t.watch(key));
  t.set("w0", "0");  // the same value: not a change
  const int committed = co_await commit(t);
  checks.same("committing watches", committed, 0);
  co_await put(run, checks, "w1", std::nullopt);
  co_await run.executor.sleep(50ms);
  for (const store::Watch& watch : set) checks.holds("a watch came true early", !watch.is_ready());
  co_await put(run, checks, "w0", "a");
  co_await put(run, checks, "w1", "b");
  co_await put(run, checks, "w2", std::nullopt);
  co_await put(run, checks, "w3", "\xcc\xff");
  for (store::Watch& watch : set) {
    const auto changed = co_await watch.changed();
    checks.same("a watch", code_of(changed), 0);
  }
}

Task<> cancellation(Run& run, Checks& checks) {
  Transaction t = run.database.begin(run.executor);
  t.cancel();
  checks.same("committing a cancelled transaction", co_await commit(t), TRANSACTION_CANCELLED);
  t.reset();
  checks.same("a cancelling survived the reset", co_await commit(t), 0);
  t.reset();
  t.cancel();
  checks.same("on_error of a cancelled one", co_await retry_after(t, TRANSACTION_TOO_OLD),
              TRANSACTION_CANCELLED);
  checks.same("committing after it", co_await commit(t), TRANSACTION_CANCELLED);
  Transaction other = run.database.begin(run.executor);
  other.cancel();
  const auto version = co_await other.read_version();
  checks.same("a read version of a cancelled one", version ? 0 : version.error().code, TRANSACTION_CANCELLED);
}

Task<> retry_limits(Run& run, Checks& checks) {
  Transaction t = run.database.begin(run.executor);
  checks.holds("limit 1", t.set_option(RETRY_LIMIT, bytes_of(1)).has_value());
  checks.same("the first retry", co_await retry_after(t, TRANSACTION_TOO_OLD), 0);
  checks.same("the second retry", co_await retry_after(t, TRANSACTION_TOO_OLD), TRANSACTION_TOO_OLD);
  checks.same("the third", co_await retry_after(t, TRANSACTION_TOO_OLD), TRANSACTION_CANCELLED);
  t.reset();
  for (int i = 0; i < 3; ++i) {
    checks.same("no limit after a reset", co_await retry_after(t, TRANSACTION_TOO_OLD), 0);
  }
  checks.holds("limit 1", t.set_option(RETRY_LIMIT, bytes_of(1)).has_value());
  checks.same("limits count what was before", co_await retry_after(t, TRANSACTION_TOO_OLD),
              TRANSACTION_TOO_OLD);
  checks.holds("a default", run.database.set_option(DATABASE_RETRY_LIMIT, bytes_of(1)).has_value());
  Transaction by_default = run.database.begin(run.executor);
  checks.same("its first", co_await retry_after(by_default, TRANSACTION_TOO_OLD), 0);
  checks.same("its second", co_await retry_after(by_default, TRANSACTION_TOO_OLD), TRANSACTION_TOO_OLD);
  by_default.reset();
  checks.holds("an own limit", by_default.set_option(RETRY_LIMIT, bytes_of(2)).has_value());
  checks.same("own first", co_await retry_after(by_default, TRANSACTION_TOO_OLD), 0);
  checks.same("own second", co_await retry_after(by_default, TRANSACTION_TOO_OLD), 0);
  checks.same("own third", co_await retry_after(by_default, TRANSACTION_TOO_OLD), TRANSACTION_TOO_OLD);
  checks.holds("the default again", run.database.set_option(DATABASE_RETRY_LIMIT, bytes_of(-1)).has_value());
}

Task<> timeouts(Run& run, Checks& checks) {
  Transaction t = run.database.begin(run.executor);
  checks.holds("a time-out", t.set_option(TIMEOUT, bytes_of(10)).has_value());
  co_await run.executor.sleep(100ms);
  checks.same("committing too late", co_await commit(t), TRANSACTION_TIMED_OUT);
  checks.same("retrying too late", co_await retry_after(t, TRANSACTION_TOO_OLD), TRANSACTION_TIMED_OUT);
  t.reset();
  checks.same("a time-out survived the reset", co_await commit(t), 0);
  t.reset();
  checks.holds("a time-out", t.set_option(TIMEOUT, bytes_of(300)).has_value());
  checks.same("a retry in time", co_await retry_after(t, TRANSACTION_TOO_OLD), 0);
  co_await run.executor.sleep(500ms);
  checks.same("a time-out did not survive on_error", co_await commit(t), TRANSACTION_TIMED_OUT);
  checks.holds("a default", run.database.set_option(DATABASE_TIMEOUT, bytes_of(10)).has_value());
  Transaction by_default = run.database.begin(run.executor);
  co_await run.executor.sleep(100ms);
  checks.same("the default's time-out", co_await commit(by_default), TRANSACTION_TIMED_OUT);
  by_default.reset();
  checks.holds("an own time-out", by_default.set_option(TIMEOUT, bytes_of(100'000)).has_value());
  checks.holds("no default", run.database.set_option(DATABASE_TIMEOUT, bytes_of(0)).has_value());
  co_await run.executor.sleep(50ms);
  checks.same("the own one counts", co_await commit(by_default), 0);
}

Task<> sizes(Run& run, Checks& checks) {
  const std::string large(1'024, 'a');
  co_await put(run, checks, "t1", large);
  checks.holds("a default", run.database.set_option(DATABASE_SIZE_LIMIT, bytes_of(1'000)).has_value());
  Transaction limited = run.database.begin(run.executor);
  limited.set("t2", large);
  checks.same("a default's size limit", co_await commit(limited), TRANSACTION_TOO_LARGE);
  Transaction again = run.database.begin(run.executor);
  checks.same("a retry", co_await retry_after(again, TRANSACTION_TOO_OLD), 0);
  again.set("t4", large);
  checks.same("the default survives on_error", co_await commit(again), TRANSACTION_TOO_LARGE);
  checks.holds("the default again",
               run.database.set_option(DATABASE_SIZE_LIMIT, bytes_of(10'000'000)).has_value());
  Transaction own = run.database.begin(run.executor);
  checks.holds("an own limit", own.set_option(SIZE_LIMIT, bytes_of(1'000)).has_value());
  own.set("t3", large);
  checks.same("the own size limit", co_await commit(own), TRANSACTION_TOO_LARGE);

  Transaction growing = run.database.begin(run.executor);
  std::int64_t before = -1;
  for (int step = 0; step < 5; ++step) {
    if (step == 0) growing.set("key1", "value1");
    if (step == 1) growing.set("key2", "value2");
    if (step == 2) growing.clear("key3");
    store::KeyRange one;
    one.begin = step == 3 ? "key3+" : "key4";
    one.end = one.begin + '\0';
    if (step == 3) growing.add_read_conflict(one);
    if (step == 4) growing.add_write_conflict(one);
    const auto bytes = co_await growing.approximate_bytes();
    checks.holds("a size grows", bytes && *bytes > before);
    before = bytes.value_or(before);
  }
  checks.same("committing it", co_await commit(growing), 0);
}

}  // namespace

Task<Result<void>> unit_tests(Run& run) {
  Checks checks;
  co_await options(run, checks);
  co_await watches(run, checks);
  co_await cancellation(run, checks);
  co_await retry_limits(run, checks);
  co_await timeouts(run, checks);
  co_await sizes(run, checks);
  co_await put(run, checks, "foo", "bar");
  Transaction shorter = run.database.begin(run.executor);
  checks.holds("a retry delay", shorter.set_option(MAX_RETRY_DELAY, bytes_of(1)).has_value());
  checks.same("a conflict is retried", co_await retry_after(shorter, store::NOT_COMMITTED), 0);
  co_return checks.result();
}

}  // namespace everframe::stack
