// The table behind error::text().
#pragma once
#include <span>

#include "platform/fdb_api.h"

namespace everframe::embedded::error {

struct Text {
  fdb_error_t code;
  const char* text;
};
std::span<const Text> texts();  // in rising order of code

}  // namespace everframe::embedded::error
