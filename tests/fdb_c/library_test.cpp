// libeverframe_fdb_c.so as its users meet it: a program in C that knows only FoundationDB's documentation,
// and our own store through the very path on which it loads FoundationDB's client library. What would break
// these: a name that is not exported, a cluster file that is read wrongly, an error that does not say what to
// do.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>

#include "platform_os/asio_executor.h"
#include "store/fdb_library.h"

namespace everframe::store {
namespace {

class LibraryTest : public ::testing::Test {
 protected:
  LibraryTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::temp_directory_path() / ("everframe_fdb_c_" + std::string(test->name()));
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~LibraryTest() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& content) {
    const auto path = directory_ / name;
    std::ofstream(path) << content;
    return path.string();
  }
  int run_client(const std::string& target) {
    const std::string command = std::string(FDB_C_CLIENT) + " " + FDB_C_LIBRARY + " '" + target + "'";
    return std::system(command.c_str());
  }
  std::string refusal(const Cluster& cluster) {
    const auto opened = open_cluster(cluster);
    return opened ? "it opened" : opened.error().text;
  }

  std::filesystem::path directory_;
};

TEST_F(LibraryTest, ExportsEveryNameOfTheListAndNothingElseOfOurs) {
  void* library = dlopen(FDB_C_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
#define IS_EXPORTED(result, name, parameters, arguments) \
  EXPECT_NE(dlsym(library, "fdb_" #name), nullptr) << #name;
  EVERFRAME_FDB_FUNCTIONS_710(IS_EXPORTED)
  EVERFRAME_FDB_FUNCTIONS_730(IS_EXPORTED)
#undef IS_EXPORTED
  for (const char* name : {"fdb_database_open_tenant", "fdb_tenant_create_transaction", "fdb_tenant_get_id",
                           "fdb_tenant_destroy", "fdb_database_reboot_worker"}) {
    EXPECT_NE(dlsym(library, name), nullptr) << name;
  }
  EXPECT_EQ(dlsym(library, "_ZN9everframe8embedded3apiEv"), nullptr);
}

TEST_F(LibraryTest, AProgramInCWritesAndReadsBack) {
  EXPECT_EQ(run_client("memory:c"), 0);
  EXPECT_EQ(run_client("embedded:" + (directory_ / "data").string()), 0);
  EXPECT_TRUE(std::filesystem::exists(directory_ / "data" / "FORMAT"));
}

TEST_F(LibraryTest, AClusterFileMayNameAnEmbeddedDatabase) {
  const std::string relative = file("fdb.cluster", "# where the data is\n\n  embedded:data  \n");
  EXPECT_EQ(run_client(relative), 0);
  EXPECT_TRUE(std::filesystem::exists(directory_ / "data" / "FORMAT")) << "relative to the file";
  EXPECT_NE(run_client(file("real.cluster", "x:y@127.0.0.1:4500\n")), 0)
      << "a real cluster is not ours to reach";
  EXPECT_NE(run_client((directory_ / "absent").string()), 0);
}

TEST_F(LibraryTest, OurStoreWorksThroughIt) {
  auto database = open_cluster({file("fdb.cluster", "memory:through the library\n"), FDB_C_LIBRARY});
  ASSERT_TRUE(database.has_value()) << database.error().text;
  platform_os::AsioExecutor executor("test");
  executor.start();
  std::promise<std::string> read;
  executor.post([&] {
    const auto use = [](Database& db, platform::Executor& home, std::promise<std::string>& out) -> Task<> {
      Function<Task<Result<bool>>(Transaction&)> body = [](Transaction& t) -> Task<Result<bool>> {
        t.set("k", "v");
        co_return true;
      };
      const auto written = co_await db.run<bool>(home, std::move(body));
      EXPECT_TRUE(written.has_value());
      Transaction reader = db.begin(home);
      const auto value = co_await reader.get("k");
      out.set_value(value ? value->value_or("absent") : value.error().text);
    };
    spawn(use(**database, executor, read), [](std::exception_ptr) {});
  });
  EXPECT_EQ(read.get_future().get(), "v");
  executor.stop();
  executor.join();
}

TEST_F(LibraryTest, EachRefusalSaysWhatToDo) {
  const std::string good = file("fdb.cluster", "memory:refusals\n");
  EXPECT_NE(refusal({good, "libno_such_library.so"}).find("Install the package foundationdb-clients"),
            std::string::npos);
  const std::string other = refusal({good, "libm.so.6"});
  EXPECT_NE(other.find("lacks fdb_select_api_version_impl"), std::string::npos) << other;
  const std::string absent = refusal({(directory_ / "absent").string(), FDB_C_LIBRARY});
  EXPECT_NE(absent.find("/etc/foundationdb/fdb.cluster"), std::string::npos) << absent;
  const std::string foreign = refusal({file("foreign.cluster", "x:y@127.0.0.1:1\n"), FDB_C_LIBRARY});
  EXPECT_NE(foreign.find("Connection string invalid"), std::string::npos) << foreign;
}

TEST_F(LibraryTest, AClusterThatDoesNotAnswerIsToldOfWhenPatienceEnds) {
  const std::string far = refusal({file("fdb.cluster", "x:y@192.0.2.1:4500\n"), FAR_LIBRARY, 1s});
  EXPECT_NE(far.find("did not answer within 1 s: is it running"), std::string::npos) << far;
}

}  // namespace
}  // namespace everframe::store
