// Random writes against a model in memory, while commits fail with 1020 and 1021 (done or not) and reads with
// 1007; after each batch every index is computed anew from the rows and compared with what the store has,
// byte for byte. What would break these: an index entry that is left behind, counted twice or missing after a
// retry, a query that differs from the model's answer.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "store/guards.h"
#include "thing.h"
#include "wrapped_api.h"

namespace everframe::store::records {
namespace {

using Key = std::pair<std::uint64_t, std::uint64_t>;
using Stored = std::map<std::string, std::string>;

struct Op {
  enum class Kind { INSERT, UPSERT, ERASE } kind = Kind::INSERT;
  Thing thing;
};

// A table as the schema means it, in a map.
struct Model {
  std::map<Key, Thing> things;
  std::map<std::uint64_t, std::int32_t> hp_max;
  std::optional<std::int32_t> hp_min;
  std::vector<std::pair<ChangeKind, Key>> changes;

  WriteOutcome apply(const Op& op) {
    const Key key{op.thing.region, op.thing.id};
    const bool exists = things.contains(key);
    if (op.kind == Op::Kind::ERASE) {
      if (!exists) return WriteOutcome::ABSENT;
      things.erase(key);
      changes.emplace_back(ChangeKind::ERASED, key);
      return WriteOutcome::DONE;
    }
    if (op.kind == Op::Kind::INSERT && exists) return WriteOutcome::EXISTS;
    for (const auto& [other, thing] : things) {
      if (other == key) continue;
      if (thing.name == op.thing.name || (thing.note && thing.note == op.thing.note))
        return WriteOutcome::TAKEN;
    }
    things[key] = op.thing;
    hp_max[key.first] = hp_max.contains(key.first) ? std::max(hp_max[key.first], op.thing.hp) : op.thing.hp;
    hp_min = hp_min ? std::min(*hp_min, op.thing.hp) : op.thing.hp;
    changes.emplace_back(exists ? ChangeKind::UPDATED : ChangeKind::INSERTED, key);
    return WriteOutcome::DONE;
  }
};

class RecordsProperty : public RecordsTest {
 protected:
  ~RecordsProperty() override { wrapper.calm(); }

  static Op random_op(Prng& prng) {
    Op op;
    op.kind = static_cast<Op::Kind>(prng.below(3));
    op.thing.region = prng.below(2);
    op.thing.id = prng.below(12);
    op.thing.kind = static_cast<std::uint32_t>(prng.below(3));
    op.thing.hp = static_cast<std::int32_t>(prng.between(-5, 5));
    op.thing.name = "n" + std::to_string(prng.below(30));
    if (prng.below(3) == 0) op.thing.note = "o" + std::to_string(prng.below(5));
    op.thing.pos = {static_cast<std::int32_t>(prng.between(-5'000, 5'000)), 0,
                    static_cast<std::int32_t>(prng.between(-5'000, 5'000))};
    op.thing.tags.resize(prng.below(3), 7);
    return op;
  }

  // One transaction; once only, however often it is tried: its mark says that it has been.
  Result<std::vector<WriteOutcome>> apply(const std::vector<Op>& ops, int batch) {
    auto outcomes = std::make_shared<std::vector<WriteOutcome>>();
    return in_transaction<std::vector<WriteOutcome>>(
        *faulty_, [this, &ops, batch, outcomes](Transaction& t) -> Task<Result<std::vector<WriteOutcome>>> {
          const auto first = co_await once(t, home_ + "mark " + std::to_string(batch));
          if (!first) co_return tl::unexpected<Error>(first.error());
          if (!*first) co_return *outcomes;
          outcomes->clear();
          const auto rows = co_await things_.in(t);
          if (!rows) co_return tl::unexpected<Error>(rows.error());
          for (const Op& op : ops) {
            const auto written = co_await write(*rows, op);
            if (!written) co_return tl::unexpected<Error>(written.error());
            outcomes->push_back(written->outcome);
          }
          co_return *outcomes;
        });
  }
  static Task<Result<Written>> write(const ThingRows& rows, const Op& op) {
    if (op.kind == Op::Kind::INSERT) return rows.insert(op.thing);
    if (op.kind == Op::Kind::UPSERT) return rows.upsert(op.thing);
    return rows.erase({op.thing.region, op.thing.id});
  }

