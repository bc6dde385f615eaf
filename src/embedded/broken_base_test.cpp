// A base that cannot be read any further in the middle of a walk, as RocksDB's is where a block has rotted.
// What would break this: a range that goes on with what the window or a cached run has behind the break, and
// stops at a limit, as if nothing lay between.
#include <gtest/gtest.h>

#include "embedded/errors.h"
#include "embedded/storage.h"
#include "embedded/wrapped_base_for_tests.h"

namespace everframe::embedded {
namespace {

bool is_broken = false;

// Up to the key "m" all is well.
class BrokenCursor final : public WrappedCursor {
 public:
  using WrappedCursor::WrappedCursor;
  bool valid() const override { return inner_->valid() && !broken(); }
  bool take(std::string_view bound, ReadLimits& limits, Rows& rows) override {
    for (; valid() && key() < bound; advance()) {
      if (limits.reached()) return true;
      limits.count(key().size(), value().size());
      rows.add(key(), value());
    }
    return false;
  }
  Result<void> status() const override {
    return broken() ? fail_with(error::FILE_CORRUPT, "rotten") : inner_->status();
  }

 private:
  bool broken() const { return is_broken && inner_->valid() && inner_->key() >= "m"; }
};

class Broken : public testing::Test {
 protected:
  Broken() {
    is_broken = false;
    Storage::Options options;
    options.run_bytes_min = 1;
    options.open_base = [](const std::string&) -> Result<std::unique_ptr<Base>> {
      return std::make_unique<WrappedBase>([](std::unique_ptr<Base::Cursor> whole) {
        return std::make_unique<BrokenCursor>(std::move(whole));
      });
    };
    storage_ = std::move(*Storage::open(std::move(options)));
  }
  void commit(Version version, std::initializer_list<const char*> keys) {
    storage_->begin(version);
    for (const char* key : keys) ASSERT_TRUE(storage_->apply(Mutation{MutationType::SET, key, "v"}));
    ASSERT_TRUE(storage_->finish());
  }
  Result<bool> read(std::string_view begin, std::string_view end, std::int64_t rows_max) {
    Rows rows;
    ReadLimits limits{rows_max, ReadLimits::UNLIMITED};
    return storage_->range(begin, end, 9, false, limits, rows);
  }

  std::unique_ptr<Storage> storage_;
};

TEST_F(Broken, ARangeDoesNotGoOnWithTheWindowBehindTheBreak) {
  commit(5, {"a", "b", "m", "n"});
  ASSERT_TRUE(storage_->settle(5));
  commit(9, {"x", "y", "z"});
  EXPECT_EQ(read("a", "zz", 4).value(), true);
  is_broken = true;
  EXPECT_EQ(read("a", "zz", 1).value(), true) << "before the break all is well";
  const auto broken = read("a", "zz", 4);
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().code, error::FILE_CORRUPT);
}

TEST_F(Broken, ARangeDoesNotGoOnWithACachedRunBehindTheBreak) {
  commit(5, {"a", "b", "m", "n", "x", "y", "z"});
  ASSERT_TRUE(storage_->settle(5));
  storage_->begin(9);
  ASSERT_TRUE(storage_->finish());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(read("x", "zz", 100).value(), false);
  is_broken = true;
  EXPECT_EQ(read("x", "zz", 100).value(), false) << "it is cached";
  EXPECT_FALSE(read("a", "zz", 4).has_value());
}

}  // namespace
}  // namespace everframe::embedded
