#include "embedded/memory_base.h"

#include <mutex>

namespace everframe::embedded {

// Holds a copy of its row, so that steps may be taken under it.
class MemoryBase::MapCursor final : public Base::Cursor {
 public:
  MapCursor(const MemoryBase& base, std::string_view begin, std::string_view end, bool reverse)
      : base_(base), begin_(begin), end_(end), reverse_(reverse) {
    seek(reverse ? end_ : begin_);
  }
  bool valid() const override { return valid_; }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }
  void advance() override {
    const std::shared_lock lock(base_.mutex_);
    take(reverse_ ? base_.map_.lower_bound(key_) : base_.map_.upper_bound(key_));
  }
  void seek(std::string_view key) override {
    const std::shared_lock lock(base_.mutex_);
    take(base_.map_.lower_bound(key));
  }
  bool take(std::string_view bound, ReadLimits& limits, Rows& rows) override {
    for (; valid_; advance()) {
      if (reverse_ ? key_ < bound : key_ >= bound) return false;
      if (limits.reached()) return true;
      limits.count(key_.size(), value_.size());
      rows.add(key_, value_);
    }
    return false;
  }
  Result<void> status() const override { return {}; }

 private:
  // Downwards, the row before `at`; upwards, the one at it.
  void take(Map::const_iterator at) {
    const Map& map = base_.map_;
    if (reverse_) {
      valid_ = at != map.begin() && (--at)->first >= begin_;
    } else {
      valid_ = at != map.end() && at->first < end_;
    }
    if (!valid_) return;
    key_ = at->first;
    value_ = at->second;
  }

  const MemoryBase& base_;
  const std::string begin_;
  const std::string end_;
  const bool reverse_;
  bool valid_ = false;
  std::string key_;
  std::string value_;
};

class MemoryBase::MapStep final : public Base::Step {
 public:
  explicit MapStep(const MemoryBase& base) : base_(base) {}

  Result<void> clear(std::string_view begin, std::string_view end) override {
    {
      const std::shared_lock lock(base_.mutex_);
      const auto high = base_.map_.lower_bound(end);
      std::size_t count = 0;
      for (auto at = base_.map_.lower_bound(begin); at != high && !cleared_more; ++at) {
        cleared.push_back(at->first);
        cleared_more = ++count > POINT_CLEARS_MAX;
      }
    }
    changes.push_back({MutationType::CLEAR_RANGE, std::string(begin), std::string(end)});
    return {};
  }
  void put(std::string_view key, std::string_view value) override {
    changes.push_back({MutationType::SET, std::string(key), std::string(value)});
  }
  void erase(std::string_view key) override {
    changes.push_back({MutationType::CLEAR_RANGE, std::string(key), key_after(key)});
  }
  std::vector<Mutation> changes;

 private:
  const MemoryBase& base_;
};

Mark MemoryBase::mark() const {
  const std::shared_lock lock(mutex_);
  return mark_;
}

Result<std::optional<std::string>> MemoryBase::get(std::string_view key) const {
  const std::shared_lock lock(mutex_);
  const auto found = map_.find(key);
  if (found == map_.end()) return std::nullopt;
  return found->second;
}

std::unique_ptr<Base::Cursor> MemoryBase::cursor(std::string_view begin, std::string_view end,
                                                 bool reverse) const {
  return std::make_unique<MapCursor>(*this, begin, end, reverse);
}

// Counted: such bases are small.
Result<std::uint64_t> MemoryBase::bytes_estimate(std::string_view begin, std::string_view end) const {
  const std::shared_lock lock(mutex_);
  std::uint64_t bytes = 0;
  for (auto at = map_.lower_bound(begin); at != map_.end() && at->first < end; ++at) {
    bytes += at->first.size() + at->second.size();
  }
  return bytes;
}

// A copy: such bases are small.
class MemoryBase::MapSnapshot final : public Base::Snapshot {
 public:
  explicit MapSnapshot(const MemoryBase& base) {
    const std::shared_lock lock(base.mutex_);
    copy_.map_ = base.map_;
    copy_.mark_ = base.mark_;
  }
  Mark mark() const override { return copy_.mark_; }
  std::uint64_t rows_estimate() const override { return copy_.map_.size(); }
  std::unique_ptr<Cursor> cursor() const override { return copy_.cursor("", BEHIND_ALL_KEYS, false); }

 private:
  MemoryBase copy_;
};

Result<std::unique_ptr<Base::Snapshot>> MemoryBase::snapshot() const {
  return std::make_unique<MapSnapshot>(*this);
}

std::unique_ptr<Base::Step> MemoryBase::step() {
  return std::make_unique<MapStep>(*this);
}

Result<void> MemoryBase::apply(std::unique_ptr<Step> step, Mark mark) {
  const std::unique_lock lock(mutex_);
  for (Mutation& change : static_cast<MapStep&>(*step).changes) {
    if (change.type == MutationType::SET) {
      map_.insert_or_assign(std::move(change.key), std::move(change.value));
    } else {
      map_.erase(map_.lower_bound(change.key), map_.lower_bound(change.value));
    }
  }
  mark_ = mark;
  return {};
}

}  // namespace everframe::embedded
