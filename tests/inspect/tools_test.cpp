// The tools' lines, over a world that a region made.
#include "inspect/tools.h"

#include <boost/json/parse.hpp>
#include <sstream>

#include "inspect/progress.h"
#include "town.h"

namespace everframe::inspect {
namespace {

namespace json = boost::json;

class Tools : public TownTest {
 protected:
  void make_history() {
    open();
    Visitor ada = arrive("Ada");
    work(ada, 0);
    close();
  }
  // The lines that a tool writes.
  std::vector<std::string> lines(Function<Task<Result<Outcome>>(Bench)> tool, bool as_json = false) {
    out_.str({});
    const Bench bench{*database_, executor_, out_, progress_, &content_, "", as_json};
    outcome_ = run<Outcome>([&]() -> Task<Result<Outcome>> { return tool(bench); });
    std::vector<std::string> found;
    std::istringstream in(out_.str());
    for (std::string line; std::getline(in, line);) found.push_back(line);
    return found;
  }
  std::vector<std::string> dumped(DumpFilter filter, bool as_json = false) {
    return lines([filter](Bench bench) { return dump(bench, filter); }, as_json);
  }

  std::ostringstream out_;
  std::ostringstream progress_;
  Outcome outcome_ = Outcome::FOUND;
};

class HandClock final : public platform::Clock {
 public:
  Time now() const override { return now_; }
  WallMs wall() const override { return WallMs{0}; }
  void pass(Duration span) { now_ += span; }

 private:
  Time now_{};
};

TEST(ProgressBar, ShowsTheShareAndTheTimeThatIsLeftAndNeverRunsOver) {
  HandClock clock;
  std::ostringstream out;
  Progress progress(out, clock, true, "rows read", 1'000);
  progress.at(10, 100);
  EXPECT_EQ(out.str(), "") << "not yet";
  clock.pass(20s);
  progress.at(25, 250);
  EXPECT_EQ(out.str(), "\r[#######.......................]  25 %  1:00 left  25 rows read");
  out.str({});
  clock.pass(60s);
  progress.at(120, 1'200);
  EXPECT_EQ(out.str(), "\r[##############################] 100 %  120 rows read          ")
      << "over what stood there";
  out.str({});
  progress.end();
  progress.at(121, 1'200);
  EXPECT_EQ(out.str().back(), '\n');
}

TEST(ProgressBar, IsForTerminalsElsewhereThereIsALineNowAndThen) {
  HandClock clock;
  std::ostringstream out;
  Progress progress(out, clock, false, "rows read");
  for (std::uint64_t rows = 0; rows <= 250'000; rows += 1'000) {
    clock.pass(1s);
    progress.at(rows);
  }
  progress.end();
  EXPECT_EQ(out.str(), "100000 rows read\n200000 rows read\n");
}

TEST_F(Tools, AnInterruptEndsAToolBetweenTwoPagesAndItSaysThatItIsNotAll) {
  make_history();
  for (const auto tool : {&count, &verify_world}) {
    Bench bench{*database_, executor_, out_, progress_, &content_, "", false};
    bench.stopped = [] { return true; };
    try {
      run<Outcome>([&]() -> Task<Result<Outcome>> { return (*tool)(bench); });
      ADD_FAILURE() << "it went on";
    } catch (const std::runtime_error& refused) {
      EXPECT_NE(std::string(refused.what()).find("stopped after"), std::string::npos) << refused.what();
    }
  }
}

TEST_F(Tools, ADumpShowsEveryRowOnceAndAFilterOnlyItsOwn) {
  make_history();
  const std::size_t all = rows(keys_.all()).size();
  EXPECT_EQ(dumped({}).size(), all);
  EXPECT_EQ(dumped({{"player"}, {}, 100}).size(), 1U);
  EXPECT_EQ(dumped({{"entity"}, {}, 7}).size(), 7U);
  std::size_t sum = 0;
  for (const std::string_view kind : KIND_NAMES) sum += dumped({{std::string(kind)}, {}, UINT64_MAX}).size();
  EXPECT_EQ(sum, all);
  EXPECT_THROW(dumped({{"poem"}, {}, 1}), std::runtime_error);
}

TEST_F(Tools, AKeysBeginningFindsTheRowItselfAndThoseBehindIt) {
  make_history();
  const auto player = dumped({{}, {"player", "1"}, UINT64_MAX});
  ASSERT_EQ(player.size(), 1U);
  EXPECT_EQ(player[0].rfind(R"(("town", "player", 1)  {"id":1,"name":"Ada",)", 0), 0U) << player[0];
  EXPECT_EQ(dumped({{}, {"region", "1"}, UINT64_MAX}).size(), 2U);
  EXPECT_THROW(dumped({{}, {"player", "2"}, UINT64_MAX}), std::runtime_error);
}

TEST_F(Tools, JsonLinesAreObjectsWithKeyKindAndRecord) {
  make_history();
  for (const std::string& line : dumped({{}, {"frame", "1"}, UINT64_MAX}, true)) {
    const json::object row = json::parse(line).as_object();
    EXPECT_EQ(row.at("kind").as_string(), "frame");
    EXPECT_EQ(row.at("key").as_array().size(), 4U);
    EXPECT_TRUE(row.at("record").as_object().at("inputs").is_array());
  }
}

TEST_F(Tools, TheCountAddsUpToAllRows) {
  make_history();
  const auto report = lines([](Bench bench) { return count(bench); }, true);
  ASSERT_EQ(report.size(), 1U);
  const json::object counts = json::parse(report[0]).as_object();
  EXPECT_EQ(counts.at("all").at("rows").to_number<std::size_t>(), rows(keys_.all()).size());
  EXPECT_EQ(counts.at("player").at("rows").to_number<int>(), 1);
  EXPECT_GT(lines([](Bench bench) { return count(bench); }).size(), 5U);
}

TEST_F(Tools, VerifyAndReplaySayWhetherAllIsWell) {
  make_history();
  const auto verified = lines([](Bench bench) { return verify_world(bench); });
  EXPECT_EQ(outcome_, Outcome::WELL);
  ASSERT_EQ(verified.size(), 1U);
  EXPECT_TRUE(verified[0].ends_with("items: whole")) << verified[0];
  const auto replayed = lines([](Bench bench) { return replay_world(bench); });
  EXPECT_EQ(outcome_, Outcome::WELL);
  EXPECT_TRUE(replayed.at(0).ends_with("the same")) << replayed.at(0);

  change([this](store::Transaction& writer) { writer.add(keys_.ledger_total(ItemType{0}), 1); });
  const auto report = lines([](Bench bench) { return verify_world(bench); }, true);
  EXPECT_EQ(outcome_, Outcome::FOUND);
  EXPECT_EQ(json::parse(report.at(0)).at("finding_count").to_number<int>(), 1);
  change([this](store::Transaction& writer) { writer.clear(keys_.frame(RegionId{1}, FrameNo{1})); });
  EXPECT_THROW(lines([](Bench bench) { return replay_world(bench); }), std::runtime_error);
}

TEST_F(Tools, HistoryWritesOneLineADeed) {
  make_history();
  HistoryFilter filter;
  filter.player = PlayerId{1};
  const auto deeds = lines([filter](Bench bench) { return tell_history(bench, filter); });
  EXPECT_EQ(deeds.size(), 1U + 3 * 2 * 4 + 7);
  EXPECT_NE(deeds[1].find("name=\"Ada\""), std::string::npos) << deeds[1];
}

}  // namespace
}  // namespace everframe::inspect
