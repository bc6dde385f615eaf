// Backup and restore: hot and consistent, and a damaged file refused with its place. What would break these:
// a backup that mixes two versions, one that lacks what was committed before it began, damage that is not
// noticed.
#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "embedded/backup.h"
#include "inspect/archive.h"
#include "inspect/backup.h"
#include "store_directory.h"

namespace everframe {
namespace {

using tests::Content;

class BackupTest : public tests::StoreDirectoryTest {
 protected:
  inspect::BackupJob job(Function<bool()> stopped = {}) {
    return {disk(), clock(), path("backup"), progress_, false, std::move(stopped)};
  }
  Result<inspect::BackupSum> save(const std::string& directory, Function<bool()> stopped = {}) {
    const auto source = embedded::begin_backup("embedded:" + directory);
    if (!source) return tl::unexpected<Error>(source.error());
    return inspect::backup(job(std::move(stopped)), **source);
  }
  Result<inspect::BackupSum> load(const std::string& directory) {
    return inspect::restore(job(), [&] { return embedded::begin_restore(disk(), directory); });
  }
  Content content(const std::string& directory) {
    FDBDatabase* database = open(directory);
    Content out = tests::read_all(fdb, database);
    fdb.database_destroy(database);
    return out;
  }
  // Some megabytes, so that there are several blocks.
  Content fill(const std::string& directory) {
    FDBDatabase* database = open(directory);
    for (int part = 0; part < 10; ++part) {
      Content rows;
      for (int i = 0; i < 2'000; ++i) {
        const int number = part * 2'000 + i;
        rows["row/" + std::to_string(number)] =
            std::string(static_cast<std::size_t>(number % 300), static_cast<char>('a' + number % 26)) +
            std::to_string(number * 7919);
      }
      put(database, rows);
    }
    Content out = tests::read_all(fdb, database);
    fdb.database_destroy(database);
    return out;
  }

  std::ostringstream progress_;
};

TEST_F(BackupTest, ARestoredStoreHoldsTheSameRows) {
  const Content rows = fill(path("db"));
  const auto saved = save(path("db"));
  ASSERT_TRUE(saved) << saved.error().text;
  EXPECT_EQ(saved->rows, rows.size());
  const auto loaded = load(path("copy"));
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(content(path("copy")), rows);
  // It is a store like any other: it takes commits, and keeps them.
  FDBDatabase* database = open(path("copy"));
  put(database, {{"new", "row"}});
  fdb.database_destroy(database);
  EXPECT_EQ(content(path("copy")).at("new"), "row");
}

TEST_F(BackupTest, ABackupOfAStoreInUseIsOneStateOfIt) {
  fill(path("db"));
  FDBDatabase* database = open(path("db"));
  // Two rows that are always equal, written again and again, beside rows that come and go.
  put(database, {{"a/left", "0"}, {"z/right", "0"}});
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::thread writer([&] {
    for (int i = 1; !stop; ++i) {
      put(database, {{"a/left", std::to_string(i)},
                     {"z/right", std::to_string(i)},
                     {"m/" + std::to_string(i), std::string(100, 'm')}});
      written = i;
    }
  });
  while (written < 20) std::this_thread::yield();
  const int before = written;
  const auto saved = save(path("db"));
  stop = true;
  writer.join();
  fdb.database_destroy(database);
  ASSERT_TRUE(saved) << saved.error().text;
  EXPECT_GT(written, before) << "nothing was written meanwhile: this proved nothing";
  ASSERT_TRUE(load(path("copy")));
  const Content copy = content(path("copy"));
  const int left = std::stoi(copy.at("a/left"));
  EXPECT_EQ(copy.at("z/right"), copy.at("a/left"));
  EXPECT_GE(left, before);
  for (int i = 1; i <= left; ++i) ASSERT_TRUE(copy.contains("m/" + std::to_string(i))) << i;
  EXPECT_FALSE(copy.contains("m/" + std::to_string(left + 1)));
}

TEST_F(BackupTest, DamageAnywhereIsRefusedWithItsPlaceAndNothingIsMade) {
  fill(path("db"));
  ASSERT_TRUE(save(path("db")));
  std::ifstream in(path("backup"), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  ASSERT_GT(bytes.size(), 10'000U);
  const auto rewrite = [&](const std::string& to) {
    std::ofstream(path("backup"), std::ios::binary | std::ios::trunc) << to;
  };
  const std::size_t step = bytes.size() / 60;
  for (std::size_t at = 0; at < bytes.size(); at += at < 40 ? 1 : step) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    rewrite(damaged);
    const auto refused = load(path("copy"));
    ASSERT_FALSE(refused) << "damage at " << at;
    if (at >= 9) {
      EXPECT_NE(refused.error().text.find("backup at offset"), std::string::npos) << refused.error().text;
    }
    ASSERT_FALSE(std::filesystem::exists(path("copy")));
  }
  for (const std::size_t kept : {std::size_t{5}, std::size_t{29}, bytes.size() / 2, bytes.size() - 1}) {
    rewrite(bytes.substr(0, kept));
    ASSERT_FALSE(load(path("copy"))) << "cut to " << kept;
  }
  rewrite(bytes + "x");
  ASSERT_FALSE(load(path("copy")));
  rewrite(bytes);
  EXPECT_TRUE(load(path("copy")));
}

TEST_F(BackupTest, AStoppedBackupLeavesNoFile) {
  fill(path("db"));
  int asked = 0;
  const auto stopped = save(path("db"), [&] { return ++asked == 2; });
  ASSERT_FALSE(stopped);
  EXPECT_FALSE(std::filesystem::exists(path("backup")));
  EXPECT_FALSE(std::filesystem::exists(path("backup.part")));
}

TEST_F(BackupTest, AStoppedRestoreLeavesNoStore) {
  fill(path("db"));
  ASSERT_TRUE(save(path("db")));
  int asked = 0;
  const auto stopped = inspect::restore(job([&] { return ++asked == 8; }),
                                        [&] { return embedded::begin_restore(disk(), path("copy")); });
  ASSERT_FALSE(stopped) << asked;
  EXPECT_FALSE(std::filesystem::exists(path("copy") + "/FORMAT"));
  EXPECT_TRUE(load(path("copy"))) << "what the stopped one left is in the way";
}

TEST_F(BackupTest, NeitherABackupNorAStoreIsOverwritten) {
  fill(path("db"));
  ASSERT_TRUE(save(path("db")));
  EXPECT_FALSE(save(path("db")));
  const auto over = load(path("db"));
  ASSERT_FALSE(over);
  EXPECT_NE(over.error().text.find("not empty"), std::string::npos);
}

TEST_F(BackupTest, AnEmptyStoreGoesThroughTheFileToo) {
  fdb.database_destroy(open(path("db")));
  ASSERT_TRUE(save(path("db")));
  ASSERT_TRUE(load(path("copy")));
  EXPECT_TRUE(content(path("copy")).empty());
}

}  // namespace
}  // namespace everframe
