// Histogram: counts of durations in buckets of at most 3.2 % width (HdrHistogram's log-linear layout, 5
// bits), from 1 microsecond to 2^40. Fixed memory (9 kB), no allocation. Not thread-safe.
#pragma once
#include <array>
#include <bit>
#include <cstdint>

namespace everframe {

class Histogram {
 public:
  void add(std::int64_t micros) {
    const std::uint64_t v = micros < 0 ? 0 : static_cast<std::uint64_t>(micros);
    ++buckets_[index_of(v)];
    ++count_;
    if (v > max_) max_ = v;
  }
  void merge(const Histogram& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    if (other.max_ > max_) max_ = other.max_;
  }
  std::uint64_t count() const { return count_; }
  double max_ms() const { return static_cast<double>(max_) / 1000.0; }
  // The upper edge of the bucket in which the quantile q (0 to 1) lies, in milliseconds; 0 when empty.
  double quantile_ms(double q) const {
    const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > wanted || (seen == count_ && seen > 0)) {
        const std::uint64_t edge = upper_edge(i);
        return static_cast<double>(edge < max_ ? edge : max_) / 1000.0;
      }
    }
    return 0;
  }

 private:
  static constexpr int SUB_BITS = 5;
  static constexpr std::uint64_t SUB = 1U << SUB_BITS;
  static std::size_t index_of(std::uint64_t v) {
    if (v < SUB) return v;
    const int top = std::bit_width(v) - 1;
    const int shift = top - SUB_BITS;
    const std::size_t index = static_cast<std::size_t>(shift + 1) * SUB + ((v >> shift) - SUB);
    return index < BUCKETS ? index : BUCKETS - 1;
  }
  static std::uint64_t upper_edge(std::size_t index) {
    if (index < SUB) return index;
    const std::size_t shift = index / SUB - 1;
    return ((SUB + index % SUB + 1) << shift) - 1;
  }
  static constexpr std::size_t BUCKETS = 36 * SUB;

  std::array<std::uint64_t, BUCKETS> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace everframe
