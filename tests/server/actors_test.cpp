// The running server's tree of actors, as it is shown. What would break these: an actor that is missing or in
// the wrong place, figures that stand still, a tool that prints something else than the server says, metrics
// that do not agree, a session that is gone and still listed.
#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

#include "server_process.h"
#include "stranger.h"

namespace everframe::tests {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

// The first two words of each line's column of names, with their depth in the tree.
std::vector<std::string> names_of(const std::string& text) {
  std::vector<std::string> out;
  for (const std::string& line : lines_of(text)) {
    std::string name = line.substr(0, 32);
    name.erase(name.find_last_not_of(' ') + 1);
    if (name != "actor") out.push_back(name);
  }
  return out;
}

std::string line_of(const std::string& text, const std::string& name) {
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with(name)) return line;
  }
  return {};
}

std::string output_of(const std::string& command) {
  std::string out;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  char buffer[4'096];
  for (std::size_t got = 0; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, got);
  return pclose(pipe) == 0 ? out : "it failed";
}

TEST(Actors, AreShownAsATreeByServerToolAndMetrics) {
  ServerProcess server(EVERFRAMED, {"--store", "memory:"});
  ASSERT_EQ(server.start(), "");
  const std::vector<std::string> empty = {"server", "  region 1", "  hub", "    sessions"};
  EXPECT_EQ(names_of(http_get(server.url(), "/v1/actors").body), empty);
  {
    Stranger stranger(server.url());
    ASSERT_TRUE(stranger.enter());
    constexpr std::uint64_t ACTIONS = 20;
    for (std::uint64_t seq = 1; seq <= ACTIONS; ++seq)
      stranger.send_event(wire::Action{ActionSeq{seq}, wire::Idle{}});
    ASSERT_TRUE(stranger.wait([](const Stranger::Heard& heard) {
      const auto* applied = heard.last<wire::Applied>();
      return applied != nullptr && raw(applied->seq) == ACTIONS;
    }));
    auto names = empty;
    names.push_back("      session 1");
    const std::string page = http_get(server.url(), "/v1/actors").body;
    EXPECT_EQ(names_of(page), names);
    EXPECT_NE(line_of(page, "  region 1").find("Act 20 "), std::string::npos) << page;
    EXPECT_NE(line_of(page, "      session 1").find("FromRegion "), std::string::npos) << page;
    EXPECT_EQ(names_of(output_of(std::string(EVERFRAME) + " actors --url " + server.url())), names);
    EXPECT_EQ(server.metric(R"(everframe_actor_messages{actor="region 1",kind="Act"})"), 20);
    EXPECT_EQ(server.metric(R"(everframe_actor_starts{actor="region 1"})"), 1);
    EXPECT_EQ(server.metric(R"(everframe_actors{actor="session 1"})"), 1);
    EXPECT_EQ(server.metric(R"(everframe_actor_mailbox{actor="hub"})"), 0);
  }
  bool gone = false;
  for (int i = 0; i < 500 && !gone; ++i) {
    gone = names_of(http_get(server.url(), "/v1/actors").body) == empty;
    if (!gone) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(gone) << http_get(server.url(), "/v1/actors").body;
  EXPECT_EQ(server.terminate(), 0);
  EXPECT_EQ(output_of(std::string(EVERFRAME) + " actors --url " + server.url() + " 2>/dev/null"),
            "it failed");
}

}  // namespace
}  // namespace everframe::tests
