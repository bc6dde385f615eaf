#include "embedded/write_map.h"

#include <algorithm>

#include "embedded/atomic_ops.h"

namespace everframe::embedded {

void RangeSet::add(std::string_view begin, std::string_view end) {
  if (begin < end) add_copied(arena_.copy(begin), arena_.copy(end));
}

void RangeSet::add_key(std::string_view key) {
  const std::string_view copied = arena_.copy_key(key);
  add_copied(copied, Arena::successor(copied));
}

void RangeSet::add_copied(std::string_view begin, std::string_view end) {
  auto at = ranges_.upper_bound(begin);
  if (at != ranges_.begin() && std::prev(at)->second >= begin) {
    --at;
  } else {
    at = ranges_.emplace_hint(at, begin, end);
  }
  at->second = std::max(at->second, end);
  for (auto next = std::next(at); next != ranges_.end() && next->first <= at->second;
       next = ranges_.erase(next)) {
    at->second = std::max(at->second, next->second);
  }
}

void RangeSet::remove(std::string_view begin, std::string_view end) {
  if (ranges_.empty()) return;
  std::vector<RangeView> hit;
  auto at = ranges_.upper_bound(begin);
  if (at != ranges_.begin() && std::prev(at)->second > begin) --at;
  while (at != ranges_.end() && at->first < end) {
    hit.push_back({at->first, at->second});
    at = ranges_.erase(at);
  }
  for (const RangeView& range : hit) {
    if (range.begin < begin) ranges_.emplace(range.begin, arena_.copy(begin));
    if (range.end > end) ranges_.emplace(arena_.copy(end), range.end);
  }
}

bool RangeSet::contains(std::string_view key) const {
  const auto at = ranges_.upper_bound(key);
  return at != ranges_.begin() && std::prev(at)->second > key;
}

std::optional<KeyRange> RangeSet::first_in(std::string_view begin, std::string_view end) const {
  auto at = ranges_.upper_bound(begin);
  if (at != ranges_.begin() && std::prev(at)->second > begin) --at;
  if (at == ranges_.end() || at->first >= end) return std::nullopt;
  return KeyRange{std::string(at->first), std::string(at->second)};
}

std::optional<KeyRange> RangeSet::last_in(std::string_view begin, std::string_view end) const {
  auto at = ranges_.lower_bound(end);
  if (at == ranges_.begin() || std::prev(at)->second <= begin) return std::nullopt;
  --at;
  return KeyRange{std::string(at->first), std::string(at->second)};
}

std::vector<RangeView> RangeSet::all() const {
  std::vector<RangeView> out;
  out.reserve(ranges_.size());
  for (const auto& [begin, end] : ranges_) out.push_back({begin, end});
  return out;
}

std::optional<std::string> WriteMap::Point::value(std::optional<std::string> stored) const {
  std::optional<std::string> now = std::move(stored);
  for (const Operation& operation : operations) {
    if (operation.type == MutationType::SET || operation.type == MutationType::SET_VERSIONSTAMPED_VALUE) {
      now = operation.value ? std::optional<std::string>(*operation.value) : std::nullopt;
    } else {
      now = apply_atomic(operation.type, now, *operation.value);
    }
  }
  return now;
}

WriteMap::Point& WriteMap::point_of(std::string_view key) {
  auto at = points_.lower_bound(key);
  if (at == points_.end() || at->first != key) at = points_.emplace_hint(at, arena_.copy_key(key), arena_);
  return at->second;
}

void WriteMap::set(std::string_view key, std::string_view value) {
  point_of(key).operations.assign(1, {MutationType::SET, arena_.copy(value)});
  // A key that held a versionstamped value stays unreadable in this transaction, as in FoundationDB.
}

void WriteMap::clear(std::string_view begin, std::string_view end) {
  points_.erase(points_.lower_bound(begin), points_.lower_bound(end));
  std::erase_if(stamped_, [&](const MutationView& m) { return m.key >= begin && m.key < end; });
  cleared_.add(begin, end);
  unreadable_.remove(begin, end);
}

void WriteMap::atomic(MutationType type, std::string_view key, std::string_view operand) {
  Point& point = point_of(key);
  auto& operations = point.operations;
  if (type == MutationType::SET_VERSIONSTAMPED_VALUE) {
    operations.assign(1, {type, arena_.copy(operand)});
    point.unreadable = true;
    return;
  }
  if (operations.empty() && cleared_.contains(key)) operations.push_back({MutationType::SET, std::nullopt});
  if (operations.size() == 1 && operations.front().type == MutationType::SET) {
    const auto result = apply_atomic(type, point.value(std::nullopt), operand);
    operations.front().value = result ? std::optional<std::string_view>(arena_.copy(*result)) : std::nullopt;
  } else {
    operations.push_back({type, arena_.copy(operand)});
  }
}

void WriteMap::stamped_key(std::string_view key, std::string_view value, const KeyRange& range) {
  // Held under the least key it may become, so that a clear of the range takes it along.
  std::string least = range.begin;
  least.append(key.substr(key.size() - 4));
  stamped_.push_back({MutationType::SET_VERSIONSTAMPED_KEY, arena_.copy(least), arena_.copy(value)});
  unreadable_.add(range.begin, range.end);
}

bool WriteMap::touches(std::string_view begin, std::string_view end) const {
  const auto point = points_.lower_bound(begin);
  if (point != points_.end() && point->first < end) return true;
  return cleared_.first_in(begin, end).has_value() || unreadable_.first_in(begin, end).has_value();
}

std::vector<MutationView> WriteMap::mutations() const {
  std::vector<MutationView> out;
  out.reserve(points_.size() + stamped_.size() + 1);
  for (const RangeView& range : cleared_.all()) {
    out.push_back({MutationType::CLEAR_RANGE, range.begin, range.end});
  }
  for (const auto& [key, point] : points_) {
    for (const Operation& operation : point.operations) {
      if (operation.value) {
        out.push_back({operation.type, key, *operation.value});
      } else {
        out.push_back({MutationType::CLEAR_RANGE, key, Arena::successor(key)});
      }
    }
  }
  out.insert(out.end(), stamped_.begin(), stamped_.end());
  return out;
}

}  // namespace everframe::embedded
