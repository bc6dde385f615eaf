// What the store's benchmarks share: settings, keys and values.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "platform/fdb_api.h"
#include "report.h"

namespace everframe::bench {

// What one round of a commit load did.
struct Commits {
  double a_second = 0;
  double p50_us = 0;
  double p99_us = 0;
};
Commits median(const std::vector<Commits>& rounds);

inline constexpr std::size_t KEY_BYTES = 16;
inline constexpr std::size_t ENTITY_BYTES = 120;
inline constexpr std::size_t WRITES = 10;  // of a commit
inline constexpr std::size_t WRITE_BYTES = 100;

// The key of row `number`: 16 bytes, in the numbers' order.
std::string key_of(std::uint64_t number);
// Half of its bytes repeat, as a record's do.
void fill_value(std::string& value, Prng& dice);

inline const std::uint8_t* raw(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}
inline int length(std::string_view text) {
  return static_cast<int>(text.size());
}

// What the command line asks for.
struct Settings {
  std::string directory;
  bool smoke = false;
  int rounds = 3;
  double seconds = 1.0;  // of one round of a commit load
  std::uint64_t rows = 10'000'000;
  std::uint64_t scan_rows = 100'000;
  std::uint64_t keys = 100'000;  // that commits write to at random: a region's entities
  std::vector<std::size_t> in_flight{1, 8, 64};
  std::vector<std::string> only;
  bool wants(std::string_view part) const;
};

// The parts. Each leaves nothing behind in the directory.
Result<void> bench_commits(const Settings& settings, Report& report);
Result<void> bench_conflicts(const Settings& settings, Report& report);
Result<void> bench_reads(const Settings& settings, Report& report);
Result<void> bench_bulk(const Settings& settings, Report& report);

}  // namespace everframe::bench