  Stored stored(std::string prefix) {
    const auto rows = in_transaction<KeyValues>(
        *database_, [prefix](Transaction& t) { return t.get_range(keys_starting_with(prefix)); });
    Stored out;
    for (const KeyValue& row : rows.value()) out.emplace(row.key, row.value);
    return out;
  }

  // What is wrong with what the store has, compared with the model's records and what they would put into all
  // indexes; empty: nothing.
  std::string difference(const Model& model) {
    const Layout& layout = things_.core().layout();
    Stored rows;
    Stored entries;
    std::map<std::string, std::uint64_t> totals;
    for (const auto& [key, thing] : model.things) {
      const std::string packed = write_key<THINGS>(thing);
      rows.emplace(layout.row(packed), seal({}, write_body<THINGS>(thing))->head);
      const Derived derived = derive<THINGS>(layout, packed, thing);
      for (const Entry& entry : derived.entries) entries.emplace(entry.key, entry.value);
      for (const Amount& amount : derived.amounts) {
        if (amount.kind == IndexKind::COUNT || amount.kind == IndexKind::SUM)
          totals[amount.key] += amount.value;
      }
    }
    if (stored(layout.rows()) != rows) return "the rows differ";
    for (std::size_t i = 0; i < things_.core().shape().description.indexes.size(); ++i) {
      const IndexDescription& index = things_.core().shape().description.indexes[i];
      for (const auto& [key, value] : stored(layout.index(i))) {
        if (index.kind == IndexKind::COUNT || index.kind == IndexKind::SUM) {
          const auto known = totals.find(key);
          const std::uint64_t total = known == totals.end() ? 0 : known->second;
          if (read_u64_value(value) != total) return index.name + " is wrong";
          if (known != totals.end()) totals.erase(known);
        } else if (!is_aggregate(index.kind) && index.kind != IndexKind::FEED) {
          const auto found = entries.find(key);
          if (found == entries.end() || found->second != value) return "a stray entry in " + index.name;
          entries.erase(found);
        }
      }
    }
    if (!entries.empty()) return "an entry is missing";
    const auto is_zero = [](const auto& entry) { return entry.second == 0; };
    return std::all_of(totals.begin(), totals.end(), is_zero) ? "" : "a total is missing";
  }

  // Everything that can be asked of it.
  void expect_answers(const Model& model, Prng& prng) {
    const auto low = static_cast<std::int32_t>(prng.between(-6, 6));
    const auto high = static_cast<std::int32_t>(prng.between(low, 7));
    const auto kind = static_cast<std::uint32_t>(prng.below(3));
    const Box box{low * 1'000, low * 1'000, high * 1'000, high * 1'000};
    ScanOptions options;
    options.reverse = prng.below(2) == 0;
    options.page_rows = 1 + prng.below(5);
    options.prefetch = prng.below(2) == 0;
    const auto checked =
        in_table<bool, THINGS>(*database_, things_, [&](ThingRows rows) -> Task<Result<bool>> {
          auto by_kind = rows.scan(options, eq<&Thing::kind>(kind), between<&Thing::hp>(low, high));
          const auto found = co_await by_kind.rest();
          std::vector<std::pair<std::int32_t, Key>> expected;
          for (const auto& [key, thing] : model.things) {
            if (thing.kind == kind && thing.hp >= low && thing.hp < high)
              expected.emplace_back(thing.hp, key);
          }
          std::sort(expected.begin(), expected.end());
          if (options.reverse) std::reverse(expected.begin(), expected.end());
          RC_ASSERT(found.value().size() == expected.size());
          for (std::size_t i = 0; i < expected.size(); ++i) {
            RC_ASSERT((*found)[i] == model.things.at(expected[i].second));
          }
          const auto inside = co_await rows.within<"pos">(box);
          const auto in_box = [&](const auto& entry) { return box.contains(entry.second.pos); };
          RC_ASSERT(inside.value().size() == static_cast<std::size_t>(std::count_if(
                                                 model.things.begin(), model.things.end(), in_box)));
          const std::string name = "n" + std::to_string(prng.below(30));
          const auto named = co_await rows.get_by<"name">(name);
          const auto has_name = [&](const auto& entry) { return entry.second.name == name; };
          RC_ASSERT(named.value().has_value() ==
                    std::any_of(model.things.begin(), model.things.end(), has_name));
          RC_ASSERT((co_await rows.total<"all">()).value() == static_cast<std::int64_t>(model.things.size()));
          RC_ASSERT((co_await rows.ever<"hp_min">()).value() == model.hp_min);
          for (const std::uint64_t region : {0, 1}) {
            const auto most = co_await rows.ever<"hp_max">(region);
            const auto known = model.hp_max.find(region);
            RC_ASSERT(most.value() == (known == model.hp_max.end() ? std::optional<std::int32_t>()
                                                                   : std::optional(known->second)));
          }
          co_return true;
        });
    RC_ASSERT(checked.has_value());
  }

