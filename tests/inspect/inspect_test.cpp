// Verify, replay and history over worlds that a real region made. What would break these: a rule whose replay
// depends on more than the frame log, a row that no check covers. The damage tests are the negative control:
// each breaks one thing, and it must be found.
#include "inspect/history.h"
#include "inspect/replay.h"
#include "inspect/scan.h"
#include "inspect/verify.h"
#include "town.h"

namespace everframe::inspect {
namespace {

std::string text(const Bytes& bytes) {
  return std::string(chars_of(bytes));
}

class Inspect : public TownTest {
 protected:
  // Two players' day in two runs of the region, so that the log has a take-over in it.
  void make_history() {
    open();
    Visitor ada = arrive("Ada");
    Visitor bob = arrive("Bob");
    work(ada, 0);
    work(bob, 2);
    close();
    open();
    Visitor again = arrive("", ada.token);
    EXPECT_EQ(again.player, ada.player);
    EXPECT_EQ(again.body, ada.body);
    EXPECT_EQ(again.last, ada.last);
    work(again, 5);
    close();
    ada_ = again;
  }
  Findings findings() {
    return run<Findings>([this] { return verify(*database_, executor_, "town", &content_, ScanWatch()); });
  }
  Replayed replayed(WatchFrame watch = [](const auto&, const auto&, const auto&) {}) {
    auto kept = std::make_shared<WatchFrame>(std::move(watch));
    return run<Replayed>([this, kept] {
      return replay(*database_, executor_, "town", content_,
                    [kept](const auto& state, const auto& frame, const auto& effects) {
                      (*kept)(state, frame, effects);
                    });
    });
  }
  // The first finding that holds `words`; fails the test if there is none.
  void expect_found(const std::string& words) {
    const Findings found = findings();
    const bool there = std::any_of(found.texts.begin(), found.texts.end(), [&](const std::string& finding) {
      return finding.find(words) != std::string::npos;
    });
    std::string all;
    for (const std::string& finding : found.texts) all += "\n  " + finding;
    EXPECT_TRUE(there) << "not found: " << words << "; but:" << all;
  }
  void set(const std::string& key, const std::string& value) {
    change([&](store::Transaction& writer) { writer.set(key, value); });
  }
  void clear(const std::string& key) {
    change([&](store::Transaction& writer) { writer.clear(key); });
  }
  world::Entity some_entity(world::EntityKind kind) {
    for (const auto& row : rows(keys_.chunks())) {
      world::Entity entity = world::read_entity(bytes_of(row.value)).value();
      if (content_.entity(entity.type)->kind == kind) return entity;
    }
    throw std::runtime_error("no such entity");
  }
  void put(const world::Entity& entity) {
    set(keys_.entity(chunk_of(entity.position), entity.id), text(world::write_entity(entity)));
  }
  world::Player player(PlayerId id) {
    const std::string key = keys_.player(id);
    return world::read_player(bytes_of(rows({key, key + '\0'})[0].value)).value();
  }
  world::FrameRecord frame(FrameNo no) {
    const std::string key = keys_.frame(RegionId{1}, no);
    return world::read_frame(bytes_of(rows({key, key + '\0'})[0].value)).value();
  }
  void put(const world::FrameRecord& record) {
    set(keys_.frame(RegionId{1}, record.frame.no), text(world::write_frame(record)));
  }

