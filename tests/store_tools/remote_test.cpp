// A store that one process has open, read by another through its socket. What would break these: a read at
// another version than asked, a write that goes through, a client's garbage that stops the server.
#include <sys/stat.h>

#include <thread>

#include "base/random.h"
#include "embedded/backup.h"
#include "inspect/scan.h"
#include "platform_os/asio_executor.h"
#include "remote/client.h"
#include "remote/protocol.h"
#include "remote/server.h"
#include "store_directory.h"

namespace everframe {
namespace {

using tests::Content;

class RemoteTest : public tests::StoreDirectoryTest {
 protected:
  RemoteTest() {
    database_ = open(path("db"));
    for (int i = 0; i < 3'000; ++i) rows_["k" + std::to_string(10'000 + i)] = std::string(100, 'v');
    put(database_, rows_);
    remote::Server::Options options;
    options.api = &fdb;
    options.target = "embedded:" + path("db");
    options.path = remote::socket_path(path("db"));
    options.begin_backup = [target = options.target] { return embedded::begin_backup(target); };
    auto opened = remote::Server::open(std::move(options));
    EXPECT_TRUE(opened);
    server_ = std::move(*opened);
  }
  ~RemoteTest() override {
    server_.reset();
    fdb.database_destroy(database_);
  }
  std::string target() const { return std::string(remote::SCHEME) + remote::socket_path(path("db")); }
  FDBDatabase* connect() {
    FDBDatabase* out = nullptr;
    EXPECT_EQ(live.create_database(target().c_str(), &out), 0) << remote::why_not_opened();
    return out;
  }

  const platform::FdbApi& live = remote::api(embedded::api());
  FDBDatabase* database_ = nullptr;
  Content rows_;
  std::unique_ptr<remote::Server> server_;
};

TEST_F(RemoteTest, AllRowsAreReadThroughTheSocket) {
  FDBDatabase* far = connect();
  EXPECT_EQ(tests::read_all(live, far), rows_);
  put(database_, {{"later", "1"}});
  EXPECT_TRUE(tests::read_all(live, far).contains("later"));
  live.database_destroy(far);
}

TEST_F(RemoteTest, ATransactionStaysAtItsVersion) {
  FDBDatabase* far = connect();
  FDBTransaction* t = nullptr;
  ASSERT_EQ(live.database_create_transaction(far, &t), 0);
  FDBFuture* version = live.transaction_get_read_version(t);
  live.future_destroy(version);
  put(database_, {{"k10000", "changed"}});
  FDBFuture* read = live.transaction_get(t, tests::raw("k10000"), 6, 0);
  ASSERT_EQ(live.future_get_error(read), 0);
  fdb_bool_t present = 0;
  const std::uint8_t* value = nullptr;
  int length = 0;
  ASSERT_EQ(live.future_get_value(read, &present, &value, &length), 0);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(value), static_cast<std::size_t>(length)),
            rows_["k10000"]);
  live.future_destroy(read);
  live.transaction_destroy(t);
  live.database_destroy(far);
}

TEST_F(RemoteTest, TheToolsOwnScanRunsOverIt) {
  auto opened = store::Database::open(live, target(), remote::why_not_opened);
  ASSERT_TRUE(opened) << opened.error().text;
  platform_os::AsioExecutor executor("test");
  std::size_t seen = 0;
  const auto work = [&]() -> Task<void> {
    inspect::Scan scan(**opened, executor, {"", "\xff"}, 700);
    for (;;) {
      const auto page = co_await scan.next();
      EXPECT_TRUE(page);
      if (!page || page->empty()) break;
      seen += page->size();
    }
  };
  executor.post([&] { spawn(work(), [&](std::exception_ptr) { executor.stop(); }); });
  executor.run();
  EXPECT_EQ(seen, rows_.size());
}

