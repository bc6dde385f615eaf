// WriteMap: what a transaction has written so far, as its own later reads must see it. Per key a stack of
// operations (one SET, or atomic operations on top of what is not read yet), and the ranges cleared. Rules
// are FoundationDB's (its ReadYourWrites and WriteMap): a versionstamped value, and the range in which a
// versionstamped key may fall, are unreadable.
//
// Keys, values and nodes lie in the transaction's arena, which outlives what is handed to the commit.
//
// Threads: none inside.
#pragma once
#include <map>
#include <memory_resource>
#include <optional>
#include <string>
#include <vector>

#include "embedded/arena.h"
#include "embedded/types.h"

namespace everframe::embedded {

// Disjoint ranges of keys; those that touch are one.
class RangeSet {
 public:
  explicit RangeSet(Arena& arena) : arena_(arena), ranges_(&arena) {}
  void add(std::string_view begin, std::string_view end);
  void add_key(std::string_view key);
  void remove(std::string_view begin, std::string_view end);
  bool contains(std::string_view key) const;
  // The first range that overlaps [begin, end), or the last.
  std::optional<KeyRange> first_in(std::string_view begin, std::string_view end) const;
  std::optional<KeyRange> last_in(std::string_view begin, std::string_view end) const;
  bool empty() const { return ranges_.empty(); }
  // In order: visit(begin, end) of each range, cut to [begin, end).
  template <class Visit>
  void each_in(std::string_view begin, std::string_view end, Visit visit) const {
    auto at = ranges_.upper_bound(begin);
    if (at != ranges_.begin() && std::prev(at)->second > begin) --at;
    for (; at != ranges_.end() && at->first < end; ++at) {
      visit(std::max<std::string_view>(at->first, begin), std::min<std::string_view>(at->second, end));
    }
  }
  std::vector<RangeView> all() const;

 private:
  void add_copied(std::string_view begin, std::string_view end);

  Arena& arena_;
  std::pmr::map<std::string_view, std::string_view> ranges_;  // begin to end; of the arena
};

class WriteMap {
 public:
  struct Operation {
    MutationType type;
    std::optional<std::string_view> value;  // absent only for SET: the key is gone
  };
  struct Point {
    explicit Point(Arena& arena) : operations(&arena) {}
    std::pmr::vector<Operation> operations;
    bool unreadable = false;
    bool independent() const {
      const MutationType first = operations.front().type;
      return first == MutationType::SET || first == MutationType::SET_VERSIONSTAMPED_VALUE;
    }
    // The key's value, given what the database holds (asked only if not independent).
    std::optional<std::string> value(std::optional<std::string> stored) const;
  };
  using Points = std::pmr::map<std::string_view, Point>;

  explicit WriteMap(Arena& arena)
      : arena_(arena), points_(&arena), cleared_(arena), unreadable_(arena), stamped_(&arena) {}

  void set(std::string_view key, std::string_view value);
  void clear(std::string_view begin, std::string_view end);
  void atomic(MutationType type, std::string_view key, std::string_view operand);
  // `key` has its place for a stamp; its keys lie in `range`, from the transaction's read version on.
  void stamped_key(std::string_view key, std::string_view value, const KeyRange& range);

  bool empty() const { return points_.empty() && cleared_.empty() && stamped_.empty(); }
  bool touches(std::string_view begin, std::string_view end) const;

  const Points& points() const { return points_; }
  const RangeSet& cleared() const { return cleared_; }
  const RangeSet& unreadable() const { return unreadable_; }

  // visit(begin, end) of each part of [begin, end) whose reading depends on the database.
  template <class Visit>
  void each_dependent(std::string_view begin, std::string_view end, Visit visit) const {
    std::string low(begin);
    const auto give = [&](std::string_view from, std::string_view to) {
      if (from < to) visit(from, to);
    };
    const auto give_without_points = [&](std::string_view from, std::string_view to) {
      std::string start(from);
      for (auto point = points_.lower_bound(from); point != points_.end() && point->first < to; ++point) {
        if (!point->second.independent()) continue;
        give(start, point->first);
        start = key_after(point->first);
      }
      give(start, to);
    };
    cleared_.each_in(begin, end, [&](std::string_view from, std::string_view to) {
      give_without_points(low, from);
      low = to;
    });
    give_without_points(low, end);
  }

  // What the commit carries: clears first, then each key's operations, then versionstamped keys.
  std::vector<MutationView> mutations() const;

 private:
  Point& point_of(std::string_view key);  // made, if there was none: then it has no operations

  Arena& arena_;
  Points points_;
  RangeSet cleared_;
  RangeSet unreadable_;
  std::pmr::vector<MutationView> stamped_;
};

}  // namespace everframe::embedded
