#include "inspect/progress.h"

#include <fmt/ostream.h>

#include <algorithm>

#include "platform_os/terminal.h"

namespace everframe::inspect {

void Progress::end() {
  if (!terminal_ || drawn_ == 0) return;
  draw();
  fmt::print(out_, "\n");
  drawn_ = 0;
}

void Progress::at(std::uint64_t done) {
  const std::uint64_t steps = terminal_ ? PROGRESS_BAR_STEPS : PROGRESS_LINE_STEPS;
  const bool passed = done / steps != done_ / steps;
  done_ = done;
  if (passed) draw();
}

void Progress::draw() {
  constexpr std::uint64_t WIDTH = 30;
  drawn_ = done_;
  std::string text = fmt::format("{} {}", done_, what_);
  if (total_ > 0) {
    // The total may be an estimate: the bar never runs over.
    const std::uint64_t percent = std::min<std::uint64_t>(100, done_ * 100 / total_);
    const std::uint64_t filled = percent * WIDTH / 100;
    text = fmt::format("[{}{}] {:3} %  {}", std::string(filled, '#'), std::string(WIDTH - filled, '.'),
                       percent, text);
  }
  fmt::print(out_, "{}{}{}", terminal_ ? "\r" : "", text, terminal_ ? "" : "\n");
  out_.flush();
}

bool is_progress_terminal() {
  return platform_os::is_error_terminal();
}
bool is_output_terminal() {
  return platform_os::is_output_terminal();
}

}  // namespace everframe::inspect
