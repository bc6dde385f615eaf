// For tests: a store in a folder of its own, written and read by blocking C calls.
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <string>

#include "embedded/engine.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"

namespace everframe::tests {

using Content = std::map<std::string, std::string>;

inline const std::uint8_t* raw(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}
inline int size(std::string_view text) {
  return static_cast<int>(text.size());
}

// All rows, page by page, of any engine's database.
inline Content read_all(const platform::FdbApi& fdb, FDBDatabase* database) {
  Content out;
  FDBTransaction* t = nullptr;
  EXPECT_EQ(fdb.database_create_transaction(database, &t), 0);
  std::string begin;
  for (fdb_bool_t more = 1; more != 0;) {
    FDBFuture* page =
        fdb.transaction_get_range(t, raw(begin), size(begin), 0, 1, raw("\xff"), 1, 0, 1, 0, 0, -2, 1, 1, 0);
    EXPECT_EQ(fdb.future_block_until_ready(page), 0);
    EXPECT_EQ(fdb.future_get_error(page), 0);
    const FDBKeyValue* rows = nullptr;
    int count = 0;
    if (fdb.future_get_keyvalue_array(page, &rows, &count, &more) != 0) more = 0;
    for (int i = 0; i < count; ++i) {
      out.emplace(std::string(reinterpret_cast<const char*>(rows[i].key),
                              static_cast<std::size_t>(rows[i].key_length)),
                  std::string(reinterpret_cast<const char*>(rows[i].value),
                              static_cast<std::size_t>(rows[i].value_length)));
    }
    if (count > 0) begin = out.rbegin()->first + '\0';
    fdb.future_destroy(page);
  }
  fdb.transaction_destroy(t);
  return out;
}

class StoreDirectoryTest : public ::testing::Test {
 protected:
  StoreDirectoryTest() {
    char name[] = "/tmp/everframe-tools-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    embedded::configure({&disk(), &clock(), 1});
    fdb.select_api_version_impl(730, 730);
  }
  ~StoreDirectoryTest() override { std::filesystem::remove_all(folder_); }

  static platform_os::OsDisk& disk() {
    static platform_os::OsDisk one;
    return one;
  }
  static platform_os::OsClock& clock() {
    static platform_os::OsClock one;
    return one;
  }
  FDBDatabase* open(const std::string& directory) {
    FDBDatabase* database = nullptr;
    EXPECT_EQ(fdb.create_database(("embedded:" + directory).c_str(), &database), 0)
        << embedded::why_not_opened();
    return database;
  }
  void put(FDBDatabase* database, const Content& rows) {
    FDBTransaction* t = nullptr;
    ASSERT_EQ(fdb.database_create_transaction(database, &t), 0);
    for (const auto& [key, value] : rows)
      fdb.transaction_set(t, raw(key), size(key), raw(value), size(value));
    FDBFuture* commit = fdb.transaction_commit(t);
    EXPECT_EQ(fdb.future_block_until_ready(commit), 0);
    EXPECT_EQ(fdb.future_get_error(commit), 0);
    fdb.future_destroy(commit);
    fdb.transaction_destroy(t);
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  const platform::FdbApi& fdb = embedded::api();
  std::string folder_;
};

}  // namespace everframe::tests