  // The feeds of both regions tell all changes, in order.
  void expect_feeds(const Model& model) {
    for (const std::uint64_t region : {0, 1}) {
      using Changes = std::vector<RecordChange<THINGS>>;
      const auto told = in_table<Changes, THINGS>(*database_, things_, [region](ThingRows rows) {
        return rows.changes<"changes">(std::nullopt, 0, region);
      });
      std::vector<std::pair<ChangeKind, Key>> expected;
      for (const auto& change : model.changes) {
        if (change.second.first == region) expected.push_back(change);
      }
      RC_ASSERT(told.value().size() == expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        RC_ASSERT((*told)[i].kind == expected[i].first);
        RC_ASSERT((*told)[i].key == KeyOf<THINGS>(expected[i].second.first, expected[i].second.second));
        if (i > 0) RC_ASSERT((*told)[i - 1].at < (*told)[i].at);  // RC_ASSERT evaluates both sides of ||
      }
    }
  }

  void clear_all() {
    ASSERT_TRUE(in_transaction<bool>(*database_, [this](Transaction& t) -> Task<Result<bool>> {
                  t.clear(keys_starting_with(home_));
                  t.bump_metadata_version();
                  co_return true;
                }).has_value());
    prepare(things_);
  }

  std::unique_ptr<Database> faulty_ = open(wrapped::api());
};

RC_GTEST_FIXTURE_PROP(RecordsProperty, IndexesAgreeWithTheirRecordsWhateverFails, (std::uint64_t seed)) {
  clear_all();
  Prng prng(seed);
  wrapper.prng = Prng(seed);
  wrapper.commit_faults_percent = 20;
  wrapper.read_faults_percent = 1;
  Model model;
  for (int batch = 0; batch < 15; ++batch) {
    std::vector<Op> ops(1 + prng.below(4));
    for (Op& op : ops) op = random_op(prng);
    const auto outcomes = apply(ops, batch);
    RC_ASSERT(outcomes.has_value());
    RC_ASSERT(outcomes->size() == ops.size());
    for (std::size_t i = 0; i < ops.size(); ++i) RC_ASSERT((*outcomes)[i] == model.apply(ops[i]));
    RC_ASSERT(difference(model) == "");
    expect_answers(model, prng);
  }
  expect_feeds(model);
}

// The negative control: of single operations, one call is lost on its way to the engine.
TEST_F(RecordsProperty, TheComparisonNoticesALostCall) {
  const auto noticed = [this](int Calls::*losing, int lose_in) {
    clear_all();
    wrapper.lose_in = lose_in;
    wrapper.losing = losing;
    Prng prng(9);
    Model model;
    for (int batch = 0; batch < 500 && wrapper.lose_in > 0; ++batch) {
      const std::vector<Op> one{random_op(prng)};
      EXPECT_TRUE(apply(one, batch).has_value());
      model.apply(one[0]);
    }
    wrapper.calm();
    EXPECT_LE(wrapper.lose_in, 0) << "nothing was lost";
    return difference(model) != "";
  };
  constexpr int TRIES = 20;
  int sets = 0;
  int clears = 0;
  int atomics = 0;
  for (int i = 1; i <= TRIES; ++i) {
    sets += noticed(&Calls::sets, i) ? 1 : 0;
    clears += noticed(&Calls::clears, i) ? 1 : 0;
    atomics += noticed(&Calls::atomics, i) ? 1 : 0;
  }
  EXPECT_EQ(clears, TRIES);
  EXPECT_GT(sets, TRIES / 2) << "all but the marks";
  EXPECT_GT(atomics, TRIES / 4) << "all but feeds, extremes that are none, and the clearing of zeros";
}

}  // namespace
}  // namespace everframe::store::records
