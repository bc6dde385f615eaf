#include "bots/commands.h"

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <fstream>

#include "bots/crowd.h"
#include "bots/signaling.h"
#include "platform_os/asio_executor.h"
#include "platform_os/os_limits.h"
#include "platform_os/udp_network.h"

namespace everframe::bots {

namespace {

constexpr int WENT_WRONG = 1;
constexpr int COULD_NOT = 2;
constexpr std::size_t FILES_BESIDE_PLAYERS = 64;
constexpr std::size_t TROUBLES_SHOWN = 20;

struct Arguments {
  Crowd::Options crowd;
  std::string url = "http://127.0.0.1:8080";
  std::string json;
  bool quiet = false;
};

// Shows the first things that should not happen.
class Complaints final : public Witness {
 public:
  void trouble(std::size_t player, const std::string& what) override {
    if (shown_++ < TROUBLES_SHOWN) fmt::print(stderr, "bot {}: {}\n", player + 1, what);
  }

 private:
  std::size_t shown_ = 0;
};

Result<Report> run(Arguments arguments) {
  auto server = ServerUrl::parse(arguments.url);
  if (!server) return fail("--url {}", server.error().text);
  arguments.crowd.server = std::move(*server);
  const std::size_t files = platform_os::raise_open_files();
  if (files < arguments.crowd.players + FILES_BESIDE_PLAYERS) {
    return fail("--players {}: the system lets a process open {} files: raise it with ulimit -n",
                arguments.crowd.players, files);
  }
  std::ofstream file;
  if (!arguments.json.empty()) {
    file.open(arguments.json, std::ios::trunc);
    if (!file) return fail("--json {}: it cannot be written", arguments.json);
  }
  platform_os::AsioExecutor executor("bots");
  platform_os::UdpNetwork network(true);
  platform_os::OsEntropy entropy;
  Complaints complaints;
  Crowd crowd(executor, network, entropy, arguments.crowd, &complaints,
              [quiet = arguments.quiet](const std::string& line) {
                if (!quiet) fmt::print(stderr, "{}\n", line);
              });
  boost::asio::signal_set signals(executor.io(), SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) crowd.stop();
  });
  executor.post([&] { crowd.start([&] { executor.stop(); }); });
  executor.run();
  if (file.is_open()) {
    file << json_of(crowd.report()) << "\n";
    file.close();
    if (!file) return fail("--json {}: it could not be written to its end", arguments.json);
  }
  return crowd.report();
}

Result<std::string> page_of(const std::string& url, const std::string& path) {
  const auto server = ServerUrl::parse(url);
  if (!server) return tl::unexpected<Error>(server.error());
  platform_os::AsioExecutor executor("page");
  Signaling signaling(executor, *server);
  Result<std::string> page = fail("{}: no answer", url);
  executor.post([&] {
    signaling.get(path, [&](Result<std::string> got) {
      page = std::move(got);
      executor.stop();
    });
  });
  executor.run();
  return page;
}

}  // namespace

void add_commands(CLI::App& app, int& status) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("bots", "players who live in a world: a load generator");
  Crowd::Options& crowd = arguments->crowd;
  command->add_option("--url", arguments->url, "the server's HTTP address")->capture_default_str();
  const std::map<std::string, CarrierKind> carriers{{"webrtc", CarrierKind::WEBRTC},
                                                    {"websocket", CarrierKind::WEBSOCKET}};
  command->add_option("--carrier", crowd.carrier, "what carries their sessions: webrtc or websocket")
      ->transform(CLI::CheckedTransformer(carriers));
  command->add_option("--players", crowd.players, "how many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_option("--seconds", crowd.seconds, "measured, once all are in the world")
      ->check(CLI::Range(0.1, 1e6))
      ->capture_default_str();
  command->add_option("--join-rate", crowd.joins_a_second, "players a second who enter")
      ->check(CLI::Range(0.1, 10'000.0))
      ->capture_default_str();
  command->add_option("--pose-hz", crowd.poses_a_second, "poses a second of each")
      ->check(CLI::Range(0.1, 60.0))
      ->capture_default_str();
  command->add_option("--action-hz", crowd.actions_a_second, "actions a second of each")
      ->check(CLI::Range(0.01, 60.0))
      ->capture_default_str();
  command->add_option("--seed", crowd.seed, "of what they choose to do")->capture_default_str();
  command->add_option("--json", arguments->json, "write the report to this file");
  command->add_flag("--quiet", arguments->quiet, "no line of progress each second");
  command->callback([arguments, &status] {
    const Result<Report> report = run(*arguments);
    if (!report) {
      fmt::print(stderr, "{}\n", report.error().text);
      status = COULD_NOT;
      return;
    }
    fmt::print("{}", text_of(*report));
    status = report->failure ? COULD_NOT : report->well() ? 0 : WENT_WRONG;
  });

  const auto url = std::make_shared<std::string>("http://127.0.0.1:8080");
  CLI::App* actors = app.add_subcommand("actors", "a running server's tree of actors, and its last crashes");
  actors->add_option("--url", *url, "the server's HTTP address")->capture_default_str();
  actors->callback([url, &status] {
    const Result<std::string> page = page_of(*url, "/v1/actors");
    if (page) fmt::print("{}", *page);
    if (!page) fmt::print(stderr, "{}\n", page.error().text);
    status = page ? 0 : COULD_NOT;
  });
}

}  // namespace everframe::bots
