// Progress: how far a long tool is. On a terminal a bar that redraws itself, with the percentage and the time
// that is left; else a line now and then. Nothing of it goes to the output that others read.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>

#include "platform/clock.h"

namespace everframe::inspect {

inline constexpr std::uint64_t PROGRESS_LINE_STEPS = 100'000;  // about once a second
inline constexpr Duration PROGRESS_BAR_EVERY = 100ms;

class Progress {
 public:
  // `what` follows the count: "rows read". `total`: of what at() calls its part; it may be an estimate. 0:
  // not known, so there is no bar, only the count. Stream and clock outlive this.
  Progress(std::ostream& out, const platform::Clock& clock, bool terminal, std::string what,
           std::uint64_t total = 0)
      : out_(out),
        clock_(clock),
        terminal_(terminal),
        what_(std::move(what)),
        total_(total),
        begun_(clock.now()),
        drawn_at_(begun_) {}
  ~Progress() { end(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void at(std::uint64_t count) { at(count, count); }
  void at(std::uint64_t count, std::uint64_t part);
  void end();  // draws the last state and leaves the terminal's line; once

 private:
  std::string bar() const;
  void draw();

  std::ostream& out_;
  const platform::Clock& clock_;
  const bool terminal_;
  const std::string what_;
  const std::uint64_t total_;
  const Time begun_;
  Time drawn_at_;
  bool drawn_ = false;
  std::uint64_t count_ = 0;
  std::uint64_t part_ = 0;
  std::size_t width_ = 0;  // of what stands on the terminal's line
};

// Is standard error, where progress goes, a terminal? And the output, with which it would then mix?
bool is_progress_terminal();
bool is_output_terminal();

}  // namespace everframe::inspect
