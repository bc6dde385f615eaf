#include "inhabited_server.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "inspect/content_pack.h"
#include "inspect/trace.h"
#include "platform_os/os_disk.h"

namespace everframe::recovery {

namespace {

constexpr int PATIENCE = 6'000;  // looks, 10 ms apart: a hang ends the test

}  // namespace

InhabitedServer::InhabitedServer(const std::string& binary, std::size_t bots, std::uint64_t seed,
                                 const std::vector<std::string>& more)
    : bots_(bots), seed_(seed) {
  folder_ = (std::filesystem::temp_directory_path() / "everframe-lived-in-XXXXXX").string();
  EXPECT_NE(mkdtemp(folder_.data()), nullptr);
  std::vector<std::string> arguments{"--store", "embedded:" + folder_, "--trace", folder_ + ".steps"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  server_ = std::make_unique<tests::ServerProcess>(binary, arguments);
}

InhabitedServer::~InhabitedServer() {
  executor_.stop();
  executor_.join();
  std::filesystem::remove(folder_ + ".steps");
  std::filesystem::remove_all(folder_);
}

bool InhabitedServer::settle() {
  const std::string failure = server_->start();
  EXPECT_EQ(failure, "");
  if (!failure.empty()) return false;
  bots::Crowd::Options options;
  options.server = bots::ServerUrl::parse(server_->url()).value();
  options.players = bots_;
  options.seconds = 1'000;
  options.actions_a_second = 10;
  options.silence_max = 1s;
  options.seed = seed_;
  crowd_ = std::make_unique<bots::Crowd>(executor_, network_, entropy_, options, &observer,
                                         [](const std::string&) {});
  executor_.post([this] { crowd_->start([this] { executor_.stop(); }); });
  executor_.start();
  return all_in_world();
}

void InhabitedServer::ask(const std::function<void()>& question) {
  std::promise<void> answered;
  executor_.post([&] {
    question();
    answered.set_value();
  });
  answered.get_future().get();
}

bool InhabitedServer::in_world(std::size_t wanted) {
  for (int i = 0; i < PATIENCE; ++i) {
    std::size_t there = 0;
    ask([&] { there = crowd_->in_world(); });
    if (there == wanted) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}
bool InhabitedServer::all_in_world() {
  return in_world(bots_);
}
bool InhabitedServer::none_in_world() {
  return in_world(0);
}

Verdict InhabitedServer::leave() {
  executor_.post([this] { crowd_->stop(); });
  executor_.join();
  EXPECT_EQ(server_->terminate(), 0);
  EXPECT_EQ(report().all.unanswered, 0U);
  EXPECT_EQ(report().all.protocol_errors, 0U);
  EXPECT_EQ(report().all.contradictions, 0U);
  EXPECT_EQ(report().all.duplicates, 0U);

  platform_os::OsDisk disk;
  const auto content = inspect::read_content_pack(disk, "content/survival");
  EXPECT_TRUE(content.has_value()) << content.error().text;
  if (!content) return {};
  Verdict verdict = judge(folder_, "main", *content, observer.journal);
  for (const std::string& problem : verdict.problems) ADD_FAILURE() << problem;
  std::ifstream steps(folder_ + ".steps");
  const auto trace = inspect::check_trace(steps);
  EXPECT_TRUE(trace.has_value()) << trace.error().text;
  if (!trace) return verdict;
  EXPECT_EQ(trace->complaint, "") << "the step relation";
  EXPECT_EQ(trace->frames, verdict.frames);
  EXPECT_GT(report().all.applied, 100U) << "hardly anything took effect: the test proves little";
  fmt::print("{} frames, {} actions in them, {} applied, {} refused, {} returns\n", verdict.frames,
             verdict.actions, report().all.applied, report().all.refused, report().all.returns);
  return verdict;
}

}  // namespace everframe::recovery
