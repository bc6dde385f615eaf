// Progress: how far a long tool is. On a terminal a bar that redraws itself, else a line now and then;
// nothing of it goes to the output that others read.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>

namespace everframe::inspect {

inline constexpr std::uint64_t PROGRESS_LINE_STEPS = 100'000;  // about once a second
inline constexpr std::uint64_t PROGRESS_BAR_STEPS = 10'000;

class Progress {
 public:
  // `what` follows the count: "rows read". `total` 0: not known, so there is no bar, only the count.
  Progress(std::ostream& out, bool terminal, std::string what, std::uint64_t total = 0)
      : out_(out), terminal_(terminal), what_(std::move(what)), total_(total) {}
  ~Progress() { end(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void at(std::uint64_t done);
  void end();  // draws the last state and leaves the terminal's line; once

 private:
  void draw();

  std::ostream& out_;
  const bool terminal_;
  const std::string what_;
  const std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::uint64_t drawn_ = 0;
};

// Is standard error, where progress goes, a terminal? And the output, with which it would then mix?
bool is_progress_terminal();
bool is_output_terminal();

}  // namespace everframe::inspect
