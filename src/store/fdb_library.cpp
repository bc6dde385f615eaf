#include "store/fdb_library.h"

#include <dlfcn.h>

#include <fstream>
#include <map>
#include <mutex>

#include "store/network.h"

namespace everframe::store {

namespace {

constexpr int OPTION_TIMEOUT = 500;  // FDB_TR_OPTION_TIMEOUT, milliseconds
constexpr fdb_error_t TRANSACTION_TIMED_OUT = 1031;

struct Libraries {
  std::mutex mutex;
  std::map<std::string, platform::FdbApi> by_path;
};

// The names that `library` lacks of those that every version has.
std::string fill(void* library, platform::FdbApi& table) {
  std::string missing;
#define LOOK_UP(result, name, parameters, arguments) \
  table.name = reinterpret_cast<decltype(table.name)>(dlsym(library, "fdb_" #name));
#define LOOK_UP_NEEDED(result, name, parameters, arguments) \
  LOOK_UP(result, name, parameters, arguments)              \
  if (table.name == nullptr) missing += " fdb_" #name;
  EVERFRAME_FDB_FUNCTIONS_710(LOOK_UP_NEEDED)
  EVERFRAME_FDB_FUNCTIONS_730(LOOK_UP)
#undef LOOK_UP_NEEDED
#undef LOOK_UP
  return missing;
}

// Asks the cluster for a read version, and waits for it.
Result<void> wait_for_answer(const platform::FdbApi& api, FDBDatabase* database, const Cluster& cluster) {
  FDBTransaction* transaction = nullptr;
  fdb_error_t code = api.database_create_transaction(database, &transaction);
  if (code == 0) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(cluster.patience).count();
    std::uint8_t bytes[8];
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(ms >> (8 * i));
    code = api.transaction_set_option(transaction, OPTION_TIMEOUT, bytes, 8);
    if (code == 0) {
      FDBFuture* answer = api.transaction_get_read_version(transaction);
      code = api.future_block_until_ready(answer);
      if (code == 0) code = api.future_get_error(answer);
      api.future_destroy(answer);
    }
    api.transaction_destroy(transaction);
  }
  if (code == 0) return {};
  if (code == TRANSACTION_TIMED_OUT) {
    return fail_with(code,
                     "the FoundationDB cluster of {} did not answer within {} s: is it running, and are the "
                     "addresses in the file right? \"fdbcli -C {} --exec status\" tells more",
                     cluster.file, cluster.patience.count() / 1'000'000, cluster.file);
  }
  return fail_with(code, "the FoundationDB cluster of {} refuses: {} (FoundationDB's error {})", cluster.file,
                   api.get_error(code), code);
}

}  // namespace

Result<const platform::FdbApi*> load_fdb_library(const std::string& path) {
  static Libraries libraries;
  const std::lock_guard lock(libraries.mutex);
  if (const auto found = libraries.by_path.find(path); found != libraries.by_path.end()) {
    return &found->second;
  }
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    return fail(
        "FoundationDB's client library cannot be loaded: {}. Install the package foundationdb-clients "
        "(7.1 to 7.3), or name the file with --fdb-library",
        reason == nullptr ? path : reason);
  }
  platform::FdbApi table;
  const std::string missing = fill(library, table);
  if (!missing.empty()) {
    dlclose(library);
    return fail("{} is no FoundationDB client library of version 7.1 to 7.3: it lacks{}", path, missing);
  }
  return &libraries.by_path.emplace(path, table).first->second;
}

Result<std::unique_ptr<Database>> open_cluster(const Cluster& cluster) {
  const auto api = load_fdb_library(cluster.library);
  if (!api) return tl::unexpected<Error>(api.error());
  if (!std::ifstream(cluster.file)) {
    return fail(
        "the cluster file {} cannot be read: on FoundationDB's own machines it is "
        "/etc/foundationdb/fdb.cluster; copy it here",
        cluster.file);
  }
  if (auto started = start_network(**api); !started) return tl::unexpected<Error>(started.error());
  FDBDatabase* probe = nullptr;
  if (const fdb_error_t code = (*api)->create_database(cluster.file.c_str(), &probe)) {
    return fail_with(code, "the cluster file {} is refused: {} (FoundationDB's error {})", cluster.file,
                     (*api)->get_error(code), code);
  }
  auto answered = wait_for_answer(**api, probe, cluster);
  auto database = answered ? Database::open(**api, cluster.file) : tl::unexpected<Error>(answered.error());
  (*api)->database_destroy(probe);
  return database;
}

}  // namespace everframe::store
