// FORMAT: the file that makes a directory a store, and says of which format. It is written whole or not at
// all. Its text is persistent.
#pragma once
#include <string>
#include <string_view>

#include "platform/disk.h"

namespace everframe::embedded {

inline constexpr std::string_view FORMAT = "everframe-store 1\n";

// Writes and syncs it; it has its name at once or not at all.
Result<void> write_format(platform::Disk& disk, const std::string& directory);
// The names in the directory, and its own in its parent, survive a power cut.
Result<void> sync_names(platform::Disk& disk, const std::string& directory);

}  // namespace everframe::embedded
