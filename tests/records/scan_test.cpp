// Scans: limits, continuations, and queries larger than a transaction may be. What would break these: a
// record that a page's edge loses or gives twice, a continuation that goes on elsewhere.
#include "thing.h"
#include "wrapped_api.h"

namespace everframe::store::records {
namespace {

class ScanTest : public RecordsTest {
 protected:
  static constexpr std::uint64_t COUNT = 50;
  ScanTest() {
    EXPECT_TRUE(in_rows<bool>([](ThingRows rows) -> Task<Result<bool>> {
                  for (std::uint64_t id = 0; id < COUNT; ++id) {
                    const auto written = co_await rows.insert(some_thing(1, id));
                    if (!written) co_return tl::unexpected<Error>(written.error());
                  }
                  co_return true;
                }).has_value());
  }
  struct Part {
    std::vector<std::uint64_t> ids;
    bool finished = false;
    std::string continuation;
  };
  template <class... Terms>
  Result<Part> part(ScanOptions options, Terms... terms) {
    return in_rows<Part>([=](ThingRows rows) -> Task<Result<Part>> {
      auto cursor = rows.scan(options, terms...);
      const auto found = co_await cursor.rest();
      if (!found) co_return tl::unexpected<Error>(found.error());
      Part out;
      for (const Thing& thing : *found) out.ids.push_back(thing.id);
      out.finished = cursor.is_finished();
      out.continuation = cursor.continuation();
      co_return out;
    });
  }
  // All parts of a query, each in its own transaction.
  template <class... Terms>
  std::vector<std::uint64_t> all_parts(ScanOptions options, Terms... terms) {
    std::vector<std::uint64_t> ids;
    for (std::size_t parts = 0; parts <= COUNT + 1; ++parts) {
      const auto one = part(options, terms...);
      EXPECT_TRUE(one.has_value()) << one.error().text;
      if (!one) return ids;
      if (options.rows_max > 0) {
        EXPECT_LE(one->ids.size(), options.rows_max);
      }
      ids.insert(ids.end(), one->ids.begin(), one->ids.end());
      if (one->finished) return ids;
      options.continuation = one->continuation;
    }
    ADD_FAILURE() << "it never ends";
    return ids;
  }
};

TEST_F(ScanTest, PartsOfAnySizeGiveWhatOneScanGives) {
  for (const bool reverse : {false, true}) {
    for (const std::size_t page_rows : {1, 4, 256}) {
      ScanOptions whole;
      whole.reverse = reverse;
      whole.page_rows = page_rows;
      const auto by_key = all_parts(whole, eq<&Thing::region>(1));
      const auto by_hp = all_parts(whole, at_least<&Thing::hp>(-1));
      const auto by_name = all_parts(whole, along<"name">());
      ASSERT_EQ(by_key.size(), COUNT);
      ASSERT_EQ(by_name.size(), COUNT);
      EXPECT_EQ(by_key.front(), reverse ? COUNT - 1 : 0U);
      for (const std::size_t rows_max : {1, 3, 25, 50, 51}) {
        ScanOptions parts = whole;
        parts.rows_max = rows_max;
        EXPECT_EQ(all_parts(parts, eq<&Thing::region>(1)), by_key);
        EXPECT_EQ(all_parts(parts, at_least<&Thing::hp>(-1)), by_hp);
        EXPECT_EQ(all_parts(parts, along<"name">()), by_name);
      }
      ScanOptions few_bytes = whole;
      few_bytes.bytes_max = 200;
      EXPECT_EQ(all_parts(few_bytes, eq<&Thing::region>(1)), by_key);
    }
  }
}

TEST_F(ScanTest, AContinuationOfAnotherQueryOrOfNoneIsRefused) {
  ScanOptions options;
  options.rows_max = 3;
  const auto first = part(options, eq<&Thing::region>(1));
  ASSERT_TRUE(first.has_value());
  options.continuation = first->continuation;
  EXPECT_TRUE(part(options, eq<&Thing::region>(1)).has_value());
  EXPECT_FALSE(part(options, eq<&Thing::region>(2)).has_value());
  EXPECT_FALSE(part(options, at_least<&Thing::hp>(0)).has_value());
  ScanOptions turned = options;
  turned.reverse = true;
  EXPECT_FALSE(part(turned, eq<&Thing::region>(1)).has_value());
  for (const std::string& damaged :
       {first->continuation.substr(1), first->continuation + "x", std::string("\x02")}) {
    options.continuation = damaged;
    EXPECT_FALSE(part(options, eq<&Thing::region>(1)).has_value());
  }
}

TEST_F(ScanTest, RangesHaveTheirLowEndAndNotTheirHighOne) {
  EXPECT_EQ(all_parts({}, eq<&Thing::region>(1), between<&Thing::id>(10, 13)),
            (std::vector<std::uint64_t>{10, 11, 12}));
  EXPECT_EQ(all_parts({}, eq<&Thing::region>(1), below<&Thing::id>(2)), (std::vector<std::uint64_t>{0, 1}));
  EXPECT_EQ(all_parts({}, eq<&Thing::region>(1), at_least<&Thing::id>(48)),
            (std::vector<std::uint64_t>{48, 49}));
  EXPECT_EQ(all_parts({}, eq<&Thing::region>(1), eq<&Thing::id>(7)), (std::vector<std::uint64_t>{7}));
  EXPECT_TRUE(all_parts({}, eq<&Thing::region>(3)).empty());
}

TEST_F(ScanTest, ACoveringIndexGivesItsFieldsAndTheKeyWithoutTheRecords) {
  const auto found = in_rows<std::vector<Thing>>([](ThingRows rows) -> Task<Result<std::vector<Thing>>> {
    auto cursor = rows.scan_covered({}, eq<&Thing::kind>(2), eq<&Thing::hp>(-1));
    co_return co_await cursor.rest();
  });
  ASSERT_TRUE(found.has_value()) << found.error().text;
  ASSERT_FALSE(found->empty());
  for (const Thing& thing : *found) {
    const Thing whole = some_thing(1, thing.id);
    EXPECT_EQ(thing.kind, 2U);
    EXPECT_EQ(thing.hp, -1);
    EXPECT_EQ(thing.name, whole.name);
    EXPECT_EQ(thing.region, 1U);
    EXPECT_EQ(thing.pos, Vec3()) << "not covered";
  }
}

// With reads that fail as if a transaction had been open for 5 s.
TEST_F(ScanTest, EachGoesOverTransactionsAndOnBehindTheLastRecordAfterAnError) {
  const auto faulty = open(wrapped::api());
  wrapper.prng = Prng(5);
  wrapper.read_faults_percent = 20;
  const int faults_before = wrapper.faults;
  auto ids = std::make_shared<std::vector<std::uint64_t>>();
  const auto scanned = run<Result<Scanned>>([&]() -> Task<Result<Scanned>> {
    ScanOptions options;
    options.rows_max = 7;
    options.page_rows = 3;
    Function<bool(Thing)> use = [ids](Thing thing) {
      ids->push_back(thing.id);
      return true;
    };
    co_return co_await things_.each(*faulty, executor_, std::move(use), options, eq<&Thing::region>(1));
  });
  wrapper.calm();
  ASSERT_TRUE(scanned.has_value()) << scanned.error().text;
  EXPECT_GT(wrapper.faults, faults_before);
  EXPECT_EQ(scanned->rows, COUNT);
  EXPECT_GE(scanned->transactions, COUNT / 7);
  std::vector<std::uint64_t> expected(COUNT);
  for (std::uint64_t i = 0; i < COUNT; ++i) expected[i] = i;
  EXPECT_EQ(*ids, expected);
}

TEST_F(ScanTest, ASnapshotScanDoesNotConflict) {
  const auto codes = run<std::vector<int>>([this]() -> Task<std::vector<int>> {
    std::vector<int> out;
    for (const bool snapshot : {false, true}) {
      Transaction reader = database_->begin(executor_);
      const auto rows = co_await things_.in(reader);
      const ThingRows reading = snapshot ? rows->snapshot() : *rows;
      auto cursor = reading.scan(eq<&Thing::region>(1));
      EXPECT_TRUE((co_await cursor.rest()).has_value());
      reader.set(home_ + "something", "v");
      Transaction writer = database_->begin(executor_);
      const auto writing = co_await things_.in(writer);
      Thing thing = some_thing(1, 3);
      thing.hp = snapshot ? 77 : 78;
      EXPECT_TRUE((co_await writing->upsert(thing)).has_value());
      EXPECT_TRUE((co_await writer.commit()).has_value());
      const auto committed = co_await reader.commit();
      out.push_back(committed ? 0 : committed.error().code);
    }
    co_return out;
  });
  EXPECT_EQ(codes, (std::vector<int>{NOT_COMMITTED, 0}));
}

}  // namespace
}  // namespace everframe::store::records
