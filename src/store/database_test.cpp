// Database and Transaction over a scripted table: errors at each step, pages as the script cuts them, and
// futures that are set from another thread after their awaiter is gone. And the keys of a world.
#include "store/database.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "store/world_keys.h"

namespace everframe::store {
namespace {

using Row = std::pair<std::string, std::string>;
using Rows = std::vector<Row>;

class StandingClock final : public platform::Clock {
 public:
  Time now() const override { return {}; }
  WallMs wall() const override { return {}; }
};

// Runs what is posted when it is told to, in the caller's thread.
class HandExecutor final : public platform::Executor {
 public:
  void post(Function<void()> work) override {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  platform::TimerId after(Duration, Function<void()>) override { return {}; }
  void cancel(platform::TimerId) override {}
  bool is_current() const override { return true; }
  const platform::Clock& clock() const override { return clock_; }
  std::size_t run() {
    std::size_t count = 0;
    for (;; ++count) {
      Function<void()> work;
      {
        const std::lock_guard lock(mutex_);
        if (work_.empty()) return count;
        work = std::move(work_.front());
        work_.pop_front();
      }
      work();
    }
  }

 private:
  StandingClock clock_;
  std::mutex mutex_;
  std::deque<Function<void()>> work_;
};

struct FakeFuture {
  fdb_error_t error = 0;
  bool ready = true;
  std::optional<std::string> value;
  std::vector<FDBKeyValue> page;
  bool more = false;
  FDBCallback callback = nullptr;
  void* parameter = nullptr;

  FDBFuture* handle() { return reinterpret_cast<FDBFuture*>(this); }
  void set(fdb_error_t code) {
    if (ready) return;
    ready = true;
    error = code;
    if (callback != nullptr) callback(handle(), parameter);
  }
};
FakeFuture& of(FDBFuture* future) {
  return *reinterpret_cast<FakeFuture*>(future);
}

// What the engine will answer; C functions carry no state of their own.
struct Script {
  fdb_error_t select = 0;
  fdb_error_t create = 0;
  fdb_error_t read = 0;
  std::optional<std::string> value;
  bool pending = false;                // futures are not ready
  std::vector<fdb_error_t> on_errors;  // the last first
  std::vector<fdb_error_t> commits;    // the last first
  Rows rows;
  std::size_t page_rows = 1;

  std::set<FakeFuture*> alive;
  FakeFuture* last = nullptr;
  int transactions = 0;
  int cancelled = 0;
  int pages = 0;
  std::vector<fdb_error_t> asked_to_retry;

