// libeverframe_fdb_c.so: the embedded engine behind FoundationDB's own C names, for its bindings and tools.
// What they take for a cluster file's path may be embedded:DIR or memory:NAME, or a file that says so in its
// first line that is no comment (a relative DIR there is relative to the file). Without a path,
// FoundationDB's rule: FDB_CLUSTER_FILE in the environment, ./fdb.cluster, /etc/foundationdb/fdb.cluster.
//
// Not there: blob granules, change feeds, FoundationDB's administrative calls, and tenants. Of those, what
// bindings look up when they are loaded exists, and refuses (2108).
#include <cstdlib>
#include <filesystem>

#include "embedded/engine.h"
#include "platform/fdb_api.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"
#include "platform_os/short_slice.h"

namespace everframe::fdb_c {
namespace {

constexpr fdb_error_t NO_CLUSTER_FILE_FOUND = 1515;
constexpr fdb_error_t CONNECTION_STRING_INVALID = 2104;
constexpr fdb_error_t FILE_NOT_READABLE = 1513;
constexpr fdb_error_t UNSUPPORTED_OPERATION = 2108;
constexpr const char* DEFAULT_FILES[] = {"fdb.cluster", "/etc/foundationdb/fdb.cluster"};
constexpr std::string_view DISK_TARGET = "embedded:";
constexpr std::string_view MEMORY_TARGET = "memory:";
constexpr std::size_t CLUSTER_FILE_BYTES_MAX = 1 << 16;

bool is_target(std::string_view text) {
  return text.starts_with(DISK_TARGET) || text.starts_with(MEMORY_TARGET);
}

// The engine's functions; the disk and the clock under them live as long as the process, which may end with
// databases still open.
const platform::FdbApi& engine() {
  static const platform::FdbApi& table = []() -> const platform::FdbApi& {
    static platform_os::OsDisk* disk = new platform_os::OsDisk;
    static platform_os::OsClock* clock = new platform_os::OsClock;
    embedded::configure({disk,
                         clock,
                         static_cast<std::uint64_t>(clock->now().time_since_epoch().count()),
                         {},
                         platform_os::use_short_slice});
    return embedded::api();
  }();
  return table;
}

std::string default_file() {
  if (const char* named = std::getenv("FDB_CLUSTER_FILE"); named != nullptr && *named != '\0') return named;
  std::error_code ignored;
  for (const char* file : DEFAULT_FILES) {
    if (std::filesystem::exists(file, ignored)) return file;
  }
  return {};
}

// The first line of `text` that says something.
std::string first_line(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos || line[begin] == '#') continue;
    line = line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
    return std::string(line);
  }
  return {};
}

fdb_error_t open_database(std::string target, FDBDatabase** out) {
  if (is_target(target)) return engine().create_database(target.c_str(), out);
  if (target.empty()) target = default_file();
  if (target.empty()) return NO_CLUSTER_FILE_FOUND;
  const auto text = platform_os::read_text_file(target, CLUSTER_FILE_BYTES_MAX);
  if (!text) return FILE_NOT_READABLE;
  std::string said = first_line(*text);
  if (!is_target(said)) return CONNECTION_STRING_INVALID;
  if (said.starts_with(DISK_TARGET)) {
    const std::filesystem::path directory = said.substr(DISK_TARGET.size());
    if (directory.is_relative()) {
      said = std::string(DISK_TARGET) + (std::filesystem::path(target).parent_path() / directory).string();
    }
  }
  return engine().create_database(said.c_str(), out);
}

fdb_error_t create_database(const char* cluster_file, FDBDatabase** out) {
  try {
    return open_database(cluster_file == nullptr ? "" : cluster_file, out);
  } catch (const std::exception&) {
    return FILE_NOT_READABLE;
  }
}

const platform::FdbApi& table() {
  static const platform::FdbApi ours = [] {
    platform::FdbApi filling = engine();
    filling.create_database = create_database;
    return filling;
  }();
  return ours;
}

}  // namespace
}  // namespace everframe::fdb_c

extern "C" {

#define EXPORT(result, name, parameters, arguments)                     \
  __attribute__((visibility("default"))) result fdb_##name parameters { \
    return everframe::fdb_c::table().name arguments;                    \
  }
EVERFRAME_FDB_FUNCTIONS_710(EXPORT)
EVERFRAME_FDB_FUNCTIONS_730(EXPORT)
#undef EXPORT

// What bindings look up when they are loaded.
fdb_error_t fdb_database_open_tenant(FDBDatabase*, FdbBytes, int, FDBTenant** out) {
  *out = nullptr;
  return everframe::fdb_c::UNSUPPORTED_OPERATION;
}
fdb_error_t fdb_tenant_create_transaction(FDBTenant*, FDBTransaction** out) {
  *out = nullptr;
  return everframe::fdb_c::UNSUPPORTED_OPERATION;
}
FDBFuture* fdb_tenant_get_id(FDBTenant*) {
  return everframe::embedded::refused_future(everframe::fdb_c::UNSUPPORTED_OPERATION);
}
void fdb_tenant_destroy(FDBTenant*) {}
FDBFuture* fdb_database_reboot_worker(FDBDatabase*, FdbBytes, int, fdb_bool_t, int) {
  return everframe::embedded::refused_future(everframe::fdb_c::UNSUPPORTED_OPERATION);
}
}
