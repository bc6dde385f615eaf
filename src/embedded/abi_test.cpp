// The rest of FoundationDB's C API against its documentation and the behaviour of its client: options,
// futures' memory, questions about the database's shape, mapped ranges, special keys. What would break these:
// a code that differs from FoundationDB's, or an option that is taken and not obeyed.
#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "embedded/error_texts.h"
#include "embedded/network.h"
#include "embedded/options.h"
#include "embedded/table_client.h"

namespace everframe::embedded {
namespace {

using AbiTest = MemoryDatabaseTest;
using Rows_ = std::vector<Row>;

std::string int64_bytes(std::int64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}
fdb_error_t set_option(TestTransaction& t, int code, std::string_view value) {
  return api().transaction_set_option(t.get(), code, raw_bytes(value), static_cast<int>(value.size()));
}
fdb_error_t set_option(const TestDatabase& database, int code, std::string_view value) {
  return api().database_set_option(database.get(), code, raw_bytes(value), static_cast<int>(value.size()));
}

TEST(AbiTableTest, EveryFunctionOfTheListIsThere) {
  int count = 0;
#define IS_THERE(result, name, parameters, arguments) \
  EXPECT_NE(api().name, nullptr) << #name;            \
  ++count;
  EVERFRAME_FDB_FUNCTIONS_710(IS_THERE)
  EVERFRAME_FDB_FUNCTIONS_730(IS_THERE)
#undef IS_THERE
  EXPECT_EQ(count, 62);
}

TEST(AbiTableTest, ErrorTextsAreInOrderAndComplete) {
  fdb_error_t before = -1;
  for (const auto& entry : error::texts()) {
    EXPECT_LT(before, entry.code);
    before = entry.code;
  }
  EXPECT_STREQ(api().get_error(1020), "Transaction not committed due to conflict with another transaction");
  EXPECT_STREQ(api().get_error(0), "Success");
  EXPECT_STREQ(api().get_error(29999), "UNKNOWN_ERROR");
}

TEST(AbiTableTest, OptionTablesAreInOrder) {
  for (const auto rules : {network_options(), database_options(), transaction_options()}) {
    int before = -1;
    for (const OptionRule& rule : rules) {
      EXPECT_LT(before, rule.code);
      before = rule.code;
      EXPECT_EQ(find_option(rules, rule.code), &rule);
      if (rule.default_for >= 0) {
        EXPECT_NE(find_option(transaction_options(), rule.default_for), nullptr);
      }
    }
  }
}

TEST(NetworkTest, KeepsFoundationDbsOrderAndRunsItsHooks) {
  Network network;
  EXPECT_EQ(network.set_up(), error::API_VERSION_UNSET);
  EXPECT_EQ(network.set_option(31, int64_bytes(1)), error::API_VERSION_UNSET);
  EXPECT_EQ(network.select(731, 730), error::API_VERSION_INVALID);
  EXPECT_EQ(network.select(700, 730), error::API_VERSION_NOT_SUPPORTED);
  EXPECT_EQ(network.select(730, 740), error::API_VERSION_NOT_SUPPORTED);
  EXPECT_EQ(network.select(730, 730), 0);
  EXPECT_EQ(network.select(710, 730), error::API_VERSION_ALREADY_SET);
  int ran = 0;
  const auto hook = [](void* parameter) { ++*static_cast<int*>(parameter); };
  EXPECT_EQ(network.add_completion_hook(hook, &ran), error::NETWORK_NOT_SETUP);
  EXPECT_EQ(network.run(), error::NETWORK_NOT_SETUP);
  EXPECT_EQ(network.set_up(), 0);
  EXPECT_EQ(network.set_up(), error::NETWORK_ALREADY_SETUP);
  EXPECT_EQ(network.add_completion_hook(hook, &ran), 0);
  EXPECT_EQ(network.stop(), 0);
  EXPECT_EQ(network.run(), 0);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(network.run(), error::NETWORK_CANNOT_BE_RESTARTED);
}

TEST(NetworkTest, ChecksItsOptions) {
  Network network;
  ASSERT_EQ(network.select(730, 730), 0);
  EXPECT_EQ(network.set_option(12345, std::nullopt), error::INVALID_OPTION);
  EXPECT_EQ(network.set_option(31, int64_bytes(1 << 20)), 0);
  EXPECT_EQ(network.set_option(31, int64_bytes(-1)), error::INVALID_OPTION_VALUE);
  EXPECT_EQ(network.set_option(31, std::string_view("four")), error::INVALID_OPTION_VALUE);
  EXPECT_EQ(network.set_option(34, std::string_view("json")), 0);
  EXPECT_EQ(network.set_option(34, std::string_view("toml")), error::INVALID_OPTION_VALUE);
  EXPECT_EQ(network.set_option(40, std::string_view("no_value")), error::INVALID_OPTION_VALUE);
  EXPECT_FALSE(network.is_client_bypass_disabled());
  EXPECT_EQ(network.set_option(72, std::nullopt), 0);
  EXPECT_TRUE(network.is_client_bypass_disabled());
}

TEST_F(AbiTest, ReleasedMemoryIsCountedAgainstReads) {
  put({{"a", "1"}});
  auto t = begin();
  const TestFuture future(api().transaction_get(t.get(), raw_bytes("a"), 1, 0));
  fdb_bool_t present = 0;
  FdbBytes value = nullptr;
  int length = 0;
  const auto read = [&] { return api().future_get_value(future.get(), &present, &value, &length); };
  EXPECT_EQ(read(), 0);
  EXPECT_EQ(read(), 0);
  api().future_release_memory(future.get());
  EXPECT_EQ(read(), 0);
  api().future_release_memory(future.get());
  api().future_release_memory(future.get());
  EXPECT_EQ(read(), error::FUTURE_RELEASED);
}

TEST_F(AbiTest, AFutureRefusesToBeReadAsWhatItIsNot) {
  auto t = begin();
  const TestFuture version(api().transaction_get_read_version(t.get()));
  std::uint64_t out = 0;
  EXPECT_EQ(api().future_get_uint64(version.get(), &out), error::CLIENT_INVALID_OPERATION);
  const TestFuture size(api().transaction_get_approximate_size(t.get()));
  const FDBKey* keys = nullptr;
  int count = 0;
  EXPECT_EQ(api().future_get_key_array(size.get(), &keys, &count), error::CLIENT_INVALID_OPERATION);
}

TEST_F(AbiTest, TransactionOptionsAreCheckedAndObeyed) {
  auto t = begin();
  EXPECT_EQ(t.option(12345), error::INVALID_OPTION);
  EXPECT_EQ(set_option(t, 900, std::string(33, 's')), 0);
  EXPECT_EQ(set_option(t, 900, "short"), 0) << "told of with the next future";
  EXPECT_EQ(t.read("a").code, error::INVALID_OPTION_VALUE);
  auto logged = begin();
  EXPECT_EQ(logged.option(404), 0);
  EXPECT_EQ(logged.commit(), error::CLIENT_INVALID_OPERATION) << "an identifier comes first";
  auto read_only = begin();
  EXPECT_EQ(read_only.option(702), 0);
  read_only.set("a", "1");
  EXPECT_EQ(read_only.commit(), error::TRANSACTION_READ_ONLY);
  auto lock_aware = begin();
  lock_aware.option(702);
  lock_aware.option(700);
  lock_aware.set("a", "1");
  EXPECT_EQ(lock_aware.commit(), 0);
  auto tagged = begin();
  for (const char* tag : {"1", "2", "3", "4", "5"}) set_option(tagged, 800, tag);
  EXPECT_EQ(tagged.read("a").code, 0);
  set_option(tagged, 800, "6");
  EXPECT_EQ(tagged.read("a").code, error::TOO_MANY_TAGS);
  auto cached = begin();
  cached.option(1101);
  EXPECT_EQ(cached.read("a").code, error::INVALID_OPTION) << "needs network option 72";
}

TEST_F(AbiTest, ADatabasesDefaultsReachItsTransactions) {
  EXPECT_EQ(set_option(*database_, 12345, ""), error::INVALID_OPTION);
  EXPECT_EQ(set_option(*database_, 503, int64_bytes(31)), error::INVALID_OPTION_VALUE);
  EXPECT_EQ(set_option(*database_, 503, int64_bytes(100)), 0);
  auto t = begin();
  t.set("a", std::string(100, 'v'));
  EXPECT_EQ(t.commit(), error::TRANSACTION_TOO_LARGE);
  t.reset();
  t.option(503, 1000);
  t.set("a", std::string(100, 'v'));
  EXPECT_EQ(t.commit(), 0);
  EXPECT_EQ(set_option(*database_, 501, int64_bytes(0)), 0);
  auto once = begin();
  EXPECT_EQ(once.on_error(1020), 1020);
  EXPECT_EQ(once.read("a").code, error::TRANSACTION_CANCELLED);
  EXPECT_EQ(set_option(*database_, 500, int64_bytes(1)), 0);
  auto late = begin();
  clock_.move(2ms);
  EXPECT_EQ(late.versionstamp().wait(), error::TRANSACTION_TIMED_OUT);
  EXPECT_EQ(late.on_error(1020), error::TRANSACTION_TIMED_OUT);
  EXPECT_EQ(set_option(*database_, 27, ""), 0);  // snapshot_ryw_disable
  EXPECT_EQ(set_option(*database_, 500, int64_bytes(0)), 0);
  auto blind = begin();
  blind.set("a", "mine");
  EXPECT_NE(*blind.read("a", true), "mine");
}

TEST_F(AbiTest, OfTimeoutsTheLastOneCountsAndZeroIsNone) {
  auto t = begin();
  t.option(500, 20);
  t.option(500, 0);
  auto longer = begin();
  longer.option(500, 20);
  longer.option(500, 100'000);
  clock_.move(1s);
  put({{"a", "1"}});  // wakes the timers' thread
  EXPECT_EQ(*t.read("a"), "1");
  EXPECT_EQ(*longer.read("a"), "1");
  clock_.move(100s);
  put({{"a", "2"}});
  EXPECT_EQ(longer.on_error(error::NOT_COMMITTED), error::TRANSACTION_TIMED_OUT);
  longer.option(500, 0);
  EXPECT_EQ(longer.read("a").code, error::TRANSACTION_TIMED_OUT) << "what has fired stays so";
}

TEST_F(AbiTest, AHandleHasItsOwnLimitOfWatches) {
  EXPECT_EQ(set_option(*database_, 20, int64_bytes(2)), 0);
  auto t = begin();
  const auto first = t.watch("a");
  auto second = std::make_unique<TestFuture>(t.watch("b"));
  EXPECT_FALSE(first.ready());
  EXPECT_EQ(t.watch("c").wait(), error::TOO_MANY_WATCHES);
  second.reset();  // cancelled: it no longer counts
  EXPECT_FALSE(t.watch("c").ready());
}

TEST_F(AbiTest, UseAfterCancelAndDuringCommitGivesFoundationDbsCodes) {
  auto t = begin();
  t.cancel();
  EXPECT_EQ(t.read("a").code, error::TRANSACTION_CANCELLED);
  const TestFuture size(api().transaction_get_approximate_size(t.get()));
  EXPECT_EQ(size.wait(), 0) << "it answers all the same";
  auto done = begin();
  const auto version = *done.read_version();
  done.set("a", "1");
  ASSERT_EQ(done.commit(), 0);
  EXPECT_EQ(*done.read_version(), version) << "a commit does not reset";
  EXPECT_EQ(done.read("a").code, error::USED_DURING_COMMIT);
  auto set_late = begin();
  EXPECT_EQ(set_late.read("a").code, 0);
  api().transaction_set_read_version(set_late.get(), 1);
  EXPECT_EQ(set_late.read("a").code, error::READ_VERSION_ALREADY_SET);
  auto own = begin();
  own.set("a", "mine");
  EXPECT_EQ(*own.read("a"), "mine");
  api().transaction_set_read_version(own.get(), version);
  EXPECT_EQ(own.read("b").code, 0) << "reading an own write takes no read version";
  auto old = begin();
  api().transaction_set_read_version(old.get(), 1);
  old.set("a", "2");
  EXPECT_EQ(old.commit(), error::TRANSACTION_TOO_OLD) << "a blind write has an age, too";
}

// FoundationDB's bindings hand one transaction to many threads. A call that is not alone with it would lose
// rows, or worse.
TEST_F(AbiTest, SeveralThreadsMayUseOneTransactionAtOnce) {
  constexpr int ROUNDS = 5;
  constexpr int THREADS = 4;
  constexpr int KEYS = 1'000;
  for (int round = 0; round < ROUNDS; ++round) {
    auto t = begin();
    std::vector<std::thread> threads;
    for (int i = 0; i < THREADS; ++i) {
      threads.emplace_back([&t, i, round] {
        for (int k = 0; k < KEYS; ++k) {
          const std::string key = fmt::format("{} {} {:04}", round, i, k);
          t.set(key, "v");
          EXPECT_EQ(t.read(key).code, 0);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(t.commit(), 0);
    auto after = begin();
    const std::string prefix = std::to_string(round);
    EXPECT_EQ((*after.range(prefix + " ", prefix + "!")).rows.size(),
              static_cast<std::size_t>(THREADS) * KEYS);
  }
}

std::vector<std::string> keys_of(const TestFuture& future) {
  const FDBKey* keys = nullptr;
  int count = 0;
  EXPECT_EQ(api().future_get_key_array(future.get(), &keys, &count), 0);
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(text_of(keys[i].key, keys[i].key_length));
  return out;
}

// Runs what was posted when the test says so.
class HandExecutor final : public platform::Executor {
 public:
  explicit HandExecutor(const platform::Clock& clock) : clock_(clock) {}
  void post(Function<void()> work) override { posted_.push_back(std::move(work)); }
  platform::TimerId after(Duration, Function<void()>) override { return platform::TimerId{1}; }
  void cancel(platform::TimerId) override {}
  bool is_current() const override { return true; }
  const platform::Clock& clock() const override { return clock_; }
  // How many pieces of work it took until `done`, or until there were no more.
  int run_until(const Function<bool()>& done) {
    int ran = 0;
    for (; !done() && !posted_.empty(); ++ran) {
      const Function<void()> work = std::move(posted_.front());
      posted_.pop_front();
      work();
    }
    return ran;
  }

 private:
  const platform::Clock& clock_;
  std::deque<Function<void()>> posted_;
};

// A frame loop must not stand still while a large range is read, so nothing of it but the first 100 kB is
// read by the caller.
TEST(SplitPointsTest, OfALargeRangeAreCountedInSlicesWhichTheCallerDoesNotRun) {
  TestClock clock;
  HandExecutor executor(clock);
  Host host{nullptr, &clock, 1};
  host.executors = {&executor, &executor};
  configure(host);
  {
    const TestDatabase database("memory:split");
    TestTransaction t = database.begin();
    for (int i = 0; i < 40; ++i) t.set("k" + std::to_string(100 + i), std::string(95'996, 'v'));
    const TestFuture commit = t.start_commit();
    executor.run_until([&] { return commit.ready(); });
    ASSERT_EQ(commit.wait(), 0);

    const auto split = [](TestTransaction& with) {
      return TestFuture(api().transaction_get_range_split_points(with.get(), raw_bytes("k"), 1,
                                                                 raw_bytes("l"), 1, 960'000));
    };
    TestTransaction asking = database.begin();
    const TestFuture points = split(asking);
    EXPECT_FALSE(points.ready());
    EXPECT_GE(executor.run_until([&] { return points.ready(); }), 3);
    ASSERT_EQ(points.wait(), 0);
    EXPECT_EQ(keys_of(points), (std::vector<std::string>{"k", "k110", "k120", "k130", "l"}));

    TestTransaction leaving = database.begin();
    const TestFuture unwanted = split(leaving);
    leaving.cancel();
    EXPECT_EQ(unwanted.wait(), error::TRANSACTION_CANCELLED);
    EXPECT_EQ(executor.run_until([] { return false; }), 1) << "nobody wants the rest";
  }
  configure({nullptr, nullptr, 1});
}

TEST_F(AbiTest, SmallSizesAndSplitPointsAreCounted) {
  Rows_ rows;
  for (int i = 0; i < 100; ++i) rows.emplace_back("k" + std::to_string(100 + i), std::string(96, 'v'));
  put(rows);
  auto t = begin();
  const TestFuture size(
      api().transaction_get_estimated_range_size_bytes(t.get(), raw_bytes("k"), 1, raw_bytes("l"), 1));
  ASSERT_EQ(size.wait(), 0);
  std::int64_t bytes = 0;
  ASSERT_EQ(api().future_get_int64(size.get(), &bytes), 0);
  EXPECT_EQ(bytes, 10'000);
  const TestFuture split(
      api().transaction_get_range_split_points(t.get(), raw_bytes("k"), 1, raw_bytes("l"), 1, 2'500));
  ASSERT_EQ(split.wait(), 0);
  EXPECT_EQ(keys_of(split), (std::vector<std::string>{"k", "k125", "k150", "k175", "l"}));
  const TestFuture inverted(
      api().transaction_get_range_split_points(t.get(), raw_bytes("l"), 1, raw_bytes("k"), 1, 2'500));
  EXPECT_EQ(inverted.wait(), error::INVERTED_RANGE);
  const TestFuture places(api().transaction_get_addresses_for_key(t.get(), raw_bytes("k"), 1));
  const char** strings = nullptr;
  int count = 0;
  ASSERT_EQ(api().future_get_string_array(places.get(), &strings, &count), 0);
  ASSERT_EQ(count, 1);
  EXPECT_STREQ(strings[0], "127.0.0.1:4500");
}

// ("index", i) leads to ("record", i, ...): tuples written out by hand.
std::string text_element(std::string_view text) {
  return '\x02' + std::string(text) + '\0';
}
std::string small_element(char number) {
  return std::string("\x15") + number;
}

TEST_F(AbiTest, AMappedRangeGivesEachIndexRowWithWhatItLeadsTo) {
  Rows_ rows;
  for (char i = 1; i <= 3; ++i) {
    rows.emplace_back(text_element("index") + small_element(i), "");
    rows.emplace_back(text_element("record") + small_element(i) + small_element(1), "one");
    rows.emplace_back(text_element("record") + small_element(i) + small_element(2), "two");
  }
  put(rows);
  const std::string begin = text_element("index");
  const std::string end = begin + '\xff';
  const auto read = [&](TestTransaction& t, const std::string& mapper, bool snapshot) {
    return TestFuture(api().transaction_get_mapped_range(
        t.get(), raw_bytes(begin), static_cast<int>(begin.size()), 0, 1, raw_bytes(end),
        static_cast<int>(end.size()), 0, 1, raw_bytes(mapper), static_cast<int>(mapper.size()), 0, 0, -2, 1,
        snapshot, 0));
  };
  const std::string mapper = text_element("record") + text_element("{K[1]}") + text_element("{...}");
  auto t = this->begin();
  const TestFuture future = read(t, mapper, false);
  ASSERT_EQ(future.wait(), 0);
  const FDBMappedKeyValue* found = nullptr;
  int count = 0;
  fdb_bool_t more = 1;
  ASSERT_EQ(api().future_get_mappedkeyvalue_array(future.get(), &found, &count, &more), 0);
  ASSERT_EQ(count, 3);
  EXPECT_FALSE(more);
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(text_of(found[i].key.key, found[i].key.key_length),
              text_element("index") + small_element(static_cast<char>(i + 1)));
    ASSERT_EQ(found[i].getRange.m_size, 2);
    EXPECT_EQ(text_of(found[i].getRange.data[1].value, found[i].getRange.data[1].value_length), "two");
  }
  EXPECT_EQ(read(t, mapper, true).wait(), error::UNSUPPORTED_OPERATION);
  EXPECT_EQ(read(t, "\x35", false).wait(), error::MAPPER_NOT_TUPLE);
  auto far = this->begin();
  EXPECT_EQ(read(far, text_element("{K[7]}"), false).wait(), error::MAPPER_BAD_INDEX);
  auto early = this->begin();
  EXPECT_EQ(read(early, text_element("{...}") + text_element("x"), false).wait(),
            error::MAPPER_BAD_RANGE_DESCRIPTOR);
  auto writer = this->begin();
  writer.set(text_element("record") + small_element(2) + small_element(3), "three");
  EXPECT_EQ(read(writer, mapper, false).wait(), error::MAPPED_RANGE_READS_YOUR_WRITES);
  auto loser = this->begin();
  EXPECT_EQ(read(loser, mapper, false).wait(), 0);
  put({{text_element("record") + small_element(2) + small_element(3), "three"}});
  loser.set("x", "");
  EXPECT_EQ(loser.commit(), error::NOT_COMMITTED) << "what the rows lead to is read serializably";
}

TEST_F(AbiTest, SpecialKeysTellATransactionsConflicts) {
  put({{"a", "1"}});
  auto t = begin();
  t.option(712);  // report_conflicting_keys
  EXPECT_EQ(*t.read("a"), "1");
  t.set("b", "2");
  const std::string prefix = "\xff\xff/transaction/";
  EXPECT_EQ((*t.range(prefix + "read_conflict_range/", prefix + "read_conflict_range0")).rows,
            (Rows_{{prefix + "read_conflict_range/a", "1"},
                   {prefix + "read_conflict_range/a" + std::string(1, '\0'), "0"}}));
  EXPECT_EQ((*t.range(prefix + "write_conflict_range/", prefix + "write_conflict_range0")).rows.size(), 2U);
  put({{"a", "3"}});
  EXPECT_EQ(t.commit(), error::NOT_COMMITTED);
  EXPECT_EQ((*t.range(prefix + "conflicting_keys/", prefix + "conflicting_keys0")).rows.front().first,
            prefix + "conflicting_keys/a");
  auto other = begin();
  EXPECT_EQ(other.read("\xff\xff/nothing/here").code, error::SPECIAL_KEYS_NO_MODULE);
  EXPECT_NE((*other.read("\xff\xff/status/json"))->find("\"available\":true"), std::string::npos);
  EXPECT_EQ(other.range("\xff\xff/status/json", "\xff\xff/transaction0").code,
            error::SPECIAL_KEYS_CROSS_MODULE);
  other.set("\xff\xff/management/x", "");
  EXPECT_EQ(other.commit(), error::SPECIAL_KEYS_WRITE_DISABLED);
}

TEST_F(AbiTest, TheServerTellsItsProtocolItsStatusAndItsCosts) {
  const TestFuture protocol(api().database_get_server_protocol(database_->get(), 0));
  std::uint64_t version = 0;
  ASSERT_EQ(api().future_get_uint64(protocol.get(), &version), 0);
  EXPECT_EQ(version, PROTOCOL_VERSION);
  const TestFuture change(api().database_get_server_protocol(database_->get(), version));
  EXPECT_FALSE(change.ready());
  const TestFuture status(api().database_get_client_status(database_->get()));
  FdbBytes text = nullptr;
  int length = 0;
  ASSERT_EQ(api().future_get_key(status.get(), &text, &length), 0);
  EXPECT_NE(text_of(text, length).find("\"Healthy\":true"), std::string::npos);
  double busy = 0;
  for (int i = 0; i < 1'000 && busy == 0; ++i) {  // work is noted when it is done, after its answer
    put({{"a", "1"}});
    busy = api().database_get_main_thread_busyness(database_->get());
  }
  EXPECT_GT(busy, 0.0);
  EXPECT_LE(busy, 1.0);
  auto t = begin();
  EXPECT_EQ(*t.read("a"), "1");
  const TestFuture cost(api().transaction_get_total_cost(t.get()));
  std::int64_t pages = 0;
  ASSERT_EQ(api().future_get_int64(cost.get(), &pages), 0);
  EXPECT_EQ(pages, 4096);
  const TestFuture throttled(api().transaction_get_tag_throttled_duration(t.get()));
  double seconds = 1;
  ASSERT_EQ(api().future_get_double(throttled.get(), &seconds), 0);
  EXPECT_EQ(seconds, 0.0);
  auto coordinators = begin();
  EXPECT_EQ(coordinators.read("\xff/coordinators").code, error::KEY_OUTSIDE_LEGAL_RANGE);
  auto system = begin();
  system.option(302);
  EXPECT_TRUE((*system.read("\xff/coordinators")).has_value());
}

}  // namespace
}  // namespace everframe::embedded
