// Directories over the embedded engine, in memory. What would break these: a byte of the layout that other
// languages' bindings would not find, a prefix given twice, a directory that is reachable by two paths or by
// none.
#include "store/directory.h"

#include <map>
#include <set>

#include "base/started.h"
#include "loop.h"

namespace everframe::store {
namespace {

using namespace std::string_literals;

class DirectoryTest : public StoreTest {
 protected:
  DirectoryTest() : StoreTest(Ground::SANDBOX) {}

  template <class T>
  using Body = Function<Task<Result<T>>(Transaction&)>;

  template <class T>
  Result<T> in_transaction(Body<T> body) {
    return run<Result<T>>([this, body = std::make_shared<Body<T>>(std::move(body))]() -> Task<Result<T>> {
      Function<Task<Result<T>>(Transaction&)> again = [body](Transaction& t) { return (*body)(t); };
      co_return co_await database_->run<T>(executor_, std::move(again));
    });
  }
  Result<Directory> create(DirectoryPath path, std::string layer = {},
                           std::optional<std::string> prefix = {}) {
    return in_transaction<Directory>(
        [=, this](Transaction& t) { return directories_.create(t, path, layer, prefix); });
  }
  Result<Directory> open(DirectoryPath path, std::string layer = {}) {
    return in_transaction<Directory>([=, this](Transaction& t) { return directories_.open(t, path, layer); });
  }
  Result<Directory> move(DirectoryPath from, DirectoryPath to) {
    return in_transaction<Directory>([=, this](Transaction& t) { return directories_.move(t, from, to); });
  }
  Result<bool> remove(DirectoryPath path) {
    return in_transaction<bool>([=, this](Transaction& t) { return directories_.remove_if_exists(t, path); });
  }
  bool exists(DirectoryPath path) {
    return in_transaction<bool>([=, this](Transaction& t) { return directories_.exists(t, path); }).value();
  }
  std::vector<std::string> list(DirectoryPath path) {
    using Names = std::vector<std::string>;
    return in_transaction<Names>([=, this](Transaction& t) { return directories_.list(t, path); }).value();
  }
  void write(std::string key) {
    const auto written = in_transaction<bool>([=](Transaction& t) -> Task<Result<bool>> {
      t.set(key, "v");
      co_return true;
    });
    ASSERT_TRUE(written.has_value());
  }
  std::map<std::string, std::string> everything() {
    const auto rows =
        in_transaction<KeyValues>([this](Transaction& t) { return t.get_range(keys_starting_with(home_)); });
    std::map<std::string, std::string> out;
    for (const KeyValue& row : rows.value()) out.emplace(row.key, row.value);
    return out;
  }

  // The keys of the node of the directory with this prefix begin so (neither has a 00 in it).
  std::string node(const std::string& prefix) const { return nodes_ + "\x01" + prefix + "\x00"s; }

  Directories directories_{7, sandbox_directories(true)};
  const std::string nodes_ = home_ + "\xfe";
  const std::string root_ = node(nodes_);
};

TEST_F(DirectoryTest, LieInFoundationDbsLayoutBitForBit) {
  ASSERT_TRUE(create({"worlds", "one"}, "everframe", home_ + "\x01one").has_value());
  auto rows = everything();
  // The parent got an allocated prefix: the one that the root names.
  const std::string parent_entry = root_ + "\x14\x02worlds\x00"s;
  ASSERT_TRUE(rows.contains(parent_entry));
  const std::string parent = rows[parent_entry];
  ASSERT_EQ(parent.size(), home_.size() + 2);
  EXPECT_EQ(parent[home_.size()], '\x15') << "a small integer: the first window has 64 candidates";
  const std::string child = node(home_ + "\x01one");
  std::map<std::string, std::string> expected{
      {root_ + "\x01version\x00"s, "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"s},
      {parent_entry, parent},
      {node(parent) + "\x01layer\x00"s, ""},
      {node(parent) + "\x14\x02one\x00"s, home_ + "\x01one"},
      {child + "\x01layer\x00"s, "everframe"},
      {root_ + "\x01hca\x00\x14\x14"s, "\x01\x00\x00\x00\x00\x00\x00\x00"s},
      {root_ + "\x01hca\x00\x15\x01"s + parent.substr(home_.size()), ""},
  };
  EXPECT_EQ(rows, expected);
}

TEST_F(DirectoryTest, AreFoundByTheirPathAndLayerUntilTheyAreMovedOrRemoved) {
  const auto made = create({"a", "b"}, "layer");
  ASSERT_TRUE(made.has_value()) << made.error().text;
  EXPECT_FALSE(create({"a", "b"}).has_value());
  EXPECT_FALSE(open({"a", "b"}, "other").has_value());
  EXPECT_FALSE(open({"a", "c"}).has_value());
  EXPECT_FALSE(open({}).has_value());
  const auto opened = open({"a", "b"}, "layer");
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->contents(), made->contents());
  EXPECT_EQ(opened->path(), (DirectoryPath{"a", "b"}));

