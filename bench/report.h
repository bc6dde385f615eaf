// What all benchmarks share: a clock, samples and their quantiles, and the report.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <vector>

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

}  // namespace everframe::bench
