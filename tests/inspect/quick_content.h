// For tests: the reference pack, but who walks is there at once.
#pragma once
#include "world/pack_for_tests.h"

namespace everframe::inspect {

inline const world::Content& quick_content() {
  static const world::Content content = [] {
    auto files = world::survival_files();
    for (auto& file : files) {
      const std::string slow = "speed_mm_s = 8000";
      const auto at = file.text.find(slow);
      if (at != std::string::npos) file.text.replace(at, slow.size(), "speed_mm_s = 1000000");
    }
    return world::parse_content(files).value();
  }();
  return content;
}

}  // namespace everframe::inspect
