// Mapper: what fdb_transaction_get_mapped_range is told to do with each row: a tuple in which "{K[2]}" stands
// for the third element of the row's key, "{V[0]}" for the first of its value, and a last "{...}" asks for
// all keys that begin with what is before it. "{{" and "}}" are literal braces. (FoundationDB's documentation
// "Everything about GetMappedRange"; its tuple layer's encoding, of which only element borders matter here.)
//
// Threads: none inside.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace everframe::embedded {

// The elements of an encoded tuple, each as its bytes; nothing if it is none.
std::optional<std::vector<std::string_view>> split_tuple(std::string_view tuple);

class Mapper {
 public:
  // Errors carry FoundationDB's codes 2030, 2032, 2041 to 2043.
  static Result<Mapper> parse(std::string_view tuple);

  bool is_range() const { return is_range_; }
  // The key to read for a row, or the prefix of the keys.
  Result<std::string> key_for(std::string_view key, std::string_view value) const;

 private:
  struct Part {
    enum class Source : std::uint8_t { LITERAL, KEY, VALUE };
    Source source = Source::LITERAL;
    std::string bytes;  // of LITERAL: encoded
    std::string index;  // of the others: digits
  };

  std::vector<Part> parts_;
  bool is_range_ = false;
};

}  // namespace everframe::embedded
