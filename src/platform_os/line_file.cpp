#include "platform_os/line_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/log.h"

namespace everframe::platform_os {

Result<std::unique_ptr<LineFile>> LineFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return fail("{}: {}", path, std::generic_category().message(errno));
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
