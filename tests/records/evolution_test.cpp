// Tables that change their schema while they have records: headers, unknown fields, and indexes that are
// built while the table is in use. What would break these: a record that an older program robs of its new
// fields, an index that is read before it is complete, or that misses what was written while it was built.
#include "thing.h"
#include "wrapped_api.h"

namespace everframe::store::records {
namespace {

struct V1 {
  std::uint64_t id = 0;
  std::uint32_t kind = 0;
  std::string name;
};
inline constexpr auto FIRST = schema<V1>("evolving", 1, field<1>(&V1::id), field<2>(&V1::kind),
                                         field<3>(&V1::name), primary_key(&V1::id), index<"kind">(&V1::kind));
struct V2 {
  std::uint64_t id = 0;
  std::uint64_t kind = 0;  // wider
  std::string name;
  std::string title = "none";
};
inline constexpr auto MORE_FIELDS =
    schema<V2>("evolving", 2, field<1>(&V2::id), field<2>(&V2::kind), field<3>(&V2::name),
               field<4>(&V2::title), primary_key(&V2::id), index<"kind">(&V2::kind));
inline constexpr auto MORE_INDEXES =
    schema<V2>("evolving", 3, field<1>(&V2::id), field<2>(&V2::kind), field<3>(&V2::name),
               field<4>(&V2::title), primary_key(&V2::id), dropped<"kind">(), index<"name">(&V2::name),
               unique<"title">(&V2::title), count<"of_kind">(&V2::kind), feed<"changes">());

class EvolutionTest : public RecordsTest {
 protected:
  template <const auto& SCHEMA>
  void fill(const Table<SCHEMA>& table, std::uint64_t from, std::uint64_t to) {
    const auto done = in_table<bool, SCHEMA>(*database_, table, [=](Rows<SCHEMA> rows) -> Task<Result<bool>> {
      for (std::uint64_t id = from; id < to; ++id) {
        RecordOf<SCHEMA> record{};
        record.id = id;
        record.kind = static_cast<decltype(record.kind)>(id % 3);
        record.name = "n" + std::to_string(id);
        if constexpr (requires { record.title; }) record.title = "t" + std::to_string(id);
        const auto written = co_await rows.upsert(record);
        if (!written) co_return tl::unexpected<Error>(written.error());
      }
      co_return true;
    });
    ASSERT_TRUE(done.has_value()) << done.error().text;
  }
  template <const auto& SCHEMA>
  std::optional<RecordOf<SCHEMA>> read(const Table<SCHEMA>& table, std::uint64_t id) {
    using Found = std::optional<RecordOf<SCHEMA>>;
    return in_table<Found, SCHEMA>(*database_, table,
                                   [=](Rows<SCHEMA> rows) -> Task<Result<Found>> {
                                     const KeyOf<SCHEMA> key{id};
                                     co_return co_await rows.get(key);
                                   })
        .value();
  }

