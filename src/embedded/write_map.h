// WriteMap: what a transaction has written so far, as its own later reads must see it. Per key a stack of
// operations (one SET, or atomic operations on top of what is not read yet), and the ranges cleared. Rules
// are FoundationDB's (its ReadYourWrites and WriteMap): a versionstamped value, and the range in which a
// versionstamped key may fall, are unreadable.
//
// Threads: none inside.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "embedded/types.h"

namespace everframe::embedded {

// Disjoint ranges of keys; those that touch are one.
class RangeSet {
 public:
  void add(std::string_view begin, std::string_view end);
  void remove(std::string_view begin, std::string_view end);
  bool contains(std::string_view key) const;
  // The first range that overlaps [begin, end), or the last.
  std::optional<KeyRange> first_in(std::string_view begin, std::string_view end) const;
  std::optional<KeyRange> last_in(std::string_view begin, std::string_view end) const;
  bool empty() const { return ranges_.empty(); }
  void clear() { ranges_.clear(); }
  // In order: visit(begin, end) of each range, cut to [begin, end).
  template <class Visit>
  void each_in(std::string_view begin, std::string_view end, Visit visit) const {
    auto at = ranges_.upper_bound(begin);
    if (at != ranges_.begin() && std::prev(at)->second > begin) --at;
    for (; at != ranges_.end() && at->first < end; ++at) {
      visit(std::max<std::string_view>(at->first, begin), std::min<std::string_view>(at->second, end));
    }
  }
  std::vector<KeyRange> all() const;

 private:
  std::map<std::string, std::string, std::less<>> ranges_;  // begin to end
};

class WriteMap {
 public:
  struct Operation {
    MutationType type;
    std::optional<std::string> value;  // absent only for SET: the key is gone
  };
  struct Point {
    std::vector<Operation> operations;
    bool unreadable = false;
    bool independent() const {
      const MutationType first = operations.front().type;
      return first == MutationType::SET || first == MutationType::SET_VERSIONSTAMPED_VALUE;
    }
    // The key's value, given what the database holds (asked only if not independent).
    std::optional<std::string> value(std::optional<std::string> stored) const;
  };
  using Points = std::map<std::string, Point, std::less<>>;

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
  std::vector<Mutation> mutations() const;

 private:
  Points points_;
  RangeSet cleared_;
  RangeSet unreadable_;
  std::vector<Mutation> stamped_;
};

}  // namespace everframe::embedded
