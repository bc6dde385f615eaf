#include "admin/site.h"

#include <array>
#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "base/hash.h"

namespace everframe::admin {

namespace {

std::string type_of(const std::filesystem::path& path) {
  static constexpr std::array<std::pair<const char*, const char*>, 12> TYPES{{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".ico", "image/x-icon"},
      {".wasm", "application/wasm"},
      {".woff2", "font/woff2"},
      {".map", "application/json"},
      {".txt", "text/plain; charset=utf-8"},
  }};
  const std::string extension = path.extension().string();
  for (const auto& [known, type] : TYPES) {
    if (extension == known) return type;
  }
  return "application/octet-stream";
}

}  // namespace

Result<SiteFiles> read_site(const std::string& directory) {
  namespace fs = std::filesystem;
  SiteFiles files;
  std::size_t total = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->is_regular_file()) continue;
    const std::size_t size = entry->file_size();
    total += size;
    if (size > FILE_SIZE_MAX || total > FILES_SIZE_MAX) {
      return fail("{}: files to serve may have {} MiB each and {} MiB together", entry->path().string(),
                  FILE_SIZE_MAX >> 20, FILES_SIZE_MAX >> 20);
    }
    std::ifstream in(entry->path(), std::ios::binary);
    SiteFile file{type_of(entry->path()), {}, std::string(std::istreambuf_iterator<char>(in), {})};
    if (!in) return fail("{}: cannot be read", entry->path().string());
    file.etag = fmt::format("\"{:016x}\"", hash64(bytes_of(file.bytes)));
    const std::string path = "/" + fs::relative(entry->path(), directory).generic_string();
    constexpr std::string_view INDEX = "index.html";
    if (path.ends_with("/index.html")) files.emplace(path.substr(0, path.size() - INDEX.size()), file);
    files.emplace(path, std::move(file));
  }
  if (error) return fail("{}: {}", directory, error.message());
  return files;
}

}  // namespace everframe::admin
