// A base that cannot be read any further in the middle of a walk, as RocksDB's is where a block has rotted.
// What would break this: a range that goes on with what the window or a cached run has behind the break, and
// stops at a limit, as if nothing lay between.
#include <gtest/gtest.h>

#include "embedded/errors.h"
#include "embedded/memory_base.h"
#include "embedded/storage.h"

namespace everframe::embedded {
namespace {

// Up to the key "m" all is well.
class BrokenBase final : public Base {
 public:
  class BrokenCursor final : public Cursor {
   public:
    explicit BrokenCursor(std::unique_ptr<Cursor> whole) : whole_(std::move(whole)) {}
    bool valid() const override { return whole_->valid() && !broken(); }
    std::string_view key() const override { return whole_->key(); }
    std::string_view value() const override { return whole_->value(); }
    void advance() override { whole_->advance(); }
    void seek(std::string_view key) override { whole_->seek(key); }
    bool take(std::string_view bound, ReadLimits& limits, Rows& rows) override {
      for (; valid() && key() < bound; advance()) {
        if (limits.reached()) return true;
        limits.count(key().size(), value().size());
        rows.add(key(), value());
      }
      return false;
    }
    Result<void> status() const override {
      return broken() ? fail_with(error::FILE_CORRUPT, "rotten") : whole_->status();
    }

   private:
    bool broken() const { return is_broken && whole_->valid() && whole_->key() >= "m"; }
    std::unique_ptr<Cursor> whole_;
  };

  Mark mark() const override { return whole_.mark(); }
  Result<std::optional<std::string>> get(std::string_view key) const override { return whole_.get(key); }
  std::unique_ptr<Cursor> cursor(std::string_view begin, std::string_view end, bool reverse) const override {
    return std::make_unique<BrokenCursor>(whole_.cursor(begin, end, reverse));
  }
  Result<std::uint64_t> bytes_estimate(std::string_view begin, std::string_view end) const override {
    return whole_.bytes_estimate(begin, end);
  }
  Result<std::unique_ptr<Snapshot>> snapshot() const override { return whole_.snapshot(); }
  std::unique_ptr<Step> step() override { return whole_.step(); }
  Result<void> apply(std::unique_ptr<Step> step, Mark mark) override {
    return whole_.apply(std::move(step), mark);
  }
  Result<Mark> make_durable() override { return whole_.make_durable(); }

  static inline bool is_broken = false;

 private:
  MemoryBase whole_;
};

class Broken : public testing::Test {
 protected:
  Broken() {
    BrokenBase::is_broken = false;
    Storage::Options options;
    options.run_bytes_min = 1;
    options.open_base = [](const std::string&) -> Result<std::unique_ptr<Base>> {
      return std::make_unique<BrokenBase>();
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
  BrokenBase::is_broken = true;
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
  BrokenBase::is_broken = true;
  EXPECT_EQ(read("x", "zz", 100).value(), false) << "it is cached";
  EXPECT_FALSE(read("a", "zz", 4).has_value());
}

}  // namespace
}  // namespace everframe::embedded
