// A disk that fails under an open database: commits stop for good and say what is known, reads go on, and
// after a restart everything acknowledged is there. What would break these: a commit that succeeds behind a
// failure, a refused one that comes back, an acknowledged one that does not.
#include <gtest/gtest.h>

#include "embedded/errors.h"
#include "embedded/memory_base.h"
#include "embedded/table_client.h"
#include "embedded/transaction.h"
#include "platform_sim/simulated_disk.h"

namespace everframe::embedded {
namespace {

class StopsTest : public ::testing::Test {
 protected:
  // The base forgets all at each opening: what is there then, the log held.
  void open() {
    database_.reset();
    disk_.restart(false);
    Database::Options options;
    options.clock = &clock_;
    options.storage.disk = &disk_;
    options.storage.directory = "/db";
    options.storage.segment_bytes = 16 * platform_sim::SimulatedDisk::SECTOR;
    options.storage.full_segments_max = 1'000;
    options.storage.open_base = [](const std::string&) -> Result<std::unique_ptr<Base>> {
      return std::make_unique<MemoryBase>();
    };
    auto opened = Database::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().text;
    database_ = std::move(*opened);
  }
  fdb_error_t put(const std::string& key) {
    Transaction t(database_);
    t.set(key, std::string(300, 'v'));
    const auto commit = t.commit();
    EXPECT_EQ(commit->block_until_ready(), 0);
    return commit->error();
  }
  bool has(const std::string& key) {
    Transaction t(database_);
    const auto read = t.get(key, true);
    EXPECT_EQ(read->error(), 0);
    const auto* value = read->value<std::optional<std::string>>();
    return value != nullptr && value->has_value();
  }

  TestClock clock_;
  platform_sim::SimulatedDisk disk_{1};
  std::shared_ptr<Database> database_;
};

TEST_F(StopsTest, AFailedSyncStopsCommitsAndLeavesItsOwnUnknown) {
  open();
  ASSERT_EQ(put("before"), 0);
  disk_.fail_sync_after(0);
  const fdb_error_t first = put("unknown");
  EXPECT_TRUE(first == error::COMMIT_UNKNOWN_RESULT || first == error::IO_ERROR) << first;
  disk_.fail_sync_after(
      platform_sim::SimulatedDisk::NEVER);  // the disk seems well again: its pages may be lost nevertheless
  EXPECT_EQ(put("after"), error::IO_ERROR);
  EXPECT_TRUE(has("before"));
  EXPECT_FALSE(has("unknown"));
  EXPECT_FALSE(has("after"));
  open();
  EXPECT_TRUE(has("before"));
  EXPECT_FALSE(has("after"));
  EXPECT_EQ(put("again"), 0);
}

TEST_F(StopsTest, AFullDiskStopsCommitsAndLosesNone) {
  open();
  ASSERT_EQ(put("k0"), 0);
  disk_.set_capacity(100 * platform_sim::SimulatedDisk::SECTOR);
  int acknowledged = 1;
  fdb_error_t code = 0;
  for (; acknowledged < 1'000; ++acknowledged) {
    code = put("k" + std::to_string(acknowledged));
    if (code != 0) break;
  }
  EXPECT_TRUE(code == error::IO_ERROR || code == error::COMMIT_UNKNOWN_RESULT) << code;
  disk_.set_capacity(platform_sim::SimulatedDisk::NEVER);
  EXPECT_EQ(put("late"), error::IO_ERROR) << "a commit went through behind a failure";
  for (int i = 0; i < acknowledged; ++i) ASSERT_TRUE(has("k" + std::to_string(i)));
  open();
  for (int i = 0; i < acknowledged; ++i) ASSERT_TRUE(has("k" + std::to_string(i))) << "lost over the restart";
  EXPECT_FALSE(has("late"));
}

}  // namespace
}  // namespace everframe::embedded
