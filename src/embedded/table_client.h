// For tests: the C functions as a test wants to write them, blocking, with strings and optionals; and a
// fixture with a memory: database of the test's own.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embedded/engine.h"
#include "embedded/errors.h"

namespace everframe::embedded {

inline const std::uint8_t* raw_bytes(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}
inline std::string text_of(const std::uint8_t* bytes, int length) {
  return length == 0 ? std::string()
                     : std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

class TestFuture {
 public:
  explicit TestFuture(FDBFuture* handle) : handle_(handle, api().future_destroy) {}
  FDBFuture* get() const { return handle_.get(); }
  bool ready() const { return api().future_is_ready(get()) != 0; }
  // Waits; the error code.
  fdb_error_t wait() const {
    EXPECT_EQ(api().future_block_until_ready(get()), 0);
    return api().future_get_error(get());
  }

 private:
  std::unique_ptr<FDBFuture, void (*)(FDBFuture*)> handle_;
};

using Row = std::pair<std::string, std::string>;

// A value or an error code; using the value of a failed one fails the test.
template <class T>
struct Answer {
  fdb_error_t code = 0;
  T value{};
  const T& operator*() const {
    EXPECT_EQ(code, 0);
    return value;
  }
};

struct TestSelector {
  std::string key;
  bool or_equal = false;
  int offset = 1;
};
inline TestSelector first_at(std::string key) {
  return {std::move(key), false, 1};
}
inline TestSelector first_after(std::string key) {
  return {std::move(key), true, 1};
}
inline TestSelector last_below(std::string key) {
  return {std::move(key), false, 0};
}
inline TestSelector last_at(std::string key) {
  return {std::move(key), true, 0};
}

struct TestRange {
  TestSelector begin;
  TestSelector end;
  int limit = 0;
  bool reverse = false;
  bool snapshot = false;
  int mode = -2;  // want_all
  int iteration = 1;
  int target_bytes = 0;
};
struct TestRows {
  std::vector<Row> rows;
  bool more = false;
};

class TestTransaction {
 public:
  explicit TestTransaction(FDBDatabase* database) : handle_(make(database), api().transaction_destroy) {}
  FDBTransaction* get() const { return handle_.get(); }

  Answer<std::optional<std::string>> read(std::string_view key, bool snapshot = false) {
    const TestFuture future(
        api().transaction_get(get(), raw_bytes(key), static_cast<int>(key.size()), snapshot));
    Answer<std::optional<std::string>> out{future.wait(), {}};
    if (out.code != 0) return out;
    fdb_bool_t present = 0;
    const std::uint8_t* value = nullptr;
    int length = 0;
    EXPECT_EQ(api().future_get_value(future.get(), &present, &value, &length), 0);
    if (present) out.value = text_of(value, length);
    return out;
  }
  Answer<std::string> find(const TestSelector& s, bool snapshot = false) {
    const TestFuture future(api().transaction_get_key(get(), raw_bytes(s.key), static_cast<int>(s.key.size()),
                                                      s.or_equal, s.offset, snapshot));
    Answer<std::string> out{future.wait(), {}};
    if (out.code != 0) return out;
    const std::uint8_t* key = nullptr;
    int length = 0;
    EXPECT_EQ(api().future_get_key(future.get(), &key, &length), 0);
    out.value = text_of(key, length);
    return out;
  }
  Answer<TestRows> range(const TestRange& r) {
    const TestFuture future(api().transaction_get_range(
        get(), raw_bytes(r.begin.key), static_cast<int>(r.begin.key.size()), r.begin.or_equal, r.begin.offset,
        raw_bytes(r.end.key), static_cast<int>(r.end.key.size()), r.end.or_equal, r.end.offset, r.limit,
        r.target_bytes, r.mode, r.iteration, r.snapshot, r.reverse));
    Answer<TestRows> out{future.wait(), {}};
    if (out.code != 0) return out;
    const FDBKeyValue* rows = nullptr;
    int count = 0;
    fdb_bool_t more = 0;
    EXPECT_EQ(api().future_get_keyvalue_array(future.get(), &rows, &count, &more), 0);
    out.value.more = more != 0;
    for (int i = 0; i < count; ++i) {
      out.value.rows.emplace_back(text_of(rows[i].key, rows[i].key_length),
                                  text_of(rows[i].value, rows[i].value_length));
    }
    return out;
  }
  Answer<TestRows> range(std::string begin, std::string end) {
    return range({first_at(std::move(begin)), first_at(std::move(end))});
  }
  void set(std::string_view key, std::string_view value) {
    api().transaction_set(get(), raw_bytes(key), static_cast<int>(key.size()), raw_bytes(value),
                          static_cast<int>(value.size()));
  }
  void clear(std::string_view key) {
    api().transaction_clear(get(), raw_bytes(key), static_cast<int>(key.size()));
  }
  void clear_range(std::string_view begin, std::string_view end) {
    api().transaction_clear_range(get(), raw_bytes(begin), static_cast<int>(begin.size()), raw_bytes(end),
                                  static_cast<int>(end.size()));
  }
  void atomic(int type, std::string_view key, std::string_view operand) {
    api().transaction_atomic_op(get(), raw_bytes(key), static_cast<int>(key.size()), raw_bytes(operand),
                                static_cast<int>(operand.size()), type);
  }
  fdb_error_t add_conflict(std::string_view begin, std::string_view end, bool write) {
    return api().transaction_add_conflict_range(get(), raw_bytes(begin), static_cast<int>(begin.size()),
                                                raw_bytes(end), static_cast<int>(end.size()), write ? 1 : 0);
  }
  Answer<std::int64_t> read_version() {
    const TestFuture future(api().transaction_get_read_version(get()));
    Answer<std::int64_t> out{future.wait(), 0};
    if (out.code == 0) {
      EXPECT_EQ(api().future_get_int64(future.get(), &out.value), 0);
    }
    return out;
  }
  fdb_error_t option(int code) { return api().transaction_set_option(get(), code, nullptr, 0); }
  fdb_error_t option(int code, std::int64_t value) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
    return api().transaction_set_option(get(), code, raw_bytes(bytes), 8);
  }
  TestFuture watch(std::string_view key) {
    return TestFuture(api().transaction_watch(get(), raw_bytes(key), static_cast<int>(key.size())));
  }
  TestFuture start_commit() { return TestFuture(api().transaction_commit(get())); }
  fdb_error_t commit() { return start_commit().wait(); }
  std::int64_t committed_version() {
    std::int64_t version = 0;
    EXPECT_EQ(api().transaction_get_committed_version(get(), &version), 0);
    return version;
  }
  TestFuture versionstamp() { return TestFuture(api().transaction_get_versionstamp(get())); }
  fdb_error_t on_error(fdb_error_t code) {
    return TestFuture(api().transaction_on_error(get(), code)).wait();
  }
  void reset() { api().transaction_reset(get()); }
  void cancel() { api().transaction_cancel(get()); }

 private:
  static FDBTransaction* make(FDBDatabase* database) {
    FDBTransaction* made = nullptr;
    EXPECT_EQ(api().database_create_transaction(database, &made), 0);
    return made;
  }
  std::unique_ptr<FDBTransaction, void (*)(FDBTransaction*)> handle_;
};

class TestDatabase {
 public:
  explicit TestDatabase(const std::string& target) {
    EXPECT_EQ(api().select_api_version_impl(730, 730), 0);
    error_ = api().create_database(target.c_str(), &handle_);
  }
  ~TestDatabase() {
    if (handle_ != nullptr) api().database_destroy(handle_);
  }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;
  fdb_error_t error() const { return error_; }
  FDBDatabase* get() const { return handle_; }
  TestTransaction begin() const { return TestTransaction(handle_); }

 private:
  FDBDatabase* handle_ = nullptr;
  fdb_error_t error_ = 0;
};

// Goes as the test says, and a little by itself, as clocks do.
class TestClock final : public platform::Clock {
 public:
  Time now() const override {
    return Time(Duration(
        moved_.load() +
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()).count()));
  }
  WallMs wall() const override { return WallMs{0}; }
  void move(Duration by) { moved_ += by.count(); }

 private:
  std::atomic<std::int64_t> moved_{0};
};

class MemoryDatabaseTest : public ::testing::Test {
 protected:
  MemoryDatabaseTest() {
    configure({nullptr, &clock_, 1});
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    database_ = std::make_unique<TestDatabase>(std::string("memory:") + test->name());
    EXPECT_EQ(database_->error(), 0);
  }
  TestTransaction begin() { return database_->begin(); }
  void put(std::vector<Row> rows) {
    auto t = begin();
    for (const auto& [key, value] : rows) t.set(key, value);
    ASSERT_EQ(t.commit(), 0);
  }
  std::optional<std::string> stored(std::string_view key) { return *begin().read(key); }

  TestClock clock_;
  std::unique_ptr<TestDatabase> database_;
};

}  // namespace everframe::embedded
