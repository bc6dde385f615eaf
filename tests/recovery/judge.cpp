#include "judge.h"

#include <fmt/ranges.h>

#include <future>

#include "embedded/engine.h"
#include "inspect/replay.h"
#include "inspect/scan.h"
#include "inspect/verify.h"
#include "platform_os/asio_executor.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"
#include "store/world_keys.h"

namespace everframe::recovery {

namespace {

template <class T>
T run(platform_os::AsioExecutor& executor, Function<Task<Result<T>>()> task) {
  std::promise<Result<T>> promise;
  auto future = promise.get_future();
  const auto keep = [&]() -> Task<void> { promise.set_value(co_await task()); };
  executor.post([&] {
    spawn(keep(), [&](std::exception_ptr error) {
      if (error) promise.set_exception(error);
    });
  });
  Result<T> result = future.get();
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}

// In which frames each (player, seq) is.
Task<Result<Processed>> read_frame_log(store::Database& database, platform::Executor& executor,
                                       std::string world) {
  Processed out;
  inspect::Scan scan(database, executor, store::WorldKeys(world).frames(RegionId{1}));
  for (;;) {
    const auto page = co_await scan.next();
    if (!page) co_return tl::unexpected<Error>(page.error());
    if (page->empty()) co_return out;
    for (const auto& row : *page) {
      const auto record = world::read_frame(bytes_of(row.value));
      if (!record) co_return tl::unexpected<Error>(record.error());
      for (const auto& input : record->frame.inputs) {
        if (raw(input.seq) != 0) out[{raw(input.player), raw(input.seq)}].push_back(raw(record->frame.no));
      }
    }
  }
}

}  // namespace

// What the players saw against what is in the log.
std::vector<std::string> problems_of(const Journal& journal, const Processed& processed) {
  std::vector<std::string> problems = journal.troubles;
  for (const auto& [index, player] : journal.players) {
    const auto frames_of = [&](std::uint64_t seq) {
      const auto found = processed.find({player.id, seq});
      return found == processed.end() ? std::vector<std::uint64_t>{} : found->second;
    };
    for (const auto& [seq, answer] : player.answers) {
      if (frames_of(seq) == std::vector<std::uint64_t>{answer.frame}) continue;
      problems.push_back(fmt::format("player {}: action {} was answered for frame {}, it is in frames {}",
                                     player.id, seq, answer.frame, fmt::join(frames_of(seq), " ")));
    }
    for (const std::uint64_t seq : player.accepted) {
      if (frames_of(seq).size() == 1) continue;
      problems.push_back(fmt::format("player {}: action {} was accepted, it is in {} frames", player.id, seq,
                                     frames_of(seq).size()));
    }
    if (player.answers.size() != player.sent) {
      problems.push_back(fmt::format("player {}: {} actions sent, {} answered", player.id, player.sent,
                                     player.answers.size()));
    }
  }
  return problems;
}

Verdict judge(const std::string& directory, const std::string& world, const world::Content& content,
              const Journal& journal) {
  platform_os::OsDisk disk;
  platform_os::OsClock clock;
  embedded::configure({&disk, &clock, 1});
  auto database = store::Database::open(embedded::api(), "embedded:" + directory, embedded::why_not_opened);
  if (!database) return {{database.error().text}, 0, 0};
  platform_os::AsioExecutor executor("judge");
  executor.start();
  const auto processed =
      run<Processed>(executor, [&] { return read_frame_log(**database, executor, world); });
  Verdict verdict{problems_of(journal, processed), 0, 0};
  const auto findings = run<inspect::Findings>(
      executor, [&] { return inspect::verify(**database, executor, world, &content, inspect::ScanWatch()); });
  verdict.problems.insert(verdict.problems.end(), findings.texts.begin(), findings.texts.end());
  verdict.frames = findings.frames;
  verdict.actions = findings.actions;
  const auto replayed = run<inspect::Replayed>(executor, [&] {
    return inspect::replay(**database, executor, world, content,
                           [](const auto&, const auto&, const auto&) {});
  });
  if (replayed.difference) verdict.problems.push_back("replay: " + *replayed.difference);
  executor.stop();
  executor.join();
  return verdict;
}

}  // namespace everframe::recovery