  FDBFuture* make(fdb_error_t code) {
    last = new FakeFuture;
    last->error = code;
    last->ready = !pending;
    alive.insert(last);
    return last->handle();
  }
};
Script script;

fdb_error_t take(std::vector<fdb_error_t>& from) {
  if (from.empty()) return 0;
  const fdb_error_t code = from.back();
  from.pop_back();
  return code;
}

std::string text(const std::uint8_t* bytes, int length) {
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length)};
}

FDBFuture* get_range(FDBTransaction*, const std::uint8_t* begin, int begin_length, fdb_bool_t behind_begin,
                     int, const std::uint8_t* end, int end_length, fdb_bool_t, int, int limit, int, int, int,
                     fdb_bool_t, fdb_bool_t reverse) {
  FakeFuture& future = of(script.make(script.read));
  ++script.pages;
  std::string from = text(begin, begin_length);
  if (behind_begin != 0) from += '\0';
  const std::string to = text(end, end_length);
  std::vector<const Row*> found;
  for (const Row& row : script.rows) {
    if (row.first >= from && row.first < to) found.push_back(&row);
  }
  if (reverse) std::reverse(found.begin(), found.end());
  std::size_t count = std::min(found.size(), script.page_rows);
  if (limit > 0) count = std::min(count, static_cast<std::size_t>(limit));
  future.more = count < found.size();
  for (std::size_t i = 0; i < count; ++i) {
    const auto& [key, value] = *found[i];
    future.page.push_back({bytes_of(key).data(), static_cast<int>(key.size()), bytes_of(value).data(),
                           static_cast<int>(value.size())});
  }
  return future.handle();
}

void fill_futures(platform::FdbApi& api) {
  api.future_is_ready = [](FDBFuture* f) -> fdb_bool_t { return of(f).ready; };
  api.future_get_error = [](FDBFuture* f) { return of(f).error; };
  api.future_cancel = [](FDBFuture* f) { of(f).set(1101); };
  api.future_destroy = [](FDBFuture* f) {
    EXPECT_EQ(script.alive.erase(&of(f)), 1U) << "destroyed twice";
    delete &of(f);
  };
  api.future_set_callback = [](FDBFuture* f, FDBCallback callback, void* parameter) -> fdb_error_t {
    of(f).callback = callback;
    of(f).parameter = parameter;
    if (of(f).ready) callback(f, parameter);
    return 0;
  };
  api.future_get_value = [](FDBFuture* f, fdb_bool_t* present, const std::uint8_t** value,
                            int* length) -> fdb_error_t {
    *present = of(f).value.has_value();
    if (of(f).value) *value = bytes_of(*of(f).value).data();
    if (of(f).value) *length = static_cast<int>(of(f).value->size());
    return of(f).error;
  };
  api.future_get_keyvalue_array = [](FDBFuture* f, const FDBKeyValue** rows, int* count,
                                     fdb_bool_t* more) -> fdb_error_t {
    *rows = of(f).page.data();
    *count = static_cast<int>(of(f).page.size());
    *more = of(f).more;
    return of(f).error;
  };
}

platform::FdbApi make_api() {
  platform::FdbApi api{};
  api.get_max_api_version = [] { return 730; };
  api.select_api_version_impl = [](int, int) { return script.select; };
  api.get_error = [](fdb_error_t) { return "as the script says"; };
  api.setup_network = [] { return 2009; };
  api.create_database = [](const char*, FDBDatabase** out) {
    *out = reinterpret_cast<FDBDatabase*>(&script);
    return script.create;
  };
  api.database_destroy = [](FDBDatabase*) {};
  api.database_create_transaction = [](FDBDatabase*, FDBTransaction** out) -> fdb_error_t {
    *out = reinterpret_cast<FDBTransaction*>(&script);
    ++script.transactions;
    return 0;
  };
  api.transaction_destroy = [](FDBTransaction*) { --script.transactions; };
  api.transaction_cancel = [](FDBTransaction*) {
    ++script.cancelled;
    if (script.last != nullptr && script.alive.contains(script.last)) script.last->set(1025);
  };
  api.transaction_get = [](FDBTransaction*, const std::uint8_t*, int, fdb_bool_t) {
    FDBFuture* future = script.make(script.read);
    of(future).value = script.value;
    return future;
  };
  api.transaction_get_range = get_range;
  api.transaction_set = [](FDBTransaction*, const std::uint8_t*, int, const std::uint8_t*, int) {};
  api.transaction_commit = [](FDBTransaction*) { return script.make(take(script.commits)); };
  api.transaction_on_error = [](FDBTransaction*, fdb_error_t code) {
    script.asked_to_retry.push_back(code);
    return script.make(take(script.on_errors));
  };
  fill_futures(api);
  return api;
}

class Scripted : public ::testing::Test {
 protected:
  Scripted() { script = Script(); }
  ~Scripted() override {
    EXPECT_EQ(script.alive.size(), 0U) << "a future was not destroyed";
    EXPECT_EQ(script.transactions, 0);
  }
  std::unique_ptr<Database> open() { return std::move(Database::open(api_, "scripted").value()); }
  // Runs `task` as far as it goes with what is posted.
  template <class T>
  std::optional<T> run(Task<T> task) {
    std::optional<T> out;
    spawn(keep(std::move(task), out), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    executor_.run();
    return out;
  }
  template <class T>
  static Task<void> keep(Task<T> task, std::optional<T>& out) {
    out = co_await std::move(task);
  }

  const platform::FdbApi api_ = make_api();
  HandExecutor executor_;
};

TEST_F(Scripted, ARefusedOpenSaysWhyInTheEnginesWords) {
  script.create = 1522;
  const auto plain = Database::open(api_, "embedded:D");
  ASSERT_FALSE(plain.has_value());
  EXPECT_EQ(plain.error().code, 1522);
  EXPECT_EQ(plain.error().text, "the store embedded:D cannot be opened: as the script says");
  const auto with_words = Database::open(api_, "embedded:D", [] { return std::string("log 3 is damaged"); });
  ASSERT_FALSE(with_words.has_value());
  EXPECT_EQ(with_words.error().text, "the store embedded:D cannot be opened: log 3 is damaged");
  script.select = 2203;
  platform::FdbApi another = api_;  // whose network no other test has started
  another.setup_network = []() -> fdb_error_t { return 0; };
  const auto too_new = Database::open(another, "embedded:D");
  ASSERT_FALSE(too_new.has_value());
  EXPECT_EQ(too_new.error().code, 2203);
}

TEST_F(Scripted, AFailedReadCarriesTheEnginesCodeAndText) {
  script.read = 1007;
  auto database = open();
  Transaction transaction = database->begin(executor_);
  const auto value = run(transaction.get("k"));
  ASSERT_TRUE(value.has_value());
  ASSERT_FALSE(value->has_value());
  EXPECT_EQ(value->error().code, 1007);
  EXPECT_EQ(value->error().text, "the store: reading a key: as the script says (FoundationDB's error 1007)");
  const KeyRange range{"a", "b"};
  const auto rows = run(transaction.get_range(range));
  ASSERT_TRUE(rows.has_value());
  EXPECT_EQ(rows->error().code, 1007);
}

Rows copy(const KeyValues& rows) {
  Rows out;
  for (const KeyValue& row : rows) out.emplace_back(row.key, row.value);
  return out;
}

TEST_F(Scripted, PagesAreJoinedHoweverTheEngineCutsThem) {
  for (char c = 'a'; c <= 'g'; ++c) script.rows.push_back({std::string(1, c), std::string(3, c)});
  const Rows inner(script.rows.begin() + 1, script.rows.end() - 1);
  auto database = open();
  Transaction transaction = database->begin(executor_);
  const KeyRange range{"b", "g"};
  for (std::size_t page = 1; page <= 6; ++page) {
    for (std::size_t limit = 0; limit <= 6; ++limit) {
      script.page_rows = page;
      const auto forward = run(transaction.get_range(range, {limit, false, false}));
      const auto backward = run(transaction.get_range(range, {limit, true, false}));
      const std::size_t count = limit == 0 ? inner.size() : std::min(limit, inner.size());
      EXPECT_EQ(copy(**forward), Rows(inner.begin(), inner.begin() + static_cast<long>(count)));
      EXPECT_EQ(copy(**backward), Rows(inner.rbegin(), inner.rbegin() + static_cast<long>(count)));
    }
  }
  script.pages = 0;
  script.page_rows = 2;
  (void)run(transaction.get_range(range, {4, false, false}));
  EXPECT_EQ(script.pages, 2) << "a page was asked for that the limit does not need";
}

TEST_F(Scripted, AReadyFutureGoesOnInlineButNotWithoutEnd) {
  auto database = open();
  std::size_t posts = 0;
  const auto loop = [&]() -> Task<int> {
    Transaction transaction = database->begin(executor_);
    for (int i = 0; i < 1'000; ++i) (void)co_await transaction.get("k");
    co_return 1;
  };
  std::optional<int> out;
  spawn(keep(loop(), out), [](std::exception_ptr) {});
  EXPECT_FALSE(out.has_value());
  posts = executor_.run();
  EXPECT_TRUE(out.has_value());
  EXPECT_LE(posts, 10U);
}

TEST_F(Scripted, ARunTriesAgainAsLongAsOnErrorAllowsIt) {
  auto database = open();
  script.commits = {0, 1020, 1021};
  int tries = 0;
  Function<Task<Result<int>>(Transaction&)> body = [&](Transaction&) -> Task<Result<int>> {
    co_return ++tries;
  };
  const auto done = run(database->run<int>(executor_, std::move(body)));
  EXPECT_EQ(done.value().value(), 3);
  EXPECT_EQ(script.asked_to_retry, (std::vector<fdb_error_t>{1021, 1020}));

  script.commits = {1020};
  script.on_errors = {1031};
  Function<Task<Result<int>>(Transaction&)> again = [](Transaction&) -> Task<Result<int>> { co_return 1; };
  const auto given_up = run(database->run<int>(executor_, std::move(again)));
  EXPECT_EQ(given_up.value().error().code, 1031);
}

TEST_F(Scripted, AnAwaiterThatIsGoneIsNotResumedWhenItsFutureIsSet) {
  auto database = open();
  script.pending = true;
  bool resumed = false;
  const auto wait = [&]() -> Task<void> {
    Transaction transaction = database->begin(executor_);
    (void)co_await transaction.get("k");
    resumed = true;
  };
  // A coroutine that owns the task and never ends: destroying it destroys all that waits in it.
  struct Owner {
    struct promise_type {
      Owner get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_always final_suspend() noexcept { return {}; }
      void return_void() {}
      void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
  };
  const auto own = [&]() -> Owner { co_await wait(); };
  Owner before = own();
  before.handle.destroy();  // the future is cancelled
  EXPECT_EQ(script.alive.size(), 0U);

  Owner during = own();
  std::thread engine([future = script.last] { future->set(0); });
  engine.join();
  during.handle.destroy();  // after the future was set, before the post has run
  EXPECT_EQ(executor_.run(), 1U);
  EXPECT_FALSE(resumed);
}

TEST_F(Scripted, ATransactionThatGoesCancelsWhatIsAwaited) {
  auto database = open();
  script.pending = true;
  std::optional<Transaction> transaction(database->begin(executor_));
  std::optional<Result<std::optional<std::string>>> out;
  spawn(keep(transaction->get("k"), out), [](std::exception_ptr) {});
  EXPECT_FALSE(out.has_value());
  transaction.reset();
  executor_.run();
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->error().code, 1025);
  EXPECT_EQ(script.cancelled, 1);
}

TEST(WorldKeys, LieWhereTheirCommentSaysAndInItsOrder) {
  const WorldKeys keys("W");
  const auto shown = [](const std::string& key) { return to_text(unpack(key).value()); };
  EXPECT_EQ(shown(keys.entity(ChunkCode{7}, EntityId{9})), R"(("W", "chunk", 7, 9))");
  EXPECT_EQ(shown(keys.input(RegionId{1}, PlayerId{2}, ActionSeq{3})), R"(("W", "input", 1, 2, 3))");
  EXPECT_EQ(shown(keys.frame(RegionId{1}, FrameNo{2})), R"(("W", "frame", 1, 2))");
  EXPECT_EQ(shown(keys.region_head(RegionId{1})), R"(("W", "region", 1, "head"))");
  EXPECT_EQ(shown(keys.ledger_total(ItemType{4})), R"(("W", "ledger", "total", 4))");
  EXPECT_EQ(shown(keys.ledger_entries(RegionId{1}, FrameNo{2})), R"(("W", "ledger", "entry", 1, 2))");
  EXPECT_EQ(shown(keys.meta("seed")), R"(("W", "meta", "seed"))");
  const std::vector<std::uint8_t> hash{0, 255};
  EXPECT_EQ(unpack(keys.account(hash)).value()[2], Element(ByteString{std::string("\0\xff", 2)}));

  const auto within = [](const std::string& key, const KeyRange& range) {
    return key >= range.begin && key < range.end;
  };
  for (const std::uint64_t code : {0ULL, 1ULL, 255ULL, 256ULL, 0xffffffffULL}) {
    const std::string entity = keys.entity(ChunkCode{code}, EntityId{UINT64_MAX});
    EXPECT_TRUE(within(entity, keys.chunk(ChunkCode{code})));
    EXPECT_TRUE(within(entity, keys.chunks()));
    EXPECT_FALSE(within(entity, keys.chunk(ChunkCode{code + 1})));
    EXPECT_LT(entity, keys.entity(ChunkCode{code + 1}, EntityId{0}));
    EXPECT_FALSE(within(entity, WorldKeys("W2").all()));
  }
  EXPECT_FALSE(within(keys.ledger_total(ItemType{1}), keys.ledger_log(RegionId{1})));
  EXPECT_FALSE(within(keys.frame(RegionId{2}, FrameNo{1}), keys.frames(RegionId{1})));
  EXPECT_TRUE(within(keys.frame(RegionId{1}, FrameNo{0}), keys.frames(RegionId{1})));
}

TEST(WorldKeys, CountersAreEightBytesLittleEndianAndNothingElse) {
  EXPECT_EQ(u64_value(0x0102), std::string("\x02\x01\0\0\0\0\0\0", 8));
  EXPECT_EQ(read_u64_value(u64_value(UINT64_MAX)), UINT64_MAX);
  EXPECT_EQ(read_u64_value(""), std::nullopt);
  EXPECT_EQ(read_u64_value(std::string(7, '\1')), std::nullopt);
  EXPECT_EQ(read_u64_value(std::string(9, '\1')), std::nullopt);
}

}  // namespace
}  // namespace everframe::store