  const Table<FIRST> first_{Subspace(home_ + "w")};
  const Table<MORE_FIELDS> fields_{Subspace(home_ + "w")};
  const Table<MORE_INDEXES> indexes_{Subspace(home_ + "w")};
};

TEST_F(EvolutionTest, AnOlderProgramKeepsTheFieldsItDoesNotKnow) {
  prepare(first_);
  fill<FIRST>(first_, 0, 3);
  prepare(fields_);
  EXPECT_EQ(read<MORE_FIELDS>(fields_, 1)->title, "none") << "written before there were titles";
  fill<MORE_FIELDS>(fields_, 1, 3);
  prepare(first_);  // the older program comes up again
  ASSERT_TRUE((in_table<bool, FIRST>(*database_, first_, [](Rows<FIRST> rows) -> Task<Result<bool>> {
                const KeyOf<FIRST> key{2};
                auto old = co_await rows.get(key);
                old.value()->name = "renamed";
                co_return (co_await rows.upsert(**old)).has_value();
              })).has_value());
  const auto now = read<MORE_FIELDS>(fields_, 2);
  EXPECT_EQ(now->name, "renamed");
  EXPECT_EQ(now->title, "t2");
}

TEST_F(EvolutionTest, AProgramWhoseSchemaDoesNotSuitIsRefused) {
  prepare(first_);
  fill<FIRST>(first_, 0, 3);
  prepare(indexes_);
  const auto older = try_prepare(fields_);
  ASSERT_FALSE(older.has_value());
  EXPECT_NE(older.error().text.find("other indexes"), std::string::npos) << older.error().text;
  // One that was running when the schema changed is told at its next transaction.
  const auto running =
      in_table<bool, FIRST>(*database_, first_, [](Rows<FIRST>) -> Task<Result<bool>> { co_return true; });
  EXPECT_FALSE(running.has_value());
}

TEST_F(EvolutionTest, NewIndexesAreBuiltInStepsAndReadableThen) {
  constexpr std::uint64_t COUNT = 100;
  prepare(fields_);
  fill<MORE_FIELDS>(fields_, 0, COUNT);
  prepare(indexes_);
  const auto names = [&]() {
    return in_table<std::size_t, MORE_INDEXES>(*database_, indexes_,
                                               [](Rows<MORE_INDEXES> rows) -> Task<Result<std::size_t>> {
                                                 auto cursor = rows.scan(along<"name">());
                                                 const auto all = co_await cursor.rest();
                                                 if (!all) co_return tl::unexpected<Error>(all.error());
                                                 co_return all->size();
                                               });
  };
  const auto early = names();
  ASSERT_FALSE(early.has_value());
  EXPECT_NE(early.error().text.find("not complete"), std::string::npos) << early.error().text;

  BuildOptions options;
  options.rows_a_step = 30;
  std::size_t steps = 0;
  for (bool done = false; !done; ++steps) {
    // Another builder each time, as if the last one had died; its claim has run out.
    BuildOptions brief = options;
    brief.claim_ms = 0;
    IndexBuild build = indexes_.build<"name">(*database_, executor_, 1 + steps, brief);
    const auto step =
        run<Result<IndexBuild::Step>>([&]() -> Task<Result<IndexBuild::Step>> { return build.step(); });
    ASSERT_TRUE(step.has_value()) << step.error().text;
    EXPECT_LE(step->rows, 30U);
    done = step->done;
    ASSERT_LT(steps, 10U);
  }
  EXPECT_EQ(steps, 4U);
  EXPECT_EQ(names().value(), COUNT);

  // Totals while they are built: what is written meanwhile is counted once, behind the build and before it.
  IndexBuild build = indexes_.build<"of_kind">(*database_, executor_, 9, options);
  const auto step = [&] {
    return run<Result<IndexBuild::Step>>([&]() -> Task<Result<IndexBuild::Step>> { return build.step(); })
        .value()
        .done;
  };
  EXPECT_FALSE(step());
  EXPECT_TRUE(
      (in_table<bool, MORE_INDEXES>(*database_, indexes_, [](Rows<MORE_INDEXES> rows) -> Task<Result<bool>> {
        for (const std::uint64_t id : {3ULL, 93ULL, 200ULL}) {
          const V2 moved{id, 7, "m" + std::to_string(id), "m" + std::to_string(id)};
          EXPECT_TRUE((co_await rows.upsert(moved)).has_value());
        }
        const KeyOf<MORE_INDEXES> behind{6};
        const KeyOf<MORE_INDEXES> ahead{96};
        EXPECT_TRUE((co_await rows.erase(behind)).has_value());
        EXPECT_TRUE((co_await rows.erase(ahead)).has_value());
        co_return true;
      })).has_value());
  while (!step()) {
  }
  const auto total = [&](std::uint64_t kind) {
    return in_table<std::int64_t, MORE_INDEXES>(
               *database_, indexes_, [=](Rows<MORE_INDEXES> rows) { return rows.total<"of_kind">(kind); })
        .value();
  };
  EXPECT_EQ(total(7), 3);
  EXPECT_EQ(total(0), 34 - 4) << "3, 93, 6 and 96 are gone";
  EXPECT_EQ(total(1), 33);
  EXPECT_EQ(total(2), 33);
}

TEST_F(EvolutionTest, ADroppedIndexLeavesNothingBehind) {
  prepare(first_);
  fill<FIRST>(first_, 0, 3);
  const auto entries = [&] {
    return in_transaction<KeyValues>(
               *database_,
               [&](Transaction& t) {
                 return t.get_range(keys_starting_with(first_.core().layout().index(0)));
               })
        .value()
        .size();
  };
  EXPECT_EQ(entries(), 3U);
  prepare(indexes_);
  EXPECT_EQ(entries(), 0U);
}

TEST_F(EvolutionTest, AClaimKeepsOtherBuildersAwayUntilItEnds) {
  prepare(fields_);
  fill<MORE_FIELDS>(fields_, 0, 10);
  prepare(indexes_);
  BuildOptions options;
  options.rows_a_step = 3;
  const auto step = [&](std::uint64_t builder, std::int64_t claim_ms) {
    options.claim_ms = claim_ms;
    IndexBuild build = indexes_.build<"name">(*database_, executor_, builder, options);
    return run<Result<IndexBuild::Step>>([&]() -> Task<Result<IndexBuild::Step>> { return build.step(); });
  };
  EXPECT_TRUE(step(1, 1'000'000).has_value());
  const auto refused = step(2, 1'000'000);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("builder 1"), std::string::npos) << refused.error().text;
  EXPECT_TRUE(step(1, 0).has_value());
  EXPECT_TRUE(step(2, 0).has_value());
}

TEST_F(EvolutionTest, AUniqueIndexThatRecordsContradictIsNotBuilt) {
  prepare(fields_);
  ASSERT_TRUE(
      (in_table<bool, MORE_FIELDS>(*database_, fields_, [](Rows<MORE_FIELDS> rows) -> Task<Result<bool>> {
        for (const std::uint64_t id : {1ULL, 2ULL}) {
          const V2 same{id, 0, "n", "the same title"};
          EXPECT_TRUE((co_await rows.upsert(same)).has_value());
        }
        co_return true;
      })).has_value());
  prepare(indexes_);
  IndexBuild build = indexes_.build<"title">(*database_, executor_, 1);
  const auto built = run<Result<std::size_t>>([&]() -> Task<Result<std::size_t>> { return build.run(); });
  ASSERT_FALSE(built.has_value());
  EXPECT_NE(built.error().text.find("records (2) and (1) have the same"), std::string::npos)
      << built.error().text;
}

TEST_F(EvolutionTest, ADisabledIndexCostsNothingAndIsBuiltAnew) {
  prepare(indexes_);
  fill<MORE_INDEXES>(indexes_, 0, 10);
  IndexBuild build = indexes_.build<"of_kind">(*database_, executor_, 1);
  const auto disabled = run<Result<void>>([&]() -> Task<Result<void>> { return build.disable(); });
  ASSERT_TRUE(disabled.has_value());
  fill<MORE_INDEXES>(indexes_, 10, 20);
  const auto total = [&] {
    return in_table<std::int64_t, MORE_INDEXES>(*database_, indexes_, [](Rows<MORE_INDEXES> rows) {
      return rows.total<"of_kind">(std::uint64_t{0});
    });
  };
  EXPECT_FALSE(total().has_value());
  const auto built = run<Result<std::size_t>>([&]() -> Task<Result<std::size_t>> { return build.run(); });
  EXPECT_EQ(built.value(), 20U);
  EXPECT_EQ(total().value(), 7);
}

// While another transaction writes between every step, with faults: the totals are right in the end.
TEST_F(EvolutionTest, ABuildUnderWritesAndFaultsEndsWithTheRightTotals) {
  const auto faulty = open(wrapped::api());
  prepare(fields_);
  constexpr std::uint64_t COUNT = 60;
  fill<MORE_FIELDS>(fields_, 0, COUNT);
  prepare(indexes_);
  wrapper.prng = Prng(3);
  wrapper.commit_faults_percent = 30;
  BuildOptions options;
  options.rows_a_step = 7;
  IndexBuild build = indexes_.build<"of_kind">(*faulty, executor_, 1, options);
  Prng prng(4);
  std::map<std::uint64_t, std::uint64_t> kinds;
  for (std::uint64_t id = 0; id < COUNT; ++id) kinds[id] = id % 3;
  for (bool done = false; !done;) {
    auto stepping =
        start<Result<IndexBuild::Step>>([&]() -> Task<Result<IndexBuild::Step>> { return build.step(); });
    const std::uint64_t id = prng.below(COUNT + 10);
    const std::uint64_t kind = prng.below(3);
    // At the same time, and a body that may be done twice: it says what shall be, not what to add.
    const auto wrote =
        in_table<bool, MORE_INDEXES>(*faulty, indexes_, [=](Rows<MORE_INDEXES> rows) -> Task<Result<bool>> {
          const V2 record{id, kind, "w" + std::to_string(id), "w" + std::to_string(id)};
          const auto written = co_await rows.upsert(record);
          if (!written) co_return tl::unexpected<Error>(written.error());
          co_return true;
        });
    ASSERT_TRUE(wrote.has_value()) << wrote.error().text;
    kinds[id] = kind;
    const auto stepped = finish(std::move(stepping));
    ASSERT_TRUE(stepped.has_value()) << stepped.error().text;
    done = stepped->done;
  }
  wrapper.calm();
  for (std::uint64_t kind = 0; kind < 3; ++kind) {
    const auto total = in_table<std::int64_t, MORE_INDEXES>(
        *database_, indexes_, [=](Rows<MORE_INDEXES> rows) { return rows.total<"of_kind">(kind); });
    const auto is_kind = [kind](const auto& entry) { return entry.second == kind; };
    EXPECT_EQ(total.value(), std::count_if(kinds.begin(), kinds.end(), is_kind));
  }
}

}  // namespace
}  // namespace everframe::store::records