TEST_F(RemoteTest, ARangesSizeIsEstimated) {
  auto opened = store::Database::open(live, target(), remote::why_not_opened);
  ASSERT_TRUE(opened) << opened.error().text;
  platform_os::AsioExecutor executor("test");
  std::uint64_t bytes = 0;
  const auto work = [&]() -> Task<void> {
    const store::KeyRange range{"k10100", "k10200"};
    bytes = co_await inspect::bytes_estimate(**opened, executor, range);
  };
  executor.post([&] { spawn(work(), [&](std::exception_ptr) { executor.stop(); }); });
  executor.run();
  EXPECT_EQ(bytes, 100U * (6 + 100));
}

TEST_F(RemoteTest, AWriteIsRefused) {
  FDBDatabase* far = connect();
  FDBTransaction* t = nullptr;
  ASSERT_EQ(live.database_create_transaction(far, &t), 0);
  live.transaction_set(t, tests::raw("x"), 1, tests::raw("y"), 1);
  FDBFuture* commit = live.transaction_commit(t);
  EXPECT_EQ(live.future_get_error(commit), 2000);
  live.future_destroy(commit);
  live.transaction_destroy(t);
  live.database_destroy(far);
  EXPECT_EQ(tests::read_all(fdb, database_), rows_);
}

TEST_F(RemoteTest, ABackupComesThroughTheSocket) {
  const auto source = remote::begin_backup(remote::socket_path(path("db")));
  ASSERT_TRUE(source) << source.error().text;
  Content got;
  for (;;) {
    const auto page = (*source)->next();
    ASSERT_TRUE(page) << page.error().text;
    if (page->empty()) break;
    for (const auto& row : *page) got.emplace(row.key, row.value);
  }
  EXPECT_EQ(got, rows_);
}

TEST_F(RemoteTest, OnlyTheOwnerMayConnect) {
  struct stat status {};
  ASSERT_EQ(stat(remote::socket_path(path("db")).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(RemoteTest, GarbageEndsItsOwnConnectionOnly) {
  Prng dice(1);
  for (int round = 0; round < 200; ++round) {
    auto stream = platform_os::LocalStream::connect(remote::socket_path(path("db")));
    ASSERT_TRUE(stream);
    Bytes hello;
    if (round % 2 == 0) {  // greets well, then asks nonsense
      ByteWriter out(hello);
      out.text(remote::MAGIC);
      out.u32(remote::PROTOCOL);
      ASSERT_TRUE(remote::send_frame(**stream, remote::Kind::HELLO, hello));
      ASSERT_TRUE(remote::receive_frame(**stream, 1'000));
    }
    Bytes junk(dice.below(200));
    for (auto& byte : junk) byte = static_cast<std::uint8_t>(dice.next());
    if (round % 4 == 0) {
      static_cast<void>(remote::send_frame(**stream, static_cast<remote::Kind>(dice.below(11)), junk));
      static_cast<void>(remote::receive_frame(**stream, remote::ANSWER_BYTES_MAX));
    } else {
      static_cast<void>((*stream)->write(junk));
    }
  }
  FDBDatabase* far = connect();
  EXPECT_EQ(tests::read_all(live, far), rows_);
  live.database_destroy(far);
}

TEST_F(RemoteTest, AnotherProtocolIsToldApart) {
  auto stream = platform_os::LocalStream::connect(remote::socket_path(path("db")));
  ASSERT_TRUE(stream);
  Bytes hello;
  ByteWriter out(hello);
  out.text(remote::MAGIC);
  out.u32(remote::PROTOCOL + 1);
  ASSERT_TRUE(remote::send_frame(**stream, remote::Kind::HELLO, hello));
  const auto answer = remote::receive_frame(**stream, 1'000);
  ASSERT_TRUE(answer);
  ByteReader in(answer->body);
  EXPECT_EQ(in.text(100), remote::MAGIC);
  EXPECT_EQ(in.u32(), remote::PROTOCOL);
  EXPECT_FALSE(remote::receive_frame(**stream, 1'000))
      << "the server goes on with a protocol it does not know";
}

}  // namespace
}  // namespace everframe
