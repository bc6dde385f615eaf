// For tests of records: a table with an index of each kind, and ways to use it on the embedded engine, in
// memory.
#pragma once
#include "loop.h"
#include "store/records/table.h"

namespace everframe::store::records {

enum class Mood : std::uint8_t { CALM = 0, ANGRY = 1 };

struct Thing {
  std::uint64_t region = 0;
  std::uint64_t id = 0;
  std::uint32_t kind = 0;
  std::string name;
  Vec3 pos;
  std::int32_t hp = 100;
  std::optional<std::string> note;
  std::vector<std::uint32_t> tags;
  Mood mood = Mood::CALM;
  bool operator==(const Thing&) const = default;
};

inline constexpr std::int32_t CELL_MM = 1'000;

struct ByTag {
  using Key = std::tuple<std::uint32_t, std::uint32_t>;  // tag, kind
  static constexpr std::uint64_t VERSION = 1;
  static std::vector<Key> entries(const Thing& thing) {
    std::vector<Key> out;
    for (const std::uint32_t tag : thing.tags) out.emplace_back(tag, thing.kind);
    return out;
  }
};

inline constexpr auto THINGS =
    schema<Thing>("thing", 1, field<1>(&Thing::region), field<2>(&Thing::id), field<3>(&Thing::kind),
                  field<4>(&Thing::name), field<5>(&Thing::pos), field<6>(&Thing::hp), field<7>(&Thing::note),
                  field<8>(&Thing::tags), field<9>(&Thing::mood), primary_key(&Thing::region, &Thing::id),
                  index<"kind">(&Thing::kind, &Thing::hp).covering(&Thing::name), index<"hp">(&Thing::hp),
                  unique<"name">(&Thing::name), unique<"note">(&Thing::note),
                  spatial<"pos", CELL_MM>(&Thing::pos), count<"of_kind">(&Thing::kind), count<"all">(),
                  sum<"hp_of_kind">(&Thing::hp, &Thing::kind), max_ever<"hp_max">(&Thing::hp, &Thing::region),
                  min_ever<"hp_min">(&Thing::hp), custom<"tag", ByTag>(), feed<"changes">(&Thing::region));

using ThingRows = Rows<THINGS>;

// Without an index: may be written blindly.
struct Pose {
  std::uint64_t id = 0;
  Vec3 at;
};
inline constexpr auto POSES =
    schema<Pose>("pose", 1, field<1>(&Pose::id), field<2>(&Pose::at), primary_key(&Pose::id));

inline Thing some_thing(std::uint64_t region, std::uint64_t id) {
  Thing thing;
  thing.region = region;
  thing.id = id;
  thing.kind = static_cast<std::uint32_t>(id % 3);
  thing.name = "thing " + std::to_string(region) + "/" + std::to_string(id);
  thing.pos = {static_cast<std::int32_t>(id) * 700, 0, static_cast<std::int32_t>(region) * 900};
  thing.hp = static_cast<std::int32_t>(id % 7) - 3;
  return thing;
}

class RecordsTest : public StoreTest {
 protected:
  RecordsTest() : StoreTest(Ground::SANDBOX), things_(Subspace(home_ + "w")) { prepare(things_); }

  template <class T>
  Result<void> try_prepare(const T& table) {
    return run<Result<void>>([&]() -> Task<Result<void>> { return table.prepare(*database_, executor_); });
  }
  template <class T>
  void prepare(const T& table) {
    const auto prepared = try_prepare(table);
    ASSERT_TRUE(prepared.has_value()) << prepared.error().text;
  }

  // Runs `body` in a transaction of `database` until it is committed.
  template <class T>
  Result<T> in_transaction(Database& database, Function<Task<Result<T>>(Transaction&)> body) {
    return run<Result<T>>([&]() -> Task<Result<T>> { return database.run<T>(executor_, std::move(body)); });
  }
  template <class T, const auto& SCHEMA = THINGS>
  Result<T> in_table(Database& database, const Table<SCHEMA>& table,
                     Function<Task<Result<T>>(Rows<SCHEMA>)> body) {
    auto shared = std::make_shared<Function<Task<Result<T>>(Rows<SCHEMA>)>>(std::move(body));
    return in_transaction<T>(database, [&table, shared](Transaction& t) -> Task<Result<T>> {
      auto rows = co_await table.in(t);
      if (!rows) co_return tl::unexpected<Error>(rows.error());
      co_return co_await (*shared)(*rows);
    });
  }
  template <class T>
  Result<T> in_rows(Function<Task<Result<T>>(ThingRows)> body) {
    return in_table<T, THINGS>(*database_, things_, std::move(body));
  }

  Table<THINGS> things_;
};

}  // namespace everframe::store::records
