// Worlds as directories. What would break these: two worlds that share a key, a world that loses its records
// with its name.
#include "store/records/worlds.h"

#include "thing.h"

namespace everframe::store::records {
namespace {

TEST_F(RecordsTest, WorldsKeepTheirTablesApartAndThroughARename) {
  Directories directories(3, sandbox_directories());
  Worlds worlds(directories);
  const auto create = [&](std::string name) {
    return in_transaction<Subspace>(*database_, [&, name](Transaction& t) { return worlds.create(t, name); });
  };
  const auto open = [&](std::string name) {
    return in_transaction<Subspace>(*database_, [&, name](Transaction& t) { return worlds.open(t, name); });
  };
  EXPECT_TRUE(
      in_transaction<std::vector<std::string>>(*database_, [&](Transaction& t) { return worlds.list(t); })
          .value()
          .empty());
  const auto north = create("north");
  const auto south = create("south");
  ASSERT_TRUE(north.has_value() && south.has_value());
  EXPECT_FALSE(create("north").has_value());
  EXPECT_LE(north->key().size(), home_.size() + 3) << "a short prefix";
  const Table<THINGS> in_north(*north);
  const Table<THINGS> in_south(*south);
  prepare(in_north);
  prepare(in_south);
  ASSERT_TRUE((in_table<bool, THINGS>(*database_, in_north, [](ThingRows rows) -> Task<Result<bool>> {
                co_return (co_await rows.insert(some_thing(1, 1))).has_value();
              })).has_value());
  const auto count_in = [&](const Table<THINGS>& table) {
    return in_table<std::int64_t, THINGS>(*database_, table,
                                          [](ThingRows rows) { return rows.total<"all">(); })
        .value();
  };
  EXPECT_EQ(count_in(in_north), 1);
  EXPECT_EQ(count_in(in_south), 0);
  ASSERT_TRUE(in_transaction<bool>(*database_, [&](Transaction& t) -> Task<Result<bool>> {
                const auto renamed = co_await worlds.rename(t, "north", "far north");
                if (!renamed) co_return tl::unexpected<Error>(renamed.error());
                co_return true;
              }).has_value());
  EXPECT_FALSE(open("north").has_value());
  EXPECT_EQ(open("far north").value(), *north);
  EXPECT_EQ(count_in(in_north), 1);
  EXPECT_TRUE(in_transaction<bool>(*database_, [&](Transaction& t) {
                return worlds.remove_if_exists(t, "far north");
              }).value());
  EXPECT_EQ(
      in_transaction<std::vector<std::string>>(*database_, [&](Transaction& t) { return worlds.list(t); })
          .value(),
      (std::vector<std::string>{"south"}));
  EXPECT_TRUE(in_transaction<KeyValues>(
                  *database_, [&](Transaction& t) { return t.get_range(keys_starting_with(north->key())); })
                  .value()
                  .empty());
}

}  // namespace
}  // namespace everframe::store::records