  Visitor ada_;
};

TEST_F(Inspect, AWorldThatWasPlayedInIsWholeAndReplaysToTheSame) {
  make_history();
  const Findings found = findings();
  EXPECT_EQ(found.count, 0U) << found.texts.front();
  EXPECT_EQ(found.players, 2U);
  EXPECT_EQ(found.actions, 3 * (3 * 2 * 4 + 7));
  EXPECT_GT(found.items, 0U);
  EXPECT_GT(found.entities, 10'000U);
  const Replayed again = replayed();
  EXPECT_EQ(again.difference.value_or("none"), "none");
  EXPECT_EQ(again.frames, found.frames);
  EXPECT_EQ(again.rows, found.entities + found.players);
}

TEST_F(Inspect, AWorldWithoutPlayersIsWhole) {
  open();
  close();
  EXPECT_EQ(findings().count, 0U);
  EXPECT_EQ(replayed().difference.value_or("none"), "none");
}

TEST_F(Inspect, EveryRowOfAPlayedWorldIsReadAndShown) {
  make_history();
  const View view(&content_);
  std::map<std::string_view, int> kinds;
  for (const auto& row : rows(keys_.all())) {
    const auto read = read_row(row);
    ASSERT_TRUE(read.has_value()) << read.error().text;
    ++kinds[KIND_NAMES[read->index()]];
    EXPECT_FALSE(view(*read).empty());
  }
  for (const std::string_view kind : {"entity", "player", "session", "account", "frame", "region", "head",
                                      "ledger_total", "ledger_entry", "meta"}) {
    EXPECT_GT(kinds[kind], 0) << kind;
  }
  EXPECT_FALSE(read_row({keys_.meta("seed") + "x", "12345678"}).has_value());
  EXPECT_FALSE(read_row({keys_.player(PlayerId{1}), "\1\2"}).has_value());
  EXPECT_FALSE(read_row({store::TuplePacker().text("town").text("what").key(), ""}).has_value());
  EXPECT_FALSE(read_row({"\xfe", ""}).has_value());
}

TEST_F(Inspect, TheOnlyWorldOfAStoreIsFoundByItself) {
  make_history();
  const auto find = [this] { return run<std::string>([this] { return only_world(*database_, executor_); }); };
  EXPECT_EQ(find(), "town");
  set(store::WorldKeys("village").meta("format"), store::u64_value(1));
  EXPECT_THROW(find(), std::runtime_error);
}

TEST_F(Inspect, HistoryTellsWhoDidWhatToAnEntityAndInAnArea) {
  make_history();
  const auto deeds = [this](HistoryFilter filter) {
    auto out = std::make_shared<std::vector<boost::json::object>>();
    replayed(history(filter, View(&content_), [out](const auto& deed) { out->push_back(deed); }));
    return *out;
  };
  HistoryFilter all;
  std::optional<EntityId> wall;
  for (const auto& deed : deeds(all)) {
    if (deed.contains("built")) wall = EntityId{deed.at("built").to_number<std::uint64_t>()};
  }
  ASSERT_TRUE(wall.has_value()) << "nobody built anything";
  HistoryFilter of_wall;
  of_wall.entity = wall;
  const auto built = deeds(of_wall);
  ASSERT_EQ(built.size(), 1U);
  EXPECT_EQ(built[0].at("do").as_string(), "build");
  EXPECT_EQ(built[0].at("type").as_string(), "wood_wall");
  EXPECT_EQ(built[0].at("outcome").as_string(), "applied");
  EXPECT_EQ(built[0].at("position").as_array().size(), 3U);

  HistoryFilter of_ada;
  of_ada.player = ada_.player;
  const auto hers = deeds(of_ada);
  EXPECT_EQ(hers.size(), 1U + raw(ada_.last));  // her actions, and her coming into the world
  EXPECT_TRUE(std::all_of(hers.begin(), hers.end(), [](const auto& d) { return d.at("name") == "Ada"; }));
  of_ada.first = frame(FrameNo{2}).frame.no;
  EXPECT_EQ(deeds(of_ada).size(), raw(ada_.last));

  HistoryFilter far;
  far.area = Area{{400'000, 0, 400'000}, 1'000};
  EXPECT_TRUE(deeds(far).empty());
  HistoryFilter at_wall;
  const auto& place = built[0].at("position").as_array();
  at_wall.area = Area{{place[0].to_number<int>(), 0, place[2].to_number<int>()}, 100};
  EXPECT_EQ(deeds(at_wall).size(), 1U);
}

TEST_F(Inspect, ItemsFromNowhereAreFound) {
  make_history();
  world::Entity body = some_entity(world::EntityKind::BODY);
  ASSERT_FALSE(body.stacks.empty());
  body.stacks[0].count += 1;
  put(body);
  expect_found("1 came from nowhere");
  expect_found("rows were changed outside of frames");
}

TEST_F(Inspect, ALedgerThatDoesNotAddUpIsFound) {
  make_history();
  change([this](store::Transaction& writer) {
    writer.add(keys_.ledger_total(world::item_named(content_, "wood")), 5);
  });
  expect_found("item wood: the ledger's total is");
  const auto ledger = rows(keys_.ledger_log(RegionId{1}));
  clear(std::string(ledger.back().key));
  expect_found("came from nowhere");
}

TEST_F(Inspect, EntitiesInTheWrongPlaceOrTwiceAreFound) {
  make_history();
  const world::Entity tree = some_entity(world::EntityKind::TREE);
  const ChunkCode other = next(chunk_of(tree.position));
  set(keys_.entity(other, tree.id), text(world::write_entity(tree)));
  expect_found(fmt::format("entity {} lies in chunk {}", raw(tree.id), raw(other)));
  expect_found(fmt::format("entity {} exists twice", raw(tree.id)));
  set(keys_.entity(other, EntityId{5}), text(world::write_entity(tree)));
  expect_found("lies under the key of entity 5");
}

TEST_F(Inspect, ABodyThatIsGoneOrAnotherPlayersIsFound) {
  make_history();
  world::Entity body = some_entity(world::EntityKind::BODY);
  const std::string owner = fmt::format("player {}: ", raw(body.owner));
  clear(keys_.entity(chunk_of(body.position), body.id));
  expect_found(fmt::format("{}body {} is not there", owner, raw(body.id)));
  body.owner = PlayerId{99};
  put(body);
  expect_found(fmt::format("{}body {} belongs to player 99", owner, raw(body.id)));
  expect_found(fmt::format("body {} is of player 99, who has not this body", raw(body.id)));
}

TEST_F(Inspect, AnActionTwiceOrMissingInTheFrameLogIsFound) {
  make_history();
  world::FrameRecord with_action;
  for (FrameNo no{3}; with_action.frame.inputs.empty(); no = next(no)) {
    const world::FrameRecord record = frame(no);
    if (raw(record.frame.inputs.back().seq) != 0) with_action = record;
  }
  const world::FrameRecord kept = with_action;
  with_action.frame.inputs.push_back(with_action.frame.inputs.back());
  put(with_action);
  expect_found("processed twice or out of order");
  with_action.frame.inputs.clear();
  put(with_action);
  expect_found("some are lost");
  put(kept);
  EXPECT_EQ(findings().count, 0U);
  world::Player record = player(ada_.player);
  const world::Input late{ada_.player, record.last_seq, world::Idle{}};
  set(keys_.input(RegionId{1}, ada_.player, record.last_seq), text(world::write_input(late)));
  expect_found("is queued though processed");
}

TEST_F(Inspect, AGapInTheFramesIsFound) {
  make_history();
  clear(keys_.frame(RegionId{1}, FrameNo{5}));
  expect_found("frame 6 follows frame 4");
  const auto log = rows(keys_.frames(RegionId{1}));
  clear(std::string(log.back().key));
  expect_found("its head says frame");
}

TEST_F(Inspect, DamagedRowsAndForeignOnesAreFound) {
  make_history();
  set(keys_.frame(RegionId{1}, FrameNo{3}), "rubbish");
  expect_found(R"(("town", "frame", 1, 3): )");
  set(store::TuplePacker().text("town").text("poetry").key(), "");
  expect_found(R"(("town", "poetry"): no key of a world)");
  set(keys_.account(Bytes(32, 1)), store::u64_value(77));
  expect_found("account of player 77, who is none");
  clear(keys_.meta(region::META_FORMAT));
  expect_found("it has no format");
}

TEST_F(Inspect, ReplayNamesTheFirstFrameThatComesOutOtherwise) {
  make_history();
  world::FrameRecord record = frame(FrameNo{4});
  const world::FrameRecord kept = record;
  record.frame.seed ^= 1;
  record.frame.inputs.push_back({ada_.player, ActionSeq{0}, world::Move{{9'000, 0, 9'000}, 0}});
  put(record);
  EXPECT_EQ(replayed().difference.value_or("").rfind("frame 4: the world's hash was", 0), 0U);
  record = kept;
  record.effects_digest ^= 1;
  put(record);
  EXPECT_EQ(replayed().difference.value_or("").rfind("frame 4: the digest", 0), 0U);
  put(kept);
  world::Entity tree = some_entity(world::EntityKind::TREE);
  tree.hp -= 1;
  put(tree);
  EXPECT_EQ(replayed().difference.value_or(""),
            key_text(keys_.entity(chunk_of(tree.position), tree.id)) + " is not what replay makes");
}

TEST_F(Inspect, ReplayRefusesAnotherContentPack) {
  make_history();
  world::Content other = content_;
  other.hash ^= 1;
  EXPECT_THROW(run<Replayed>([this, &other] {
                 return replay(*database_, executor_, "town", other,
                               [](const auto&, const auto&, const auto&) {});
               }),
               std::runtime_error);
}

}  // namespace
}  // namespace everframe::inspect
