// For tests: the engine that a suite runs on. The embedded one in memory, unless the environment names a
// client library (EVERFRAME_TEST_LIBRARY): ours, libeverframe_fdb_c.so, in memory again; or FoundationDB's
// own with a cluster file (EVERFRAME_TEST_CLUSTER). A real cluster must be empty when a suite starts, and is
// left empty: a cluster with anything in it is refused, for it may be somebody's.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "embedded/engine.h"
#include "store/database.h"
#include "store/fdb_library.h"

namespace everframe::store {

inline const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

// embedded::configure comes before.
inline std::unique_ptr<Database> open_engine(const std::string& name) {
  const char* library = environment("EVERFRAME_TEST_LIBRARY");
  if (library == nullptr) {
    auto database = Database::open(embedded::api(), "memory:" + name);
    EXPECT_TRUE(database.has_value()) << database.error().text;
    return std::move(*database);
  }
  Cluster cluster;
  cluster.library = library;
  if (const char* file = environment("EVERFRAME_TEST_CLUSTER")) {
    cluster.file = file;
  } else {
    static int count = 0;
    const auto path = std::filesystem::temp_directory_path() / ("everframe_test_" + std::to_string(getpid()) +
                                                                "_" + std::to_string(++count) + ".cluster");
    std::ofstream(path) << "memory:" << name << "\n";
    cluster.file = path.string();
    auto database = open_cluster(cluster);
    std::filesystem::remove(path);
    EXPECT_TRUE(database.has_value()) << database.error().text;
    return std::move(*database);
  }
  auto database = open_cluster(cluster);
  EXPECT_TRUE(database.has_value()) << database.error().text;
  return std::move(*database);
}

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
