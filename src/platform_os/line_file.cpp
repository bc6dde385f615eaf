#include "platform_os/line_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/log.h"

namespace everframe::platform_os {

namespace {

// A process that was killed within a write may have left the beginning of a line.
void cut_half_line(int file) {
  off_t end = lseek(file, 0, SEEK_END);
  if (end <= 0) return;  // new, or no file that has an end
  char last = '\n';
  while (end > 0 && pread(file, &last, 1, end - 1) == 1 && last != '\n') --end;
  if (ftruncate(file, end) != 0) log::warn("half a line stays: {}", std::generic_category().message(errno));
}

}  // namespace

Result<std::unique_ptr<LineFile>> LineFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return fail("{}: {}", path, std::generic_category().message(errno));
  cut_half_line(file);
  return std::unique_ptr<LineFile>(new LineFile(file));
}

LineFile::~LineFile() {
  close(file_);
}

void LineFile::append(std::string_view line) {
  const ssize_t written = write(file_, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) {
    log::warn("a line of {} bytes was not written: {}", line.size(), std::generic_category().message(errno));
  }
}

}  // namespace everframe::platform_os
