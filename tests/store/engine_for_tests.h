// For tests: the engine that a suite runs on. The embedded one in memory, unless the environment names a
// client library (EVERFRAME_TEST_LIBRARY): ours, libeverframe_fdb_c.so, in memory again; or FoundationDB's
// own with a cluster file (EVERFRAME_TEST_CLUSTER). For suites that use the whole database a real cluster
// must be empty, and is left empty: one with anything in it is refused, for it may be somebody's. The others
// keep to a prefix of their own.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#include "embedded/engine.h"
#include "store/database.h"
#include "store/fdb_library.h"

namespace everframe::store {

inline const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

// Its table of functions.
inline const platform::FdbApi& engine_api() {
  const char* library = environment("EVERFRAME_TEST_LIBRARY");
  if (library == nullptr) return embedded::api();
  const auto loaded = load_fdb_library(library);
  if (!loaded) throw std::runtime_error(loaded.error().text);
  return **loaded;
}

// `api`: the engine's table, or one around it. In memory all that ask for a name have one database.
// embedded::configure comes before.
inline std::unique_ptr<Database> open_engine(const std::string& name,
                                             const platform::FdbApi& api = engine_api()) {
  const char* cluster = environment("EVERFRAME_TEST_CLUSTER");
  const bool plain = &api == &engine_api();
  auto database = cluster != nullptr && plain
                      ? open_cluster({cluster, environment("EVERFRAME_TEST_LIBRARY")})
                      : Database::open(api, cluster != nullptr ? cluster : "memory:" + name);
  if (!database) throw std::runtime_error(database.error().text);
  return std::move(*database);
}

// Of a database that a suite has for itself.
// Nothing outside of the tests keeps data in `database` before, and nothing after.
class EmptyDatabase {
 public:
  static Task<Result<bool>> check(Transaction& t) {
    KeyRange everything;
    everything.end = "\xff";
    RangeOptions one;
    one.limit = 1;
    const auto rows = co_await t.get_range(everything, one);
    if (!rows) co_return tl::unexpected<Error>(rows.error());
    if (!rows->empty()) {
      co_return fail(
          "the database holds data, and tests would clear it: name an empty one, or clear it yourself");
    }
    co_return true;
  }
  static Task<Result<bool>> clear(Transaction& t) {
    KeyRange everything;
    everything.end = "\xff";
    t.clear(everything);
    co_return true;
  }
};

}  // namespace everframe::store
