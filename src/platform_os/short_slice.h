// Asks the kernel to run this thread soon after it wakes, at the price of running it briefly: a time slice of
// 100 microseconds (Linux 6.12 and later, EEVDF; no privilege needed). On busy cores a thread that only hands
// work on otherwise waits up to a 4 ms tick each time. Where the kernel does not know it, nothing happens.
#pragma once

namespace everframe::platform_os {

void use_short_slice();

}  // namespace everframe::platform_os
