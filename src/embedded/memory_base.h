// MemoryBase: a base without a disk, for memory: databases and tests. Any thread.
#pragma once
#include <map>
#include <shared_mutex>
#include <vector>

#include "embedded/base.h"

namespace everframe::embedded {

class MemoryBase : public Base {
 public:
  using Map = std::map<std::string, std::string, std::less<>>;

  Mark mark() const override;
  Result<std::optional<std::string>> get(std::string_view key) const override;
  std::unique_ptr<Cursor> cursor(std::string_view begin, std::string_view end, bool reverse) const override;
  Result<std::uint64_t> bytes_estimate(std::string_view begin, std::string_view end) const override;
  Result<std::unique_ptr<Snapshot>> snapshot() const override;
  std::unique_ptr<Step> step() override;
  Result<void> apply(std::unique_ptr<Step> step, Mark mark) override;
  Result<Mark> make_durable() override { return mark(); }

 protected:
  mutable std::shared_mutex mutex_;
  Map map_;
  Mark mark_;

 private:
  class MapCursor;
  class MapStep;
  class MapSnapshot;
};

}  // namespace everframe::embedded
