#include "embedded/store_format.h"

namespace everframe::embedded {

namespace {

std::string parent_of(const std::string& directory) {
  const auto slash = directory.find_last_of('/', directory.size() - 2);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : directory.substr(0, slash);
}

}  // namespace

Result<void> write_format(platform::Disk& disk, const std::string& directory) {
  const std::string path = directory + "/FORMAT";
  const std::string fresh = path + ".new";
  auto file = disk.open(fresh, platform::Disk::Open::CREATE);
  if (!file) return tl::unexpected(file.error());
  if (auto emptied = (*file)->truncate(0); !emptied) return emptied;
  if (auto written = (*file)->write(0, bytes_of(FORMAT)); !written) return written;
  if (auto synced = (*file)->sync(); !synced) return synced;
  return disk.rename(fresh, path);
}

Result<void> sync_names(platform::Disk& disk, const std::string& directory) {
  if (auto synced = disk.sync_directory(directory); !synced) return synced;
  return disk.sync_directory(parent_of(directory));
}

}  // namespace everframe::embedded
