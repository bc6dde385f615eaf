// Scan: the rows of a range, page by page, each in a transaction of its own, so that a range of any size can
// be read within the store's 5 s and in bounded memory. It sees one state of the world only while nobody
// writes: an embedded store is locked by whoever has it open, so for a tool that is so.
#pragma once
#include <vector>

#include "base/function.h"
#include "store/database.h"

namespace everframe::inspect {

inline constexpr std::size_t PAGE_ROWS = 2'000;  // some 200 kB of entities

// Told after each page what was read so far; its Error ends the scan. May be empty.
using ScanWatch = Function<Result<void>(std::uint64_t rows, std::uint64_t bytes)>;

class Scan {
 public:
  // Database and executor outlive the scan.
  Scan(store::Database& database, platform::Executor& executor, store::KeyRange range,
       std::size_t page_rows = PAGE_ROWS, ScanWatch watch = {})
      : database_(database),
        executor_(executor),
        range_(std::move(range)),
        page_rows_(page_rows),
        watch_(std::move(watch)) {}

  // The next rows in key order; none: the end.
  Task<Result<store::KeyValues>> next();

 private:
  store::Database& database_;
  platform::Executor& executor_;
  store::KeyRange range_;
  const std::size_t page_rows_;
  const ScanWatch watch_;
  bool ended_ = false;
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
};

// About how many bytes of keys and values a range has; 0 if the store cannot say.
Task<std::uint64_t> bytes_estimate(store::Database& database, platform::Executor& executor,
                                   store::KeyRange range);

// The name of the only world of a store; several or none are refused with what there is.
Task<Result<std::string>> only_world(store::Database& database, platform::Executor& executor);

}  // namespace everframe::inspect
