// Storage against a plain map of versions: random commits, settling and reads at any version that is still
// readable, points and ranges, upwards and downwards, with limits. What would break these: a row that the
// window hides wrongly, a cached row that the base no longer holds, a range that skips or repeats a row.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "base/proof_size.h"
#include "base/random.h"
#include "embedded/atomic_ops.h"
#include "embedded/memory_base.h"
#include "embedded/storage.h"

namespace everframe::embedded {
namespace {

using Content = std::map<std::string, std::string>;
using RowList = std::vector<std::pair<std::string, std::string>>;

class Twin {
 public:
  explicit Twin(std::uint64_t seed, StorageFaults faults = {}) : dice_(seed) {
    Storage::Options options;
    options.row_cache_bytes = 16 << 10;  // so small that rows fall out
    options.run_cache_bytes = 4'000;     // likewise
    options.run_bytes_min = 1;
    options.faults = faults;
    options.open_base = [](const std::string&) -> Result<std::unique_ptr<Base>> {
      return std::make_unique<MemoryBase>();
    };
    storage_ = std::move(*Storage::open(std::move(options)));
    history_[0] = {};
  }

  // One step; false: the storage and the model differ.
  bool step() {
    switch (dice_.below(9)) {
      case 0:
        return settle();
      case 1:
      case 2:
        return commit();
      case 3:
      case 4:
        return get();
      case 5:
        return next_page();
      default:
        return range();
    }
  }

 private:
  std::string key() {
    std::string out(1 + dice_.below(2), 'a');
    for (char& c : out) c = static_cast<char>('a' + dice_.below(5));
    if (dice_.below(12) == 0) out.append(40, out.back());  // too long to lie within a node of the window
    return out;
  }

  bool commit() {
    version_ += 1 + static_cast<Version>(dice_.below(3));
    Content now = history_.rbegin()->second;
    storage_->begin(version_);
    const std::uint64_t changes = 1 + dice_.below(5);
    for (std::uint64_t i = 0; i < changes; ++i) {
      if (!storage_->apply(change(now))) return false;
    }
    if (!storage_->finish()) return false;
    history_[version_] = std::move(now);
    return true;
  }

  Mutation change(Content& now) {
    std::string a = key();
    switch (dice_.below(6)) {
      case 0: {
        std::string b = key();
        if (b < a) std::swap(a, b);
        now.erase(now.lower_bound(a), now.lower_bound(b));
        return {MutationType::CLEAR_RANGE, a, b};
      }
      case 1:
        now.erase(a);
        return {MutationType::CLEAR_RANGE, a, key_after(a)};
      case 2: {
        const auto found = now.find(a);
        const auto before = found == now.end() ? std::nullopt : std::optional(found->second);
        const auto after = apply_atomic(MutationType::COMPARE_AND_CLEAR, before, "1");
        after ? static_cast<void>(now[a] = *after) : static_cast<void>(now.erase(a));
        return {MutationType::COMPARE_AND_CLEAR, a, "1"};
      }
      case 3:
        now[a].append("+");
        return {MutationType::APPEND_IF_FITS, a, "+"};
      default:
        now[a] = std::to_string(dice_.below(3));
        return {MutationType::SET, a, now[a]};
    }
  }

  bool settle() {
    const Version upto = version_ - static_cast<Version>(dice_.below(8));
    for (Result<bool> more = true; *more;) {
      more = storage_->settle(upto);
      if (!more) return false;
    }
    // Versions between two commits read like the earlier one, so the newest settled one is still readable.
    for (const auto& [version, content] : history_) {
      if (version <= upto) oldest_ = std::max(oldest_, version);
    }
    return true;
  }

  const Content& some_version(Version& at) {
    auto found = history_.lower_bound(oldest_);
    std::advance(found, static_cast<std::ptrdiff_t>(
                            dice_.below(static_cast<std::uint64_t>(std::distance(found, history_.end())))));
    at = found->first;
    return found->second;
  }

