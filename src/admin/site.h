// Site: what the HTTP server serves besides signaling: files, read once at start, and texts made by the
// server.
#pragma once
#include <map>
#include <string>

#include "base/result.h"

namespace everframe::admin {

inline constexpr std::size_t FILE_SIZE_MAX = 16 << 20;
inline constexpr std::size_t FILES_SIZE_MAX = 64 << 20;

struct SiteFile {
  std::string type;  // MIME
  std::string etag;
  std::string bytes;
};
using SiteFiles = std::map<std::string, SiteFile>;  // by URL path; "/" is index.html

// Every regular file under `directory`. Called at start only: it blocks.
Result<SiteFiles> read_site(const std::string& directory);

}  // namespace everframe::admin
