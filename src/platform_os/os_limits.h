// What the system allows this process. Any thread, at start.
#pragma once
#include <cstddef>

namespace everframe::platform_os {

// Raises the limit of open files to what the system lets it be raised to (RLIMIT_NOFILE's hard limit); the
// limit that is in force then. Sockets count.
std::size_t raise_open_files();

}  // namespace everframe::platform_os
