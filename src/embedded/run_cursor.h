// RunCursor: a walk upwards over the base, of which the parts that RunCache knows are taken from there, and
// the others offered to it. Ownership: base and cache outlive it. Threads: none inside.
#pragma once
#include "embedded/base.h"
#include "embedded/run_cache.h"

namespace everframe::embedded {

class RunCursor final : public Base::Cursor {
 public:
  RunCursor(const Base& base, RunCache& cache, std::string_view begin, std::string_view end);

  bool valid() const override { return valid_; }
  std::string_view key() const override { return run_ ? run_->rows.key(row_) : below_->key(); }
  std::string_view value() const override { return run_ ? run_->rows.value(row_) : below_->value(); }
  void advance() override;
  void seek(std::string_view key) override;
  bool take(std::string_view bound, ReadLimits& limits, Rows& rows) override;
  Result<void> status() const override { return below_ ? below_->status() : Result<void>(); }

 private:
  void place();
  bool take_run(std::string_view bound, ReadLimits& limits, Rows& rows);
  bool take_below(std::string_view bound, ReadLimits& limits, Rows& rows);

  const Base& base_;
  RunCache& cache_;
  const std::string end_;
  bool valid_ = false;
  std::string at_;        // what lies before it is passed; within a run it may lag behind
  RunCache::RunRef run_;  // where the cursor stands, in `row_`; null: in the base
  std::size_t row_ = 0;
  std::unique_ptr<Base::Cursor> below_;  // made when it is needed first
  std::uint64_t below_epoch_ = 0;
  std::string stop_;  // up to where below_ is taken: there a run begins, or all ends
};

}  // namespace everframe::embedded
