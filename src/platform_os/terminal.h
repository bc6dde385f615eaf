// What a tool asks about the person in front of it.
#pragma once

namespace everframe::platform_os {

bool is_error_terminal();  // standard error goes to a screen
bool is_output_terminal();

// From now on SIGINT and SIGTERM are noted instead of ending the process.
void note_interrupts();
bool was_interrupted();

}  // namespace everframe::platform_os
