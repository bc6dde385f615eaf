// BulkLoad: fills a new RocksDB base with rows in key order: sorted files of FILE_BYTES, written without log
// or memtable, then taken in at once, with the mark, and durable. As fast as the disk writes. Threads: one.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "embedded/base.h"

namespace everframe::embedded {

class BulkLoad {
 public:
  // `directory` is made; its parent is there. It must not exist, or be empty.
  static Result<std::unique_ptr<BulkLoad>> begin(const std::string& directory);
  ~BulkLoad();

  Result<void> add(std::string_view key, std::string_view value);
  Result<void> finish(Mark mark);
  // Removes the directory and what is in it.
  void abandon();

 private:
  struct State;
  explicit BulkLoad(std::unique_ptr<State> state);
  Result<void> end_file();
  std::unique_ptr<State> state_;
};

}  // namespace everframe::embedded
