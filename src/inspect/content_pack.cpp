#include "inspect/content_pack.h"

namespace everframe::inspect {

namespace {
constexpr std::size_t FILE_BYTES_MAX = 16 << 20;
}

Result<world::Content> read_content_pack(platform::Disk& disk, const std::string& directory) {
  const auto names = disk.list(directory);
  if (!names) return tl::unexpected<Error>(names.error());
  std::vector<world::ContentFile> files;
  for (const std::string& name : *names) {
    if (!name.ends_with(".toml")) continue;
    const auto file = disk.open(directory + "/" + name, platform::Disk::Open::EXISTING);
    if (!file) return tl::unexpected<Error>(file.error());
    const auto bytes = (*file)->read(0, FILE_BYTES_MAX);
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    files.push_back({name, std::string(chars_of(*bytes))});
  }
  if (files.empty()) return fail("{}: no content pack: there is no .toml file", directory);
  return world::parse_content(files);
}

}  // namespace everframe::inspect
