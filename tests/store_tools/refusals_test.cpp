// What a tool says of a store that it cannot open or read any more. What would break these: a store that is
// made where there was none, one of another format that is read, a code or a text that does not tell what to
// do.
#include <fstream>

#include "everframe/open_store.h"
#include "inspect/tools.h"
#include "platform_os/asio_executor.h"
#include "remote/client.h"
#include "remote/server.h"
#include "store_directory.h"

namespace everframe {
namespace {

constexpr int FORMAT_NOT_SUPPORTED = 1058;
constexpr int IO_ERROR = 1510;
constexpr int LOCK_FILE_FAILURE = 1529;

class ToolRefusals : public tests::StoreDirectoryTest {
 protected:
  static Error refused(const std::string& target) {
    const auto opened = open_store(target, "libfdb_c.so.that_is_not_there");
    EXPECT_FALSE(opened.has_value()) << target;
    return opened ? Error{} : opened.error();
  }
  static void expect(const Error& error, int code, const std::string& said) {
    EXPECT_EQ(error.code, code) << error.text;
    EXPECT_NE(error.text.find(said), std::string::npos) << error.text;
  }
};

TEST_F(ToolRefusals, ADirectoryThatIsNotThereOrHoldsNoStoreIsNotMadeOne) {
  EXPECT_FALSE(refused("embedded:" + path("nowhere")).text.empty());
  EXPECT_FALSE(std::filesystem::exists(path("nowhere")));
  std::filesystem::create_directory(path("photos"));
  std::ofstream(path("photos") + "/cat.jpg") << "meow";
  expect(refused(path("photos")), 0, "there is no store in this directory");
  EXPECT_FALSE(std::filesystem::exists(path("photos") + "/FORMAT"));
  EXPECT_FALSE(begin_backup(path("photos")).has_value());
}

TEST_F(ToolRefusals, AStoreOfAnotherFormatIsNotRead) {
  fdb.database_destroy(open(path("db")));
  std::ofstream(path("db") + "/FORMAT", std::ios::trunc) << "everframe store 999\n";
  expect(refused(path("db")), FORMAT_NOT_SUPPORTED, "FORMAT");
  const auto backup = begin_backup(path("db"));
  ASSERT_FALSE(backup.has_value());
  EXPECT_EQ(backup.error().code, FORMAT_NOT_SUPPORTED);
}

TEST_F(ToolRefusals, AStoreThatAnotherHasOpenIsToldSoAndThatItsServerCannotBeReached) {
  fdb.database_destroy(open(path("db")));
  const auto held = disk().lock(path("db"));  // as by another process
  ASSERT_TRUE(held.has_value());
  expect(refused(path("db")), LOCK_FILE_FAILURE, "and not through its server");
  EXPECT_EQ(begin_backup(path("db")).error().code, LOCK_FILE_FAILURE);
}

TEST_F(ToolRefusals, ALibraryOrAClusterFileThatIsMissingIsNamed) {
  expect(refused("fdb:" + path("fdb.cluster")), 0, "foundationdb-clients");
}

// The server has gone while a tool reads.
TEST_F(ToolRefusals, AStoreThatIsClosedMeanwhileIsAnErrorOfTheRead) {
  FDBDatabase* database = open(path("db"));
  put(database, {{"a", "1"}});
  remote::Server::Options options;
  options.api = &fdb;
  options.target = "embedded:" + path("db");
  options.path = remote::socket_path(path("db"));
  auto server = remote::Server::open(std::move(options));
  ASSERT_TRUE(server);
  auto live = store::Database::open(remote::api(embedded::api()),
                                    std::string(remote::SCHEME) + remote::socket_path(path("db")),
                                    remote::why_not_opened);
  ASSERT_TRUE(live) << live.error().text;
  server->reset();
  platform_os::AsioExecutor executor("test");
  std::ostringstream out;
  Result<inspect::Outcome> outcome = inspect::Outcome::WELL;
  const inspect::Bench bench{**live, executor, out, out, nullptr, "town"};
  const auto work = [&]() -> Task<void> { outcome = co_await inspect::count(bench); };
  executor.post([&] { spawn(work(), [&](std::exception_ptr) { executor.stop(); }); });
  executor.run();
  fdb.database_destroy(database);
  ASSERT_FALSE(outcome.has_value());
  expect(outcome.error(), IO_ERROR, "reading a range");
}

}  // namespace
}  // namespace everframe