  EXPECT_FALSE(move({"a"}, {"a", "b", "c"}).has_value()) << "into itself";
  EXPECT_FALSE(move({"a", "b"}, {"x", "y"}).has_value()) << "no parent";
  EXPECT_FALSE(move({"a", "b"}, {"a"}).has_value()) << "there is one";
  const auto moved = move({"a", "b"}, {"c"});
  ASSERT_TRUE(moved.has_value()) << moved.error().text;
  EXPECT_EQ(moved->contents(), made->contents());
  EXPECT_EQ(moved->layer(), "layer");
  EXPECT_FALSE(exists({"a", "b"}));
  EXPECT_EQ(list({}), (std::vector<std::string>{"a", "c"}));

  ASSERT_TRUE(create({"c", "inner"}).has_value());
  write(made->contents().pack({"row"s}));
  EXPECT_EQ(remove({"c"}).value(), true);
  EXPECT_EQ(remove({"c"}).value(), false);
  EXPECT_EQ(remove({"a"}).value(), true);
  for (const auto& [key, value] : everything()) {
    EXPECT_TRUE(key.starts_with(root_ + "\x01")) << "left behind: version and allocator only";
  }
}

TEST_F(DirectoryTest, PartitionsKeepTheirDirectoriesBeneathTheirPrefix) {
  ASSERT_TRUE(create({"p"}, std::string(PARTITION_LAYER)).has_value());
  const auto inner = create({"p", "a", "b"}, "l");
  ASSERT_TRUE(inner.has_value()) << inner.error().text;
  const auto partition = open({"p"});
  ASSERT_TRUE(partition.has_value());
  EXPECT_TRUE(partition->is_partition());
  EXPECT_THROW(partition->contents(), AssertionFailure);
  EXPECT_EQ(list({"p"}), (std::vector<std::string>{"a"}));
  EXPECT_EQ(list({"p", "a"}), (std::vector<std::string>{"b"}));
  EXPECT_TRUE(exists({"p", "a", "b"}));
  EXPECT_EQ(open({"p", "a", "b"}, "l")->path(), (DirectoryPath{"p", "a", "b"}));
  EXPECT_FALSE(create({"p", "c"}, "", home_ + "\x01prefix").has_value())
      << "no prefixes by hand in a partition";
  ASSERT_TRUE(create({"outside"}).has_value());
  EXPECT_FALSE(move({"p", "a"}, {"a"}).has_value());
  EXPECT_FALSE(move({"outside"}, {"p", "o"}).has_value());
  const auto renamed = move({"p", "a"}, {"p", "z"});
  ASSERT_TRUE(renamed.has_value()) << renamed.error().text;
  EXPECT_EQ(renamed->path(), (DirectoryPath{"p", "z"}));
  ASSERT_TRUE(move({"p"}, {"q"}).has_value());
  EXPECT_EQ(open({"q", "z", "b"})->contents(), inner->contents());
  EXPECT_EQ(remove({"q", "z"}).value(), true);
  EXPECT_EQ(remove({"q"}).value(), true);
  EXPECT_EQ(list({}), (std::vector<std::string>{"outside"}));
}

TEST_F(DirectoryTest, APrefixIsRefusedThatMeetsAnother) {
  ASSERT_TRUE(create({"a"}, "", home_ + "\x01xy").has_value());
  EXPECT_FALSE(create({"b"}, "", home_ + "\x01xy").has_value());
  EXPECT_FALSE(create({"b"}, "", home_ + "\x01x").has_value()) << "holds it";
  EXPECT_FALSE(create({"b"}, "", home_ + "\x01xyz").has_value()) << "lies in it";
  EXPECT_FALSE(create({"b"}, "", ""s).has_value());
  EXPECT_FALSE(create({"b"}, "", nodes_ + "\x01").has_value()) << "lies among the nodes";
  EXPECT_TRUE(create({"b"}, "", home_ + "\x01xz").has_value());
  Directories strict(8, sandbox_directories());
  const auto refused =
      in_transaction<Directory>([&](Transaction& t) { return strict.create(t, {"c"}, "", home_ + "\x01w"); });
  EXPECT_FALSE(refused.has_value());
}

TEST_F(DirectoryTest, ANewerVersionIsRefused) {
  ASSERT_TRUE(create({"a"}).has_value());
  const std::string key = root_ + "\x01version\x00"s;
  const auto set_version = [&](std::string value) {
    ASSERT_TRUE(in_transaction<bool>([key, value](Transaction& t) -> Task<Result<bool>> {
                  t.set(key, value);
                  co_return true;
                }).has_value());
  };
  set_version("\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"s);
  EXPECT_TRUE(open({"a"}).has_value()) << "a newer minor version is read only";
  EXPECT_FALSE(create({"b"}).has_value());
  set_version("\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"s);
  EXPECT_FALSE(open({"a"}).has_value());
  set_version("\x01"s);
  EXPECT_FALSE(open({"a"}).has_value());
}

// Many transactions at once, and several allocations in one.
TEST_F(DirectoryTest, TheAllocatorGivesEachPrefixOnceAndKeepsThemShort) {
  constexpr int TRANSACTIONS = 60;
  constexpr int EACH = 5;
  std::vector<std::future<Result<bool>>> running;
  auto prefixes = std::make_shared<std::map<int, std::vector<std::string>>>();
  for (int i = 0; i < TRANSACTIONS; ++i) {
    running.push_back(start<Result<bool>>([this, i, prefixes]() -> Task<Result<bool>> {
      Function<Task<Result<bool>>(Transaction&)> body = [this, i,
                                                         prefixes](Transaction& t) -> Task<Result<bool>> {
        std::vector<Task<Result<Directory>>> creations;
        for (int k = 0; k < EACH; ++k) {
          creations.push_back(directories_.create(t, {std::to_string(i) + "-" + std::to_string(k)}));
        }
        (*prefixes)[i].clear();
        const auto made = co_await when_all(std::move(creations));
        for (const auto& directory : made) {
          if (!directory) co_return tl::unexpected<Error>(directory.error());
          (*prefixes)[i].push_back(directory->contents().key());
        }
        co_return true;
      };
      co_return co_await database_->run<bool>(executor_, std::move(body));
    }));
  }
  for (auto& one : running) {
    const auto made = finish(std::move(one));
    ASSERT_TRUE(made.has_value()) << made.error().text;
  }
  std::set<std::string> all;
  for (const auto& [i, of_one] : *prefixes) {
    for (const std::string& prefix : of_one) {
      EXPECT_TRUE(all.insert(prefix).second) << "given twice";
      EXPECT_LE(prefix.size(), home_.size() + 3);
    }
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(TRANSACTIONS * EACH));
  EXPECT_EQ(list({}).size(), all.size());
}

TEST_F(DirectoryTest, ACacheGivesWhatWasOpenedUntilDirectoriesChange) {
  ASSERT_TRUE(create({"a"}, "l").has_value());
  DirectoryCache cache(directories_);
  const auto cached = [&](DirectoryPath path, std::string layer = {}) {
    return in_transaction<Directory>([=, &cache](Transaction& t) { return cache.open(t, path, layer); });
  };
  const auto first = cached({"a"}, "l");
  ASSERT_TRUE(first.has_value());
  // Behind the cache's back, and without a word: it does not look.
  const std::string entry = root_ + "\x14\x02" + "a\x00"s;
  ASSERT_TRUE(in_transaction<bool>([entry](Transaction& t) -> Task<Result<bool>> {
                t.clear(entry);
                co_return true;
              }).has_value());
  EXPECT_EQ(cached({"a"})->contents(), first->contents());
  EXPECT_FALSE(cached({"a"}, "other").has_value());
  // Any change of the directories makes it look again.
  ASSERT_TRUE(create({"b"}).has_value());
  EXPECT_FALSE(cached({"a"}).has_value());
  // Its own transaction's changes are seen, and not kept for others.
  const auto aborted = in_transaction<Directory>([&](Transaction& t) -> Task<Result<Directory>> {
    const DirectoryPath path{"c"};
    if (const auto made = co_await directories_.create(t, path); !made) co_return made;
    const auto seen = co_await cache.open(t, path);
    EXPECT_TRUE(seen.has_value());
    co_return fail("not committed");
  });
  EXPECT_FALSE(aborted.has_value());
  EXPECT_FALSE(cached({"c"}).has_value());
}

}  // namespace
}  // namespace everframe::store
