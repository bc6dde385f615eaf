// How the base's RocksDB is set up, and what its rows are.
#pragma once
#include <rocksdb/options.h>
#include <rocksdb/status.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "embedded/base.h"

namespace everframe::embedded {

// rocks-row := 00 -> version u64, serial u64 | 01 key -> value
inline constexpr char MARK_KEY[] = {'\x00'};
inline constexpr char ROW = '\x01';

rocksdb::Options options_of_base();

inline rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view view(const rocksdb::Slice& text) {
  return {text.data(), text.size()};
}
std::string row_key(std::string_view key);
std::string mark_row(const Mark& mark);
Result<void> outcome(const rocksdb::Status& status, std::string_view doing);

}  // namespace everframe::embedded
