// What the benchmarks share: a clock, samples and their quantiles, keys and values, and the report.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "platform/fdb_api.h"

namespace everframe::bench {

double now_us();  // monotonic

// Durations in microseconds.
class Samples {
 public:
  void add(double us) { us_.push_back(us); }
  double quantile(double q);
  std::size_t count() const { return us_.size(); }

 private:
  std::vector<double> us_;
};

double median(std::vector<double> values);

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

// Lines for people, and the same as JSON.
class Report {
 public:
  // Prints "name  label value  label value …"; keeps the values under their labels.
  struct Value {
    const char* label;
    double value;
  };
  void add(const std::string& name, const std::vector<Value>& values);
  // Did it hold? Only said, never an exit status: a shared machine may be slow.
  void target(const std::string& text, double reached, double wanted, bool at_most);
  boost::json::object json() const;

 private:
  boost::json::array rows_;
  boost::json::array targets_;
};

// The parts. Each leaves nothing behind in the directory.
Result<void> bench_commits(const Settings& settings, Report& report);
Result<void> bench_conflicts(const Settings& settings, Report& report);
Result<void> bench_reads(const Settings& settings, Report& report);
Result<void> bench_bulk(const Settings& settings, Report& report);

}  // namespace everframe::bench
