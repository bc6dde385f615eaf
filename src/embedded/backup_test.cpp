// A backup of a database that changes between two of its pages. What would break it: rows of different
// versions in one backup.
#include "embedded/backup.h"

#include <map>
#include <thread>

#include "embedded/open_databases.h"
#include "embedded/table_client.h"

namespace everframe::embedded {
namespace {

class HotBackupTest : public MemoryDatabaseTest {
 protected:
  static std::string target() {
    return std::string("memory:") + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  // Everything committed so far leaves the window.
  void settle() {
    clock_.move(6s);
    const auto handle = OpenDatabases::instance().open(target());
    ASSERT_TRUE(handle.has_value());
    Database& database = (*handle)->database();
    database.in_slices([] { return false; });  // wakes the settling thread
    for (int i = 0; i < 10'000 && database.storage().oldest_unsettled() != NO_VERSION; ++i) {
      std::this_thread::sleep_for(5ms);
    }
    ASSERT_EQ(database.storage().oldest_unsettled(), NO_VERSION);
  }

  // A row of the first page and one of the last, equal at every version; what a backup says of them that
  // was begun before they changed, and read to its end after.
  std::pair<std::string, std::string> first_and_last(BackupFaults faults) {
    constexpr int ROWS = 20;  // with the values below, two pages
    std::vector<Row> rows{{"a", "before"}, {"z", "before"}};
    for (int i = 0; i < ROWS; ++i) rows.emplace_back("m" + std::to_string(i), std::string(90'000, 'm'));
    put(rows);
    settle();
    auto source = begin_backup(target(), faults);
    EXPECT_TRUE(source.has_value());
    std::map<std::string, std::string> saved;
    for (int pages = 0; pages < ROWS; ++pages) {
      const auto page = (*source)->next();
      EXPECT_TRUE(page.has_value());
      for (const platform::StoredRow& row : *page) saved[row.key] = row.value;
      if (pages > 0) continue;
      EXPECT_FALSE(saved.contains("z")) << "one page: this proves nothing";
      put({{"a", "after"}, {"z", "after"}});
      settle();
    }
    return {saved["a"], saved["z"]};
  }
};

TEST_F(HotBackupTest, HoldsOneVersionWhateverChangesMeanwhile) {
  EXPECT_EQ(first_and_last({}), std::pair(std::string("before"), std::string("before")));
}

TEST_F(HotBackupTest, PagesOfDifferentVersionsAreNoticed) {
  BackupFaults faults;
  faults.renew_snapshot = true;
  const auto [first, last] = first_and_last(faults);
  EXPECT_NE(first, last);
}

}  // namespace
}  // namespace everframe::embedded