  bool get() {
    Version at = 0;
    const Content& content = some_version(at);
    const std::string wanted = key();
    const auto got = storage_->get(wanted, at);
    const auto found = content.find(wanted);
    return got && *got == (found == content.end() ? std::nullopt : std::optional(found->second));
  }

  bool range() {
    Version at = 0;
    const Content& content = some_version(at);
    std::string begin = dice_.below(4) == 0 ? "" : key();
    std::string end = dice_.below(4) == 0 ? "\xff" : key();
    if (end < begin) std::swap(begin, end);
    return read({begin, end, dice_.below(2) == 0, at}, content);
  }

  // The next page of a read that stopped, whatever happened since.
  bool next_page() {
    if (!stopped_ || stopped_->at < oldest_) return true;
    const Page page = *stopped_;
    return read(page, history_.at(page.at));
  }

  struct Page {
    std::string begin;
    std::string end;
    bool reverse = false;
    Version at = 0;
  };
  bool read(const Page& page, const Content& content) {
    const auto& [begin, end, reverse, at] = page;
    ReadLimits limits{
        dice_.below(2) == 0 ? ReadLimits::UNLIMITED : static_cast<std::int64_t>(1 + dice_.below(6)),
        dice_.below(2) == 0 ? static_cast<std::int64_t>(1 + dice_.below(100)) : ReadLimits::UNLIMITED};
    const ReadLimits asked = limits;
    Rows rows;
    const auto more = storage_->range(begin, end, at, reverse, limits, rows);
    if (!more) return false;
    RowList wanted(content.lower_bound(begin), content.lower_bound(end));
    if (reverse) std::reverse(wanted.begin(), wanted.end());
    ReadLimits left = asked;
    std::size_t count = 0;
    while (count < wanted.size() && !left.reached()) {
      left.count(wanted[count].first.size(), wanted[count].second.size());
      ++count;
    }
    if (rows.size() != count || (count < wanted.size() && !*more)) return false;
    for (std::size_t i = 0; i < count; ++i) {
      if (rows.key(i) != wanted[i].first || rows.value(i) != wanted[i].second) return false;
    }
    if (*more && count > 0) {
      const std::string last = wanted[count - 1].first;
      stopped_ = reverse ? Page{begin, last, true, at} : Page{key_after(last), end, false, at};
    }
    return true;
  }

  Prng dice_;
  std::unique_ptr<Storage> storage_;
  std::map<Version, Content> history_;
  Version version_ = 0;
  Version oldest_ = 0;
  std::optional<Page> stopped_;
};

TEST(StorageModel, EveryReadableVersionReadsAsTheModelDoes) {
  const bool held = rc::check("storage and model agree", [](std::uint64_t seed) {
    Twin twin(seed);
    for (int i = 0; i < 400; ++i) RC_ASSERT(twin.step());
  });
  EXPECT_TRUE(held);
  for (int seed = 1; seed <= proof_size(2'000); ++seed) {
    Twin twin(static_cast<std::uint64_t>(seed));
    for (int i = 0; i < 150; ++i) ASSERT_TRUE(twin.step()) << "seed " << seed << " step " << i;
  }
}

int noticed_of(std::uint64_t seeds, StorageFaults faults) {
  int noticed = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Twin twin(seed, faults);
    bool same = true;
    for (int i = 0; i < 300 && same; ++i) same = twin.step();
    noticed += same ? 0 : 1;
  }
  return noticed;
}

TEST(StorageModel, ARowCacheThatIsNotToldOfChangesIsNoticed) {
  StorageFaults faults;
  faults.keep_stale_rows = true;
  EXPECT_GT(noticed_of(50, faults), 25);
}

TEST(StorageModel, ARunCacheThatIsNotToldOfChangesIsNoticed) {
  StorageFaults faults;
  faults.keep_stale_runs = true;
  EXPECT_GT(noticed_of(50, faults), 25);
}

TEST(StorageModel, ANextPageThatGoesOnWhereTheBaseHasChangedIsNoticed) {
  StorageFaults faults;
  faults.reuse_stale_cursors = true;
  EXPECT_GT(noticed_of(500, faults), 5);
}

}  // namespace
}  // namespace everframe::embedded
