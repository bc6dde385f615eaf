// The simulator's base: what a step left, whole, or the one before it.
#include "embedded/image_base.h"

#include <gtest/gtest.h>
#include "platform_sim/simulated_disk.h"

namespace everframe::embedded {

namespace {

std::unique_ptr<Base> opened(platform_sim::SimulatedDisk& disk) {
  return ImageBase::open(disk, "db").value();
}

Result<void> put(Base& base, const std::string& value, Version version) {
  auto step = base.step();
  for (int i = 0; i < 100; ++i) step->put(fmt::format("key{}", i), value);
  return base.apply(std::move(step), Mark{version, static_cast<std::uint64_t>(version)});
}

}  // namespace

TEST(ImageBase, IsAfterACutAsOneMakeDurableLeftIt) {
  bool old = false;
  bool young = false;
  for (std::uint64_t cut = 0; cut < 40; ++cut) {
    platform_sim::SimulatedDisk disk(cut);
    ASSERT_TRUE(disk.make_directory("db"));
    const auto base = opened(disk);
    ASSERT_TRUE(put(*base, "one", 1));
    ASSERT_TRUE(base->make_durable());
    ASSERT_TRUE(put(*base, "two", 2));
    disk.cut_power_after(cut);
    const bool acknowledged = static_cast<bool>(base->make_durable());
    disk.stop();
    disk.restart(true);
    const auto again = opened(disk);
    const Version version = again->mark().version;
    ASSERT_TRUE(version == 2 || (version == 1 && !acknowledged)) << cut;
    for (int i = 0; i < 100; ++i)
      ASSERT_EQ(again->get(fmt::format("key{}", i)).value(), version == 1 ? "one" : "two");
    (version == 1 ? old : young) = true;
  }
  EXPECT_TRUE(old && young);
}

TEST(ImageBase, RefusesAnImageThatIsNotWhatWasWritten) {
  platform_sim::SimulatedDisk disk(9);
  ASSERT_TRUE(disk.make_directory("db"));
  {
    const auto base = opened(disk);
    ASSERT_TRUE(put(*base, "one", 1));
    ASSERT_TRUE(base->make_durable());
  }
  for (int i = 0; i < 50; ++i) {
    platform_sim::SimulatedDisk::Flip flip;
    ASSERT_TRUE(disk.flip("image", flip));
    EXPECT_FALSE(ImageBase::open(disk, "db")) << flip.at;
    disk.unflip(flip);
  }
  EXPECT_TRUE(ImageBase::open(disk, "db"));
}

}  // namespace everframe::embedded
