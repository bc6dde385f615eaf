#include "platform_os/terminal.h"

#include <unistd.h>

#include <csignal>
#include <initializer_list>

namespace everframe::platform_os {

namespace {
volatile std::sig_atomic_t interrupted = 0;
}

bool is_error_terminal() {
  return isatty(STDERR_FILENO) == 1;
}
bool is_output_terminal() {
  return isatty(STDOUT_FILENO) == 1;
}

void note_interrupts() {
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int) { interrupted = 1; });
  }
}

bool was_interrupted() {
  return interrupted != 0;
}

}  // namespace everframe::platform_os
