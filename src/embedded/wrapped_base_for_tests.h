// For tests: a base in memory whose cursors are wrapped in others, made by `wrap`.
#pragma once
#include "base/function.h"
#include "embedded/memory_base.h"

namespace everframe::embedded {

class WrappedBase final : public MemoryBase {
 public:
  using Wrap = Function<std::unique_ptr<Cursor>(std::unique_ptr<Cursor>)>;
  explicit WrappedBase(Wrap wrap) : wrap_(std::move(wrap)) {}

  std::unique_ptr<Cursor> cursor(std::string_view begin, std::string_view end, bool reverse) const override {
    return wrap_(MemoryBase::cursor(begin, end, reverse));
  }

 private:
  const Wrap wrap_;
};

// One that does what another does; what differs is overridden.
class WrappedCursor : public Base::Cursor {
 public:
  explicit WrappedCursor(std::unique_ptr<Base::Cursor> inner) : inner_(std::move(inner)) {}
  bool valid() const override { return inner_->valid(); }
  std::string_view key() const override { return inner_->key(); }
  std::string_view value() const override { return inner_->value(); }
  void advance() override { inner_->advance(); }
  void seek(std::string_view key) override { inner_->seek(key); }
  bool take(std::string_view bound, ReadLimits& limits, Rows& rows) override {
    return inner_->take(bound, limits, rows);
  }
  Result<void> status() const override { return inner_->status(); }

 protected:
  const std::unique_ptr<Base::Cursor> inner_;
};

}  // namespace everframe::embedded
