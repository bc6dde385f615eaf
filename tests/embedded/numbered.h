// Numbered transactions: what store_victim commits and kill_test.cpp finds. Number n writes PARTS rows
// part/n/i whose values are told by n and i, adds its number to the sum, and clears those KEPT numbers back;
// so one can see whether a transaction is there whole, whether one before it is missing, and whether one was
// applied twice.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "platform/fdb_api.h"

namespace everframe::tests {

inline constexpr std::uint64_t PARTS = 10;
inline constexpr std::uint64_t KEPT = 300;

inline const std::uint8_t* raw(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}
inline int size(std::string_view text) {
  return static_cast<int>(text.size());
}

inline std::string part_key(std::uint64_t number, std::uint64_t part) {
  char text[48];
  std::snprintf(text, sizeof text, "part/%012llu/%llu", static_cast<unsigned long long>(number),
                static_cast<unsigned long long>(part));
  return text;
}
inline std::string part_value(std::uint64_t number, std::uint64_t part) {
  return std::string(20 + (number * 31 + part * 7) % 200, static_cast<char>('a' + (number + part) % 26));
}
inline std::string number_text(std::uint64_t number) {
  std::string out(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(number >> (8 * i));
  return out;
}
inline std::uint64_t number_of(std::string_view text) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < text.size() && i < 8; ++i) {
    out |= std::uint64_t{static_cast<std::uint8_t>(text[i])} << (8 * i);
  }
  return out;
}

inline void write_numbered(const platform::FdbApi& fdb, FDBTransaction* t, std::uint64_t number) {
  for (std::uint64_t part = 0; part < PARTS; ++part) {
    const std::string key = part_key(number, part);
    const std::string value = part_value(number, part);
    fdb.transaction_set(t, raw(key), size(key), raw(value), size(value));
  }
  const std::string text = number_text(number);
  constexpr int ADD = 2;
  fdb.transaction_atomic_op(t, raw("sum"), 3, raw(text), size(text), ADD);
  fdb.transaction_set(t, raw("last"), 4, raw(text), size(text));
  if (number > KEPT) {
    const std::string end = part_key(number - KEPT, 0);
    fdb.transaction_clear_range(t, raw("part/"), 5, raw(end), size(end));
  }
}

inline std::uint64_t read_number(const platform::FdbApi& fdb, FDBTransaction* t, std::string_view key) {
  FDBFuture* future = fdb.transaction_get(t, raw(key), size(key), 1);
  fdb.future_block_until_ready(future);
  fdb_bool_t present = 0;
  const std::uint8_t* value = nullptr;
  int length = 0;
  std::uint64_t out = 0;
  if (fdb.future_get_value(future, &present, &value, &length) == 0 && present != 0) {
    out = number_of({reinterpret_cast<const char*>(value), static_cast<std::size_t>(length)});
  }
  fdb.future_destroy(future);
  return out;
}

inline std::uint64_t last_number(const platform::FdbApi& fdb, FDBDatabase* database) {
  FDBTransaction* t = nullptr;
  if (fdb.database_create_transaction(database, &t) != 0) return 0;
  const std::uint64_t last = read_number(fdb, t, "last");
  fdb.transaction_destroy(t);
  return last;
}

}  // namespace everframe::tests
