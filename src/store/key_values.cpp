#include "store/key_values.h"

#include <cstring>

namespace everframe::store {

void KeyValues::append(std::span<const FDBKeyValue> page) {
  std::size_t bytes = 0;
  for (const FDBKeyValue& row : page) {
    bytes += static_cast<std::size_t>(row.key_length) + static_cast<std::size_t>(row.value_length);
  }
  char* to = blocks_.emplace_back(std::make_unique_for_overwrite<char[]>(bytes)).get();
  const auto copied = [&to](const std::uint8_t* from, int length) {
    const auto size = static_cast<std::size_t>(length);
    if (size > 0) std::memcpy(to, from, size);
    const std::string_view out(to, size);
    to += size;
    return out;
  };
  for (const FDBKeyValue& row : page) {
    const std::string_view key = copied(row.key, row.key_length);
    rows_.push_back({key, copied(row.value, row.value_length)});
  }
}

}  // namespace everframe::store
