#include "everframe/open_store.h"

#include <algorithm>

#include "embedded/backup.h"
#include "embedded/engine.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"
#include "remote/client.h"
#include "remote/server.h"
#include "store/fdb_library.h"

namespace everframe {

namespace {

constexpr std::string_view EMBEDDED = "embedded:";
constexpr std::string_view CLUSTER = "fdb:";
constexpr int LOCK_FILE_FAILURE = 1529;  // FoundationDB's: another process has the directory

platform_os::OsDisk& disk() {
  static platform_os::OsDisk one;
  return one;
}

Result<std::string> directory_of(const std::string& target) {
  if (target.starts_with(CLUSTER)) return fail("{}: a cluster is backed up by fdbbackup", target);
  return target.starts_with(EMBEDDED) ? target.substr(EMBEDDED.size()) : target;
}

// The directory of a store that is there, and the engine made ready for it.
Result<std::string> existing(const std::string& target) {
  auto directory = directory_of(target);
  if (!directory) return directory;
  const auto names = disk().list(*directory);
  if (!names) return tl::unexpected<Error>(names.error());
  if (std::find(names->begin(), names->end(), "FORMAT") == names->end()) {
    return fail("{}: there is no store in this directory", *directory);
  }
  static platform_os::OsClock clock;
  embedded::configure({&disk(), &clock, 1});
  return directory;
}

// Why a locked store could not be reached through its server either.
tl::unexpected<Error> not_reached(const Error& locked, const std::string& why) {
  return fail_with(locked.code, "{}; and not through its server: {}", locked.text, why);
}

}  // namespace

Result<std::unique_ptr<store::Database>> open_store(const std::string& target,
                                                    const std::string& fdb_library) {
  if (target.starts_with(CLUSTER)) return store::open_cluster({target.substr(CLUSTER.size()), fdb_library});
  const auto directory = existing(target);
  if (!directory) return tl::unexpected<Error>(directory.error());
  auto opened =
      store::Database::open(embedded::api(), std::string(EMBEDDED) + *directory, embedded::why_not_opened);
  if (opened || opened.error().code != LOCK_FILE_FAILURE) return opened;
  auto live = store::Database::open(remote::api(embedded::api()),
                                    std::string(remote::SCHEME) + remote::socket_path(*directory),
                                    remote::why_not_opened);
  if (!live) return not_reached(opened.error(), live.error().text);
  return live;
}

Result<std::unique_ptr<platform::BackupSource>> begin_backup(const std::string& target) {
  const auto directory = existing(target);
  if (!directory) return tl::unexpected<Error>(directory.error());
  auto source = embedded::begin_backup(std::string(EMBEDDED) + *directory);
  if (source || source.error().code != LOCK_FILE_FAILURE) return source;
  auto live = remote::begin_backup(remote::socket_path(*directory));
  if (!live) return not_reached(source.error(), live.error().text);
  return live;
}

Result<std::unique_ptr<platform::RestoreTarget>> begin_restore(const std::string& target) {
  const auto directory = directory_of(target);
  if (!directory) return tl::unexpected<Error>(directory.error());
  return embedded::begin_restore(disk(), *directory);
}

}  // namespace everframe
