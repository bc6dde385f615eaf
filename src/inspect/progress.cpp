#include "inspect/progress.h"

#include <fmt/ostream.h>

#include <algorithm>

#include "platform_os/terminal.h"

namespace everframe::inspect {

namespace {

constexpr std::uint64_t BAR_WIDTH = 30;

std::string time_text(std::int64_t seconds) {
  if (seconds < 3'600) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", seconds / 3'600, seconds / 60 % 60, seconds % 60);
}

}  // namespace

void Progress::end() {
  if (!terminal_ || !drawn_) return;
  draw();
  fmt::print(out_, "\n");
  drawn_ = false;
}

void Progress::at(std::uint64_t count, std::uint64_t part) {
  const bool passed = count / PROGRESS_LINE_STEPS != count_ / PROGRESS_LINE_STEPS;
  count_ = count;
  part_ = part;
  if (terminal_ ? clock_.now() - drawn_at_ >= PROGRESS_BAR_EVERY : passed) draw();
}

// The total may be an estimate: the bar never runs over.
std::string Progress::bar() const {
  const std::uint64_t done = std::min(part_, total_);
  const double share = static_cast<double>(done) / static_cast<double>(total_);
  const auto percent = static_cast<std::uint64_t>(share * 100);
  const std::uint64_t filled = percent * BAR_WIDTH / 100;
  std::string text =
      fmt::format("[{}{}] {:3} %", std::string(filled, '#'), std::string(BAR_WIDTH - filled, '.'), percent);
  if (done == 0 || part_ >= total_) return text;
  const double spent = std::chrono::duration<double>(clock_.now() - begun_).count();
  return text + fmt::format("  {} left", time_text(static_cast<std::int64_t>(spent / share - spent + 0.5)));
}

void Progress::draw() {
  drawn_ = true;
  drawn_at_ = clock_.now();
  std::string text = fmt::format("{} {}", count_, what_);
  if (total_ > 0) text = bar() + "  " + text;
  const std::size_t width = text.size();
  if (terminal_ && width < width_) text.append(width_ - width, ' ');  // over what stood there
  width_ = width;
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
