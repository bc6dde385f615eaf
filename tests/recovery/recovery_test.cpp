// kill -9, again and again, of a process that runs a world: P1 to P4 and P8 hold. What would break these: an
// acknowledged action that is lost, one that takes effect twice, a player without its body, items from
// nowhere, a frame log that does not make the world again. The killed process is this same program:
// recovery_test --town DIR JOURNAL ACTIONS FAULT_SEED.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/random.h"
#include "inspect/trace.h"
#include "judge.h"
#include "quick_content.h"
#include "town.h"

namespace everframe::recovery {
namespace {

constexpr std::chrono::seconds PATIENCE{100};  // a hang ends the test

class Recovery : public ::testing::Test {
 protected:
  Recovery() {
    path_ = (std::filesystem::temp_directory_path() / "everframe-recovery-XXXXXX").string();
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  ~Recovery() override { std::filesystem::remove_all(path_); }

  std::string store() const { return path_ + "/store"; }
  std::string journal() const { return path_ + "/journal"; }

  pid_t start(std::uint64_t actions, std::uint64_t fault_seed = 0) {
    const std::string seed = std::to_string(fault_seed);
    const std::string count = std::to_string(actions);
    const std::string directory = store();
    const std::string file = journal();
    const pid_t child = fork();
    if (child == 0) {
      execl("/proc/self/exe", "recovery_test", "--town", directory.c_str(), file.c_str(), count.c_str(),
            seed.c_str(), nullptr);
      _exit(127);
    }
    return child;
  }
  // Lets a town live that long, or a little less if it ends by itself, which it should not. `busy`: that long
  // from its first line in the journal on, so that a slow machine does not kill it before anybody is in.
  void live_and_kill(std::chrono::milliseconds life, bool busy) {
    const auto written = [this] {
      std::error_code absent;
      const auto size = std::filesystem::file_size(journal(), absent);
      return absent ? std::uintmax_t{0} : size;
    };
    const auto before = written();
    const pid_t child = start(0);
    const auto deadline = std::chrono::steady_clock::now() + PATIENCE;
    while (busy && written() == before && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    std::this_thread::sleep_for(life);
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the town ended by itself: " << WEXITSTATUS(status);
  }
  void live_to_the_end(std::uint64_t actions, std::uint64_t fault_seed = 0) {
    const pid_t child = start(actions, fault_seed);
    int status = 0;
    const auto deadline = std::chrono::steady_clock::now() + PATIENCE;
    while (waitpid(child, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        FAIL() << "the last town hangs";
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    EXPECT_TRUE(well) << "the last town ended badly: "
                      << (WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  }

  // What all lives told of their steps is licensed, and is all there is.
  inspect::TraceVerdict check_steps(const Verdict& verdict) const {
    std::ifstream steps(journal() + STEPS);
    const auto trace = inspect::check_trace(steps);
    if (!trace) {
      ADD_FAILURE() << trace.error().text;
      return {};
    }
    EXPECT_EQ(trace->complaint, "") << "the step relation";
    EXPECT_EQ(trace->frames, verdict.frames);
    EXPECT_GE(trace->answers, verdict.actions / 2);
    return *trace;
  }

  std::string path_;
};

TEST(Journal, ALostADoubledAndAMovedActionAndANewBodyAreNoticed) {
  const auto check = [](const std::vector<std::string>& more, const Processed& processed) {
    Journal journal;
    for (const char* line :
         {"token 0 T", "entered 0 5 9 0", "sent 0 1", "accepted 0 1", "answered 0 1 3 0"}) {
      read_line(line, journal);
    }
    for (const std::string& line : more) read_line(line, journal);
    return problems_of(journal, processed).size();
  };
  EXPECT_EQ(check({}, {{{5, 1}, {3}}}), 0U);
  EXPECT_EQ(check({"answered 0 1 3 0"}, {{{5, 1}, {3}}}), 0U);
  EXPECT_EQ(check({}, {}), 2U);
  EXPECT_EQ(check({}, {{{5, 1}, {3, 4}}}), 2U);
  EXPECT_EQ(check({}, {{{5, 1}, {4}}}), 1U);
  EXPECT_EQ(check({"answered 0 1 4 0"}, {{{5, 1}, {3}}}), 1U);
  EXPECT_EQ(check({"sent 0 2", "accepted 0 2"}, {{{5, 1}, {3}}}), 2U);
  EXPECT_EQ(check({"entered 0 5 10 1"}, {{{5, 1}, {3}}}), 1U);
}

TEST_F(Recovery, KilledAgainAndAgainNothingAcknowledgedIsLostOrDoubled) {
  constexpr std::uint64_t SEED = 20'261'124;
  constexpr int KILLS = 10;
  constexpr std::uint64_t ACTIONS = 200;
  RecordProperty("seed", std::to_string(SEED));
  Prng dice(SEED);
  live_and_kill(std::chrono::milliseconds(dice.between(20, 60)), false);  // while the world is made
  for (int i = 1; i < KILLS; ++i) live_and_kill(std::chrono::milliseconds(dice.between(50, 600)), true);
  live_to_the_end(ACTIONS);
  if (HasFailure()) return;
  const Journal seen = read_journal(journal());

  EXPECT_EQ(seen.players.size(), PLAYERS);
  const Verdict verdict = judge(store(), WORLD, inspect::quick_content(), seen);
  for (const std::string& problem : verdict.problems) ADD_FAILURE() << problem;
  std::uint64_t applied = 0;
  std::uint64_t entered = 0;
  for (const auto& [index, player] : seen.players) {
    entered += player.entered;
    for (const auto& [seq, answer] : player.answers) applied += answer.reason == 0 ? 1 : 0;
  }
  const inspect::TraceVerdict trace = check_steps(verdict);
  fmt::print(
      "{} kills, {} steps, {} frames, {} actions answered, {} of them applied, {} answered again, {} "
      "returns\n",
      KILLS, trace.lines, verdict.frames, verdict.actions, applied, seen.answers_again, entered - PLAYERS);
  EXPECT_GT(applied, verdict.actions / 20) << "hardly anything took effect: the test proves little";
  EXPECT_GT(seen.answers_again, 0U) << "nothing was sent again: the test proves little";
}

// The store does what a cluster does on a bad day, and nobody is killed: stuck would be a hang, lost or
// doubled is the judge's to find.
TEST_F(Recovery, OnAStoreThatAnswersLateConflictsAndLosesAnswersNothingIsLostDoubledOrStuck) {
  constexpr std::uint64_t SEED = 20'261'126;
  constexpr std::uint64_t ACTIONS = 60;
  RecordProperty("seed", std::to_string(SEED));
  live_to_the_end(ACTIONS, SEED);
  live_to_the_end(2 * ACTIONS, SEED + 1);  // and goes on in a second life
  if (HasFailure()) return;
  const Journal seen = read_journal(journal());
  EXPECT_EQ(seen.players.size(), PLAYERS);
  const Verdict verdict = judge(store(), WORLD, inspect::quick_content(), seen);
  for (const std::string& problem : verdict.problems) ADD_FAILURE() << problem;
  const inspect::TraceVerdict trace = check_steps(verdict);
  fmt::print("{} steps, {} frames, {} actions answered\n", trace.lines, verdict.frames, verdict.actions);
  EXPECT_GE(verdict.actions, 2 * ACTIONS * PLAYERS);
}

}  // namespace
}  // namespace everframe::recovery

int main(int argc, char** argv) {
  if (argc == 6 && std::string_view(argv[1]) == "--town") {
    return everframe::recovery::live(argv[2], argv[3], std::stoull(argv[4]), std::stoull(argv[5]));
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
