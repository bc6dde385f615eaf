#include "everframe/open_store.h"

#include <algorithm>

#include "embedded/engine.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"
#include "store/fdb_library.h"

namespace everframe {

Result<std::unique_ptr<store::Database>> open_store(const std::string& target,
                                                    const std::string& fdb_library) {
  constexpr std::string_view EMBEDDED = "embedded:";
  constexpr std::string_view CLUSTER = "fdb:";
  if (target.starts_with(CLUSTER)) return store::open_cluster({target.substr(CLUSTER.size()), fdb_library});
  const std::string directory = target.starts_with(EMBEDDED) ? target.substr(EMBEDDED.size()) : target;
  static platform_os::OsDisk disk;
  static platform_os::OsClock clock;
  const auto names = disk.list(directory);
  if (!names) return tl::unexpected<Error>(names.error());
  if (std::find(names->begin(), names->end(), "FORMAT") == names->end()) {
    return fail("{}: there is no store in this directory", directory);
  }
  embedded::configure({&disk, &clock, 1});
  return store::Database::open(embedded::api(), std::string(EMBEDDED) + directory, embedded::why_not_opened);
}

}  // namespace everframe
