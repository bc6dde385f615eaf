// IndexBuild: fills an index of a table that has records already, while the table is in use: some rows a
// transaction, at batch priority, from where the last one stopped, whoever did that. Records that are written
// meanwhile keep the index themselves (it is WRITE_ONLY); readers are refused until it is complete. A claim,
// with a time at which it ends, keeps two builders from doing the same work; it is no lock: two at once do no
// harm, their transactions conflict. Threads: belongs to one executor. Ownership: all that it is made from
// outlives it.
#pragma once
#include "store/records/table_core.h"

namespace everframe::store::records {

struct BuildOptions {
  std::size_t rows_a_step = 500;  // so that a step stays far from 5 s and 10 MB
  std::size_t bytes_a_step = 500'000;
  std::int64_t claim_ms = 30'000;  // a builder that has not stepped for so long is taken for gone
};

class IndexBuild {
 public:
  // `builder` tells this builder from others; not 0.
  IndexBuild(const TableCore& table, Database& database, platform::Executor& executor, std::string index,
             std::uint64_t builder, BuildOptions options = {});

  struct Step {
    bool done = false;  // the index is READABLE
    std::size_t rows = 0;
  };
  // One transaction. A DISABLED index is cleared first and begun anew. An Error with code 0: another builder
  // holds the claim, there is no such index, or two records have what a unique one allows once.
  Task<Result<Step>> step();
  // All of them; the rows that were gone through.
  Task<Result<std::size_t>> run();
  // Clears the index and stops keeping it up to date.
  Task<Result<void>> disable();

 private:
  struct Standing {
    IndexState state = IndexState::READABLE;
    std::optional<std::string> progress;
  };
  Task<Result<Step>> step_in(Transaction& t) const;
  Task<Result<Standing>> standing(Transaction& t) const;
  Task<Result<void>> add(Transaction& t, KeyBytes packed_key, std::string body) const;
  std::string claim(std::int64_t until_ms) const;

  const TableCore& table_;
  Database& database_;
  platform::Executor& executor_;
  const std::string index_;
  const std::uint64_t builder_;
  const BuildOptions options_;
  const std::size_t number_;
};

}  // namespace everframe::store::records
