#include "embedded/write_map.h"

#include <algorithm>

#include "embedded/atomic_ops.h"

namespace everframe::embedded {

void RangeSet::add(std::string_view begin, std::string_view end) {
  if (begin >= end) return;
  auto at = ranges_.upper_bound(begin);
  if (at != ranges_.begin() && std::prev(at)->second >= begin) {
    --at;
    if (at->second >= end) return;
  } else {
    at = ranges_.emplace_hint(at, begin, end);
  }
  std::string reach(end);
  auto next = std::next(at);
  while (next != ranges_.end() && next->first <= reach) {
    reach = std::max(reach, next->second);
    next = ranges_.erase(next);
  }
  at->second = std::move(reach);
}

void RangeSet::remove(std::string_view begin, std::string_view end) {
  std::vector<KeyRange> hit;
  auto at = ranges_.upper_bound(begin);
  if (at != ranges_.begin() && std::prev(at)->second > begin) --at;
  while (at != ranges_.end() && at->first < end) {
    hit.push_back({at->first, at->second});
    at = ranges_.erase(at);
  }
  for (const KeyRange& range : hit) {
    if (range.begin < begin) ranges_.emplace(range.begin, begin);
    if (range.end > end) ranges_.emplace(end, range.end);
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
  return KeyRange{at->first, at->second};
}

std::optional<KeyRange> RangeSet::last_in(std::string_view begin, std::string_view end) const {
  auto at = ranges_.lower_bound(end);
  if (at == ranges_.begin() || std::prev(at)->second <= begin) return std::nullopt;
  --at;
  return KeyRange{at->first, at->second};
}

std::vector<KeyRange> RangeSet::all() const {
  std::vector<KeyRange> out;
  out.reserve(ranges_.size());
  for (const auto& [begin, end] : ranges_) out.push_back({begin, end});
  return out;
}

std::optional<std::string> WriteMap::Point::value(std::optional<std::string> stored) const {
  std::optional<std::string> now = std::move(stored);
  for (const Operation& operation : operations) {
    if (operation.type == MutationType::SET || operation.type == MutationType::SET_VERSIONSTAMPED_VALUE) {
      now = operation.value;
    } else {
      now = apply_atomic(operation.type, now, *operation.value);
    }
  }
  return now;
}

void WriteMap::set(std::string_view key, std::string_view value) {
  auto at = points_.lower_bound(key);
  if (at == points_.end() || at->first != key) at = points_.emplace_hint(at, std::string(key), Point{});
  at->second.operations.assign(1, {MutationType::SET, std::string(value)});
  // A key that held a versionstamped value stays unreadable in this transaction, as in FoundationDB.
}

void WriteMap::clear(std::string_view begin, std::string_view end) {
  points_.erase(points_.lower_bound(begin), points_.lower_bound(end));
  std::erase_if(stamped_, [&](const Mutation& m) { return m.key >= begin && m.key < end; });
  cleared_.add(begin, end);
  unreadable_.remove(begin, end);
}

void WriteMap::atomic(MutationType type, std::string_view key, std::string_view operand) {
  const bool stamped = type == MutationType::SET_VERSIONSTAMPED_VALUE;
  auto at = points_.lower_bound(key);
  if (at == points_.end() || at->first != key) {
    at = points_.emplace_hint(at, std::string(key), Point{});
    if (!stamped && cleared_.contains(key))
      at->second.operations.push_back({MutationType::SET, std::nullopt});
  }
  Point& point = at->second;
  if (stamped) {
    point.operations.assign(1, {type, std::string(operand)});
    point.unreadable = true;
    return;
  }
  auto& operations = point.operations;
  if (operations.size() == 1 && operations.front().type == MutationType::SET) {
    operations.front().value = apply_atomic(type, operations.front().value, operand);
  } else {
    operations.push_back({type, std::string(operand)});
  }
}

void WriteMap::stamped_key(std::string_view key, std::string_view value, const KeyRange& range) {
  // Held under the least key it may become, so that a clear of the range takes it along.
  std::string least = range.begin;
  least.append(key.substr(key.size() - 4));
  stamped_.push_back({MutationType::SET_VERSIONSTAMPED_KEY, std::move(least), std::string(value)});
  unreadable_.add(range.begin, range.end);
}

bool WriteMap::touches(std::string_view begin, std::string_view end) const {
  const auto point = points_.lower_bound(begin);
  if (point != points_.end() && point->first < end) return true;
  return cleared_.first_in(begin, end).has_value() || unreadable_.first_in(begin, end).has_value();
}

std::vector<Mutation> WriteMap::mutations() const {
  std::vector<Mutation> out;
  out.reserve(points_.size() + stamped_.size() + 1);
  for (KeyRange& range : cleared_.all()) {
    out.push_back({MutationType::CLEAR_RANGE, std::move(range.begin), std::move(range.end)});
  }
  for (const auto& [key, point] : points_) {
    for (const Operation& operation : point.operations) {
      if (operation.value) {
        out.push_back({operation.type, key, *operation.value});
      } else {
        out.push_back({MutationType::CLEAR_RANGE, key, key_after(key)});
      }
    }
  }
  out.insert(out.end(), stamped_.begin(), stamped_.end());
  return out;
}

}  // namespace everframe::embedded
