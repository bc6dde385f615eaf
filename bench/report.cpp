#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace everframe::bench {

double now_us() {
  using namespace std::chrono;
  return duration<double, std::micro>(steady_clock::now().time_since_epoch()).count();
}

double Samples::quantile(double q) {
  if (us_.empty()) return 0;
  const auto at = us_.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(us_.size() - 1));
  std::nth_element(us_.begin(), at, us_.end());
  return *at;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Report::add(const std::string& name, const std::vector<Value>& values) {
  boost::json::object row{{"name", name}};
  std::string line = fmt::format("{:<44}", name);
  for (const Value& value : values) {
    row[value.label] = value.value;
    const int digits = value.value < 10 ? 2 : value.value < 1000 ? 1 : 0;
    line += fmt::format("  {} {:.{}f}", value.label, value.value, digits);
  }
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  rows_.push_back(std::move(row));
}

void Report::target(const std::string& text, double reached, double wanted, bool at_most) {
  const bool held = at_most ? reached <= wanted : reached >= wanted;
  std::printf("  %s %s: %.2f (wanted: %s %.2f)\n", held ? "held  " : "MISSED", text.c_str(), reached,
              at_most ? "at most" : "at least", wanted);
  targets_.push_back(
      boost::json::object{{"target", text}, {"reached", reached}, {"wanted", wanted}, {"held", held}});
}

boost::json::object Report::json() const {
  return {{"results", rows_}, {"targets", targets_}};
}

}  // namespace everframe::bench
