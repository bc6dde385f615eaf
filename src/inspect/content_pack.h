// A content pack from its folder of TOML files.
#pragma once
#include <string>

#include "platform/disk.h"
#include "world/content.h"

namespace everframe::inspect {

Result<world::Content> read_content_pack(platform::Disk& disk, const std::string& directory);

}  // namespace everframe::inspect
