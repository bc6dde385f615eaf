#include "store/measure.h"

#include <algorithm>

namespace everframe::bench {

Commits median(const std::vector<Commits>& rounds) {
  const auto of = [&](double Commits::*field) {
    std::vector<double> values;
    for (const Commits& round : rounds) values.push_back(round.*field);
    return median(std::move(values));
  };
  return {of(&Commits::a_second), of(&Commits::p50_us), of(&Commits::p99_us)};
}

std::string key_of(std::uint64_t number) {
  std::string key(KEY_BYTES, '\0');
  for (std::size_t i = 0; i < 8; ++i) key[8 + i] = static_cast<char>(number >> (56 - 8 * i));
  key.replace(0, 8, "entity--");
  return key;
}

void fill_value(std::string& value, Prng& dice) {
  std::size_t at = 0;
  for (; at + 8 <= value.size() / 2; at += 8) {
    const std::uint64_t word = dice.next();
    for (std::size_t i = 0; i < 8; ++i) value[at + i] = static_cast<char>(word >> (8 * i));
  }
  std::fill(value.begin() + static_cast<std::ptrdiff_t>(at), value.end(), 'x');
}

bool Settings::wants(std::string_view part) const {
  return only.empty() || std::find(only.begin(), only.end(), part) != only.end();
}

}  // namespace everframe::bench
