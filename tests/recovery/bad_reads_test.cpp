// A region on a store whose reads come too late (1007), as a busy cluster's do: every key and range fails
// when it is first read. What would break these: a read that is not tried again, so that the region crashes
// and starts over, perhaps for ever; rows of a try that failed, kept beside those of the next.
#include <mutex>
#include <set>

#include "../inspect/town.h"
#include "world/records.h"

namespace everframe::inspect {
namespace {

constexpr fdb_error_t TOO_OLD = 1007;
constexpr ActionSeq QUEUED{40};

// The table's functions carry no state of their own, so it is the process's.
struct FirstReads {
  std::mutex mutex;
  bool fail = false;
  std::set<std::string> seen;

  bool is_first(const std::uint8_t* key, int length) {
    const std::lock_guard lock(mutex);
    return fail && seen.emplace(reinterpret_cast<const char*>(key), static_cast<std::size_t>(length)).second;
  }
  std::size_t failed() {
    const std::lock_guard lock(mutex);
    return seen.size();
  }
  void set(bool failing) {
    const std::lock_guard lock(mutex);
    fail = failing;
    seen.clear();
  }
};
FirstReads first_reads;

const platform::FdbApi& late_api() {
  static const platform::FdbApi table = [] {
    platform::FdbApi filling = embedded::api();
    filling.transaction_get = [](FDBTransaction* t, const std::uint8_t* key, int length,
                                 fdb_bool_t snapshot) {
      if (first_reads.is_first(key, length)) return embedded::refused_future(TOO_OLD);
      return embedded::api().transaction_get(t, key, length, snapshot);
    };
    filling.transaction_get_range =
        [](FDBTransaction* t, const std::uint8_t* begin, int begin_length, fdb_bool_t begin_equal,
           int begin_offset, const std::uint8_t* end, int end_length, fdb_bool_t end_equal, int end_offset,
           int limit, int bytes, int mode, int iteration, fdb_bool_t snapshot, fdb_bool_t reverse) {
          if (first_reads.is_first(begin, begin_length)) return embedded::refused_future(TOO_OLD);
          return embedded::api().transaction_get_range(t, begin, begin_length, begin_equal, begin_offset, end,
                                                       end_length, end_equal, end_offset, limit, bytes, mode,
                                                       iteration, snapshot, reverse);
        };
    return filling;
  }();
  return table;
}

class BadReadsTest : public TownTest {
 protected:
  BadReadsTest() {
    first_reads.set(false);
    database_ = store::Database::open(late_api(), "memory:late").value();
  }
  ~BadReadsTest() override { first_reads.set(false); }

  std::uint64_t crashes() {
    std::promise<std::uint64_t> counted;
    executor_.post([&] { counted.set_value(supervisor_->census().crashes); });
    return wait(counted.get_future());
  }
};

TEST_F(BadReadsTest, QueuePlayersAndChunksAreReadAgainWithoutACrash) {
  open();
  const Visitor before = arrive("Ada");
  close();
  change([&](store::Transaction& t) {
    for (ActionSeq seq{1}; seq <= QUEUED; seq = next(seq)) {
      const Bytes row = world::write_input({before.player, seq, world::Idle{}});
      t.set(keys_.input(RegionId{1}, before.player, seq), chars_of(row));
    }
  });
  first_reads.set(true);
  open();
  const Visitor again = arrive("Ada", before.token);
  EXPECT_EQ(again.player, before.player);
  EXPECT_GE(first_reads.failed(), 12U) << "the queue, the player, nine chunks around: did they fail at all?";
  EXPECT_EQ(crashes(), 0U);
  close();
  first_reads.set(false);
  EXPECT_TRUE(rows(keys_.inputs(RegionId{1})).empty());
  const auto player = rows({keys_.player(before.player), keys_.player(before.player) + "\x01"});
  ASSERT_EQ(player.size(), 1U);
  EXPECT_EQ(world::read_player(bytes_of(player[0].value)).value().last_seq, QUEUED);
}

}  // namespace
}  // namespace everframe::inspect
