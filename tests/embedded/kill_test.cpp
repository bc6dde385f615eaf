// kill -9 of a process that commits, again and again, on the real disk: every acknowledged transaction is
// there after the restart, whole, without a hole before it, once. What would break it: an answer before the
// write, a batch that comes back in part, a replay that applies a record twice.
//
// EVERFRAME_KILLS says how many kills; a few dozen by default.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/proof_size.h"
#include "base/random.h"
#include "embedded/engine.h"
#include "numbered.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"

extern char** environ;

namespace everframe {
namespace {

// The victim process and the pipe on which it acknowledges.
class Victim {
 public:
  explicit Victim(const std::string& directory) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string program = STORE_VICTIM;
    std::string argument = directory;
    char* arguments[] = {program.data(), argument.data(), nullptr};
    EXPECT_EQ(posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    read_ = ends[0];
  }
  ~Victim() { close(read_); }

  // Waits for the first acknowledgement, then `micros` more, then kills; the last number acknowledged.
  std::uint64_t kill_after(std::uint64_t micros) {
    pollfd ready{read_, POLLIN, 0};
    EXPECT_EQ(poll(&ready, 1, 60'000), 1) << "the victim does not get going";
    std::this_thread::sleep_for(std::chrono::microseconds(micros));
    kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the victim ended by itself, status " << status;
    std::uint64_t last = 0;
    std::uint64_t number = 0;
    while (read(read_, &number, sizeof number) == sizeof number) last = number;
    return last;
  }

 private:
  pid_t pid_ = 0;
  int read_ = -1;
};

struct Found {
  std::uint64_t last = 0;
  std::uint64_t sum = 0;
  std::vector<std::pair<std::string, std::string>> parts;
};

Found look(const std::string& directory) {
  const platform::FdbApi& fdb = embedded::api();
  fdb.select_api_version_impl(730, 730);
  FDBDatabase* database = nullptr;
  Found found;
  EXPECT_EQ(fdb.create_database(("embedded:" + directory).c_str(), &database), 0)
      << embedded::why_not_opened();
  if (database == nullptr) return found;
  FDBTransaction* t = nullptr;
  EXPECT_EQ(fdb.database_create_transaction(database, &t), 0);
  found.last = tests::read_number(fdb, t, "last");
  found.sum = tests::read_number(fdb, t, "sum");
  std::string begin = "part/";
  for (fdb_bool_t more = 1; more != 0;) {
    FDBFuture* page = fdb.transaction_get_range(t, tests::raw(begin), tests::size(begin), 0, 1,
                                                tests::raw("part0"), 5, 0, 1, 0, 0, -2, 1, 1, 0);
    EXPECT_EQ(fdb.future_block_until_ready(page), 0);
    const FDBKeyValue* rows = nullptr;
    int count = 0;
    EXPECT_EQ(fdb.future_get_keyvalue_array(page, &rows, &count, &more), 0);
    for (int i = 0; i < count; ++i) {
      found.parts.emplace_back(std::string(reinterpret_cast<const char*>(rows[i].key),
                                           static_cast<std::size_t>(rows[i].key_length)),
                               std::string(reinterpret_cast<const char*>(rows[i].value),
                                           static_cast<std::size_t>(rows[i].value_length)));
    }
    if (count > 0) begin = found.parts.back().first + '\0';
    fdb.future_destroy(page);
  }
  fdb.transaction_destroy(t);
  fdb.database_destroy(database);
  return found;
}

TEST(Kill, AcknowledgedCommitsSurviveKillNineWholeAndWithoutHoles) {
  char name[] = "/tmp/everframe-kill-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::string directory = std::string(name) + "/db";
  static platform_os::OsDisk disk;
  static platform_os::OsClock clock;
  embedded::configure({&disk, &clock, 1});
  Prng dice(1);
  std::uint64_t acknowledged = 0;
  std::uint64_t unacknowledged = 0;
  const int kills = proof_size(40, "EVERFRAME_KILLS");
  for (int kill = 0; kill < kills && !HasFailure(); ++kill) {
    Victim victim(directory);
    const std::uint64_t told = victim.kill_after(dice.below(dice.below(4) == 0 ? 200'000 : 20'000));
    const Found found = look(directory);
    ASSERT_GE(found.last, told) << "acknowledged, and lost, at kill " << kill;
    ASSERT_EQ(found.sum, found.last * (found.last + 1) / 2) << "a hole, or a number twice, at kill " << kill;
    const std::uint64_t first = found.last > tests::KEPT ? found.last - tests::KEPT : 1;
    ASSERT_EQ(found.parts.size(), (found.last + 1 - first) * tests::PARTS) << "at kill " << kill;
    for (std::size_t i = 0; i < found.parts.size(); ++i) {
      const std::uint64_t number = first + i / tests::PARTS;
      const std::uint64_t part = i % tests::PARTS;
      ASSERT_EQ(found.parts[i].first, tests::part_key(number, part));
      ASSERT_EQ(found.parts[i].second, tests::part_value(number, part));
    }
    acknowledged = told;
    unacknowledged += found.last - told;
  }
  std::printf("%d kills, %llu transactions acknowledged and found, %llu found that had not been told yet\n",
              kills, static_cast<unsigned long long>(acknowledged),
              static_cast<unsigned long long>(unacknowledged));
  std::filesystem::remove_all(name);
}

TEST(Kill, ASecondProcessIsRefusedWhileTheFirstLives) {
  char name[] = "/tmp/everframe-kill-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::string directory = std::string(name) + "/db";
  static platform_os::OsDisk disk;
  static platform_os::OsClock clock;
  embedded::configure({&disk, &clock, 1});
  const platform::FdbApi& fdb = embedded::api();
  fdb.select_api_version_impl(730, 730);
  FDBDatabase* database = nullptr;
  ASSERT_EQ(fdb.create_database(("embedded:" + directory).c_str(), &database), 0);
  pid_t pid = 0;
  std::string program = STORE_VICTIM;
  std::string argument = directory;
  char* arguments[] = {program.data(), argument.data(), nullptr};
  ASSERT_EQ(posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments, environ), 0);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  fdb.database_destroy(database);
  std::filesystem::remove_all(name);
}

}  // namespace
}  // namespace everframe
