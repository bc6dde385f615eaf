// Scan: the rows of a range, page by page, each in a transaction of its own, so that a range of any size can
// be read within the store's 5 s and in bounded memory. It sees one state of the world only while nobody
// writes: an embedded store is locked by whoever has it open, so for a tool that is so.
#pragma once
#include <vector>

#include "store/database.h"

namespace everframe::inspect {

inline constexpr std::size_t PAGE_ROWS = 2'000;  // some 200 kB of entities

class Scan {
 public:
  // Database and executor outlive the scan.
  Scan(store::Database& database, platform::Executor& executor, store::KeyRange range,
       std::size_t page_rows = PAGE_ROWS)
      : database_(database), executor_(executor), range_(std::move(range)), page_rows_(page_rows) {}

  // The next rows in key order; none: the end.
  Task<Result<std::vector<store::KeyValue>>> next();

 private:
  store::Database& database_;
  platform::Executor& executor_;
  store::KeyRange range_;
  const std::size_t page_rows_;
  bool ended_ = false;
};

// The name of the only world of a store; several or none are refused with what there is.
Task<Result<std::string>> only_world(store::Database& database, platform::Executor& executor);

}  // namespace everframe::inspect
