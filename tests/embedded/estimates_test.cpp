// Sizes of ranges without reading them: right to a quarter in the window and in RocksDB's files, of the right
// order in its memtables (skip lists guess), and for the work of a few rows however many there are. What
// would break these: a part that is left out or counted twice, a cleared range that goes on weighing, a count
// of all rows.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "embedded/rocks_base.h"
#include "embedded/storage.h"
#include "embedded/wrapped_base_for_tests.h"

namespace everframe::embedded {
namespace {

constexpr int ROWS = 40'000;
constexpr std::int64_t ROW_BYTES = 110;
constexpr std::int64_t ALL = ROWS * ROW_BYTES;

std::string key_of(int i) {
  return fmt::format("row/{:06}", i);
}

// Counts what is walked over.
class Walk final : public WrappedCursor {
 public:
  Walk(std::unique_ptr<Base::Cursor> inner, std::size_t& rows)
      : WrappedCursor(std::move(inner)), rows_(rows) {}
  bool take(std::string_view bound, ReadLimits& limits, Rows& rows) override {
    const std::size_t before = rows.size();
    const bool more = inner_->take(bound, limits, rows);
    rows_ += rows.size() - before;
    return more;
  }

 private:
  std::size_t& rows_;
};

class Estimates : public ::testing::Test {
 protected:
  Estimates() {
    path_ = (std::filesystem::temp_directory_path() / "everframe-estimates-XXXXXX").string();
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  ~Estimates() override {
    storage_.reset();
    std::filesystem::remove_all(path_);
  }

  void open(Storage::OpenBase base) {
    Storage::Options options;
    options.directory = path_;
    options.open_base = std::move(base);
    storage_ = std::move(*Storage::open(std::move(options)));
  }
  void open_on_rocksdb() { open(open_rocks_base); }

  void commit(const std::vector<Mutation>& changes) {
    storage_->begin(++version_);
    for (const Mutation& change : changes) ASSERT_TRUE(storage_->apply(change));
    ASSERT_TRUE(storage_->finish());
  }
  void write_rows() {
    const std::string value(static_cast<std::size_t>(ROW_BYTES) - key_of(0).size(), 'v');
    std::vector<Mutation> some;
    for (int i = 0; i < ROWS; ++i) {
      some.push_back({MutationType::SET, key_of(i), value});
      if (some.size() < 1'000) continue;
      commit(some);
      some.clear();
    }
  }
  void settle() {
    for (;;) {
      const auto more = storage_->settle(version_);
      ASSERT_TRUE(more);
      if (!*more) return;
    }
  }
  std::int64_t estimate(int from, int to) {
    return storage_->bytes_estimate(key_of(from), key_of(to), version_).value();
  }
  // Within so many times too few or too many.
  void expect_right_to(double factor) {
    for (const auto& [from, to] : {std::pair{0, ROWS}, {0, ROWS / 2}, {ROWS / 4, ROWS / 2}}) {
      const auto bytes = static_cast<double>(estimate(from, to));
      const auto real = static_cast<double>((to - from) * ROW_BYTES);
      EXPECT_GT(bytes, real / factor) << from << " to " << to;
      EXPECT_LT(bytes, real * factor) << from << " to " << to;
    }
    EXPECT_EQ(estimate(500, 600), 100 * ROW_BYTES) << "few rows are counted";
    EXPECT_EQ(estimate(ROWS, 2 * ROWS), 0);
  }

  std::string path_;
  std::unique_ptr<Storage> storage_;
  Version version_ = 0;
};

TEST_F(Estimates, AreAboutRightWhereverTheRowsLie) {
  open_on_rocksdb();
  write_rows();
  expect_right_to(1.25);  // in the window
  settle();
  expect_right_to(1'000);  // in memtables RocksDB guesses from the height of a random skip list: not nothing
  ASSERT_TRUE(storage_->make_base_durable());
  expect_right_to(1.25);  // in files
}

TEST_F(Estimates, OfAClearedRangeAreNothingAtOnce) {
  open_on_rocksdb();
  write_rows();
  settle();
  ASSERT_TRUE(storage_->make_base_durable());
  commit({{MutationType::CLEAR_RANGE, key_of(0), key_of(ROWS)}});
  EXPECT_EQ(estimate(0, ROWS), 0);
  settle();
  EXPECT_EQ(estimate(0, ROWS), 0);
}

TEST_F(Estimates, ReadFewRowsHoweverManyThereAre) {
  std::size_t walked = 0;
  open([&](const std::string&) -> Result<std::unique_ptr<Base>> {
    return std::make_unique<WrappedBase>([&](std::unique_ptr<Base::Cursor> inner) {
      return std::make_unique<Walk>(std::move(inner), walked);
    });
  });
  write_rows();
  settle();
  EXPECT_EQ(estimate(0, ROWS), ALL);
  EXPECT_GT(walked, 0U);
  EXPECT_LE(walked, static_cast<std::size_t>(Storage::COUNTED_ROWS_MAX));
}

}  // namespace
}  // namespace everframe::embedded
