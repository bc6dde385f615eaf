#include "embedded/run_cursor.h"

#include <algorithm>

namespace everframe::embedded {

RunCursor::RunCursor(const Base& base, RunCache& cache, std::string_view begin, std::string_view end)
    : base_(base), cache_(cache), end_(end), at_(begin) {
  place();
}

// To the first row at or behind at_.
void RunCursor::place() {
  for (valid_ = false; at_ < end_;) {
    if (below_ != nullptr && !below_->valid()) return;  // at its end or broken: status() tells
    auto [run, next] = cache_.find(at_);
    run_ = std::move(run);
    if (run_ != nullptr) {
      row_ = run_->rows.lower_bound(at_);
      valid_ = row_ < run_->rows.size() && run_->rows.key(row_) < end_;
      if (valid_) return;
      at_ = run_->high;
      continue;
    }
    stop_ = next ? std::min(*next, end_) : end_;
    if (below_ == nullptr) {
      below_epoch_ = cache_.epoch();
      below_ = base_.cursor(at_, end_, false);
    } else if (below_->valid() && below_->key() < at_) {
      below_->seek(at_);
    }
    valid_ = below_->valid();
    if (!valid_ || below_->key() < stop_) return;
    at_ = stop_;
  }
}

void RunCursor::advance() {
  at_ = key_after(key());
  if (run_ != nullptr && ++row_ < run_->rows.size()) {
    valid_ = key() < end_;
  } else {
    if (run_ == nullptr) below_->advance();
    place();
  }
}

void RunCursor::seek(std::string_view key) {
  at_ = key;
  place();
}

bool RunCursor::take(std::string_view bound, ReadLimits& limits, Rows& rows) {
  while (valid_ && key() < bound) {
    if (run_ != nullptr ? take_run(bound, limits, rows) : take_below(bound, limits, rows)) return true;
  }
  return false;
}

bool RunCursor::take_run(std::string_view bound, ReadLimits& limits, Rows& rows) {
  const Rows& from = run_->rows;
  const std::string_view upto = std::min<std::string_view>(bound, end_);
  const std::size_t last = upto < run_->high ? from.lower_bound(upto) : from.size();
  const std::size_t first = row_;
  for (; row_ < last && !limits.reached(); ++row_) {
    limits.count(from.key(row_).size(), from.value(row_).size());
  }
  rows.add(from, first, row_);
  if (row_ < last) return true;
  if (row_ < from.size()) {
    valid_ = key() < end_;
  } else {
    at_ = run_->high;
    place();
  }
  return false;
}

bool RunCursor::take_below(std::string_view bound, ReadLimits& limits, Rows& rows) {
  const std::string low = at_;
  const std::string_view upto = std::min<std::string_view>(bound, stop_);
  const std::size_t first = rows.size();
  const bool stopped = below_->take(upto, limits, rows);
  if (!stopped) {
    at_ = upto;
  } else if (rows.size() > first) {
    at_ = key_after(rows.key(rows.size() - 1));
  }
  if (below_->status()) cache_.offer(low, at_, rows, first, below_epoch_);
  if (!stopped) place();
  return stopped;
}

}  // namespace everframe::embedded
