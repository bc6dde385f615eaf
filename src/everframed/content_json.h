// The content pack as GET /v1/content gives it (spec/wire.md sections 1 and 6). Indexes are the wire's
// numbers.
#pragma once
#include <string>

#include "world/content.h"

namespace everframe::everframed {

std::string content_json(const world::Content& content);
std::string content_hash_text(const world::Content& content);  // 16 hexadecimal digits

}  // namespace everframe::everframed
