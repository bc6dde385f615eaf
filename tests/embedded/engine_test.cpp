// The embedded engine through its C API table, on the real disk. What would break these: a commit that is not
// there after the database is opened again, a conflict that is not noticed (a phantom too), a read that does
// not see its own write.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "embedded/engine.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"

using namespace everframe;

namespace {

const platform::FdbApi& fdb = embedded::api();

const std::uint8_t* bytes(const std::string& text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}
int size(const std::string& text) {
  return static_cast<int>(text.size());
}

class Transaction {
 public:
  explicit Transaction(FDBDatabase* database) {
    EXPECT_EQ(fdb.database_create_transaction(database, &handle_), 0);
  }
  ~Transaction() { fdb.transaction_destroy(handle_); }

  void set(const std::string& key, const std::string& value) {
    fdb.transaction_set(handle_, bytes(key), size(key), bytes(value), size(value));
  }
  std::string get(const std::string& key) {
    FDBFuture* future = fdb.transaction_get(handle_, bytes(key), size(key), 0);
    EXPECT_EQ(fdb.future_block_until_ready(future), 0);
    fdb_bool_t present = 0;
    const std::uint8_t* value = nullptr;
    int length = 0;
    EXPECT_EQ(fdb.future_get_value(future, &present, &value, &length), 0);
    std::string out = present != 0 ? std::string(reinterpret_cast<const char*>(value), length) : "(none)";
    fdb.future_destroy(future);
    return out;
  }
  int count(const std::string& begin, const std::string& end) {
    FDBFuture* future = fdb.transaction_get_range(handle_, bytes(begin), size(begin), 0, 1, bytes(end),
                                                  size(end), 0, 1, 0, 0, -2, 0, 0, 0);
    EXPECT_EQ(fdb.future_block_until_ready(future), 0);
    const FDBKeyValue* rows = nullptr;
    int rows_count = -1;
    fdb_bool_t more = 0;
    EXPECT_EQ(fdb.future_get_keyvalue_array(future, &rows, &rows_count, &more), 0);
    fdb.future_destroy(future);
    return rows_count;
  }
  fdb_error_t commit() {
    FDBFuture* future = fdb.transaction_commit(handle_);
    fdb.future_block_until_ready(future);
    const fdb_error_t error = fdb.future_get_error(future);
    fdb.future_destroy(future);
    return error;
  }

 private:
  FDBTransaction* handle_ = nullptr;
};

class Engine : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_EQ(fdb.select_api_version_impl(730, 730), 0);
    ASSERT_EQ(fdb.setup_network(), 0);
  }
  Engine() {
    path_ = std::filesystem::temp_directory_path() / ("everframe-" + std::string(6, 'X'));
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
    embedded::configure({&disk_, &clock_, 1});
    open();
  }
  ~Engine() override {
    fdb.database_destroy(database_);
    std::filesystem::remove_all(path_);
  }
  void open() {
    ASSERT_EQ(fdb.create_database(("embedded:" + path_).c_str(), &database_), 0)
        << embedded::why_not_opened();
  }
  platform_os::OsDisk disk_;
  platform_os::OsClock clock_;
  std::string path_;
  FDBDatabase* database_ = nullptr;
};

}  // namespace

TEST_F(Engine, KeepsCommitsOverAClose) {
  for (int i = 0; i < 200; ++i) {
    Transaction transaction(database_);
    transaction.set("k" + std::to_string(i), "v" + std::to_string(i));
    EXPECT_EQ(transaction.get("k" + std::to_string(i)), "v" + std::to_string(i));
    ASSERT_EQ(transaction.commit(), 0);
  }
  { Transaction(database_).set("never", "committed"); }
  fdb.database_destroy(database_);
  open();
  Transaction after(database_);
  EXPECT_EQ(after.get("k0"), "v0");
  EXPECT_EQ(after.get("k199"), "v199");
  EXPECT_EQ(after.get("never"), "(none)");
  EXPECT_EQ(after.count("k", "l"), 200);
}

TEST_F(Engine, RefusesTheLaterOfTwoThatConflict) {
  constexpr fdb_error_t NOT_COMMITTED = 1020;
  Transaction reader_of_key(database_);
  Transaction reader_of_range(database_);
  Transaction blind(database_);
  EXPECT_EQ(reader_of_key.get("b"), "(none)");
  EXPECT_EQ(reader_of_range.count("a", "c"), 0);
  Transaction writer(database_);
  writer.set("b", "1");
  ASSERT_EQ(writer.commit(), 0);
  reader_of_key.set("x", "1");
  EXPECT_EQ(reader_of_key.commit(), NOT_COMMITTED);
  reader_of_range.set("y", "1");
  EXPECT_EQ(reader_of_range.commit(), NOT_COMMITTED);
  blind.set("b", "2");
  EXPECT_EQ(blind.commit(), 0);
  EXPECT_EQ(Transaction(database_).get("b"), "2");
}
