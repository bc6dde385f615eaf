// The disk forgets what was not synced, and only that.
#include "platform_sim/simulated_disk.h"

#include <gtest/gtest.h>

namespace everframe::platform_sim {

namespace {

using Open = platform::Disk::Open;
constexpr std::size_t SECTORS = 16;

Bytes filled(std::uint8_t with) {
  return Bytes(SECTORS * SimulatedDisk::SECTOR, with);
}

Bytes content(SimulatedDisk& disk, const std::string& path) {
  auto file = disk.open(path, Open::EXISTING);
  return file ? (*file)->read(0, 1 << 20).value() : Bytes();
}

// A file of ones, durable with its name; then twos over it, that are not synced.
void write_over(SimulatedDisk& disk) {
  ASSERT_TRUE(disk.make_directory("d"));
  auto file = disk.open("d/file", Open::CREATE).value();
  ASSERT_TRUE(file->write(0, filled(1)));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(disk.sync_directory("d"));
  ASSERT_TRUE(file->write(0, filled(2)));
}

}  // namespace

TEST(SimulatedDisk, LosesUnsyncedSectorsOneByOneWithThePowerAndNoneWithTheProcess) {
  std::size_t old = 0;
  std::size_t young = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimulatedDisk disk(seed);
    write_over(disk);
    disk.stop();
    EXPECT_FALSE(disk.open("d/file", Open::EXISTING));
    disk.restart(true);
    const Bytes found = content(disk, "d/file");
    ASSERT_EQ(found.size(), SECTORS * SimulatedDisk::SECTOR);
    for (std::size_t at = 0; at < found.size(); at += SimulatedDisk::SECTOR) {
      const std::uint8_t first = found[at];
      ASSERT_TRUE(first == 1 || first == 2);
      ++(first == 1 ? old : young);
      for (std::size_t i = 1; i < SimulatedDisk::SECTOR; ++i) ASSERT_EQ(found[at + i], first);
    }
  }
  EXPECT_GT(old, 40u);
  EXPECT_GT(young, 40u);

  SimulatedDisk disk(1);
  write_over(disk);
  disk.stop();
  disk.restart(false);
  EXPECT_EQ(content(disk, "d/file"), filled(2));
}

TEST(SimulatedDisk, KeepsWhatWasSyncedAndNamesOnlyWithTheirDirectory) {
  std::size_t lost_names = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimulatedDisk disk(seed);
    write_over(disk);
    auto file = disk.open("d/file", Open::EXISTING).value();
    ASSERT_TRUE(file->sync());
    auto fresh = disk.open("d/fresh", Open::CREATE).value();
    ASSERT_TRUE(fresh->write(0, filled(3)));
    ASSERT_TRUE(fresh->sync());
    disk.stop();
    disk.restart(true);
    EXPECT_EQ(content(disk, "d/file"), filled(2));
    lost_names += disk.open("d/fresh", Open::EXISTING) ? 0 : 1;
  }
  EXPECT_GT(lost_names, 2u);
  EXPECT_LT(lost_names, 18u);
}

TEST(SimulatedDisk, CutsThePowerAtTheOperationThatWasChosen) {
  SimulatedDisk disk(4);
  ASSERT_TRUE(disk.make_directory("d"));
  auto file = disk.open("d/file", Open::CREATE).value();
  int cuts = 0;
  disk.cut_power_after(2, [&] { ++cuts; });
  EXPECT_TRUE(file->write(0, filled(1)));
  EXPECT_TRUE(file->write(0, filled(2)));
  EXPECT_FALSE(file->write(0, filled(3)));
  EXPECT_FALSE(file->sync());
  EXPECT_EQ(cuts, 1);
}

TEST(SimulatedDisk, FailsASyncFillsUpAndFlipsBitsAsTold) {
  SimulatedDisk disk(5);
  write_over(disk);
  auto file = disk.open("d/file", Open::EXISTING).value();
  disk.set_capacity(disk.used() + SimulatedDisk::SECTOR);
  EXPECT_TRUE(file->write(0, filled(3)));  // over what is there
  EXPECT_FALSE(file->write(filled(3).size(), Bytes(2 * SimulatedDisk::SECTOR, 1)));
  disk.set_capacity(SimulatedDisk::NEVER);
  EXPECT_TRUE(file->sync());

  SimulatedDisk::Flip flip;
  EXPECT_FALSE(disk.flip(".log", flip));
  ASSERT_TRUE(disk.flip("file", flip));
  EXPECT_NE(content(disk, "d/file"), filled(3));
  disk.unflip(flip);
  EXPECT_EQ(content(disk, "d/file"), filled(3));

  disk.fail_sync_after(0);
  EXPECT_FALSE(file->sync());
}

}  // namespace everframe::platform_sim
