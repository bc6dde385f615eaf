#include "everframed/server.h"

#include <boost/asio/signal_set.hpp>
#include <deque>
#include <filesystem>
#include <future>

#include "admin/http_server.h"
#include "base/log.h"
#include "embedded/backup.h"
#include "embedded/engine.h"
#include "everframed/content_json.h"
#include "node/node.h"
#include "platform_os/asio_executor.h"
#include "platform_os/host_addresses.h"
#include "platform_os/line_file.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"
#include "platform_os/os_limits.h"
#include "platform_os/short_slice.h"
#include "platform_os/udp_network.h"
#include "remote/server.h"
#include "store/fdb_library.h"

namespace everframe::everframed {

namespace {

constexpr int FILE_LOCKED = 1529;  // FoundationDB's code of a store that another process has open

// Runs `work` on the executor and waits for it; of a thread that is none.
template <class F>
auto on(platform::Executor& executor, F work) -> decltype(work()) {
  std::promise<decltype(work())> promise;
  executor.post([&] { promise.set_value(work()); });
  return promise.get_future().get();
}

Result<world::Content> load_content(platform::Disk& disk, const std::string& directory) {
  auto names = disk.list(directory);
  if (!names) return fail("--content {}: {}", directory, names.error().text);
  std::vector<world::ContentFile> files;
  for (const std::string& name : *names) {
    if (!name.ends_with(".toml")) continue;
    auto text = platform_os::read_text_file(directory + "/" + name);
    if (!text) return tl::unexpected<Error>(text.error());
    files.push_back({directory + "/" + name, std::move(*text)});
  }
  if (files.empty()) return fail("--content {}: there is no .toml file in it", directory);
  return world::parse_content(files);
}

Result<admin::SiteFiles> load_site(const std::string& directory) {
  if (!std::filesystem::is_directory(directory)) {
    log::warn("--site {}: no such folder, so there is no playground; `npm run build` makes it", directory);
    return admin::SiteFiles{};
  }
  return admin::read_site(directory);
}

class Server {
 public:
  explicit Server(const Configuration& configuration)
      : configuration_(configuration), keys_(configuration.world) {
    for (unsigned i = 1; i <= configuration.gateways; ++i)
      gateway_executors_.emplace_back(configuration.gateways == 1 ? "gateway" : fmt::format("gateway {}", i));
  }
  ~Server();
  Result<void> start();  // what can fail for reasons outside
  int run();

 private:
  Result<std::unique_ptr<store::Database>> open_store();
  Result<void> open_world();
  Result<void> open_trace();
  Result<void> open_tools(const std::string& target);
  Result<void> open_lines();
  void make_node();
  Result<void> open_http();
  void serve_http();
  void announce() const;
  void wait_for_signal();
  void drain();
  void stop(int status);

  const Configuration configuration_;
  platform_os::OsClock clock_;
  platform_os::OsEntropy entropy_;
  platform_os::OsDisk disk_;
  platform_os::UdpNetwork network_;
  const store::WorldKeys keys_;
  std::unique_ptr<platform_os::LineFile> trace_file_;
  std::optional<region::StepLines> trace_;
  std::optional<world::Content> content_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<remote::Server> tools_;
  platform_os::AsioExecutor main_{"main"};
  // Before those whose queues may hold timers of it until they go.
  platform_os::AsioExecutor http_executor_{"http"};
  platform_os::AsioExecutor region_executor_{"region", platform_os::AsioExecutor::Wake::SOON};
  std::deque<platform_os::AsioExecutor> gateway_executors_;
  boost::asio::signal_set signals_{main_.io()};
  actor::Registry actors_;
  std::optional<node::Node> node_;
  std::unique_ptr<admin::HttpServer> http_;
  admin::SiteFiles files_;  // until they are served
  bool draining_ = false;
  int status_ = 0;
};

Server::~Server() {
  http_executor_.stop();
  http_executor_.join();
  for (auto& executor : gateway_executors_) executor.stop();
  for (auto& executor : gateway_executors_) executor.join();
  region_executor_.stop();
  region_executor_.join();
}

Result<void> Server::start() {
  auto content = load_content(disk_, configuration_.content);
  if (!content) return tl::unexpected<Error>(content.error());
  content_ = std::move(*content);
  // Ports first: a server that cannot have them must not make a world.
  if (auto http = open_http(); !http) return http;
  region_executor_.start();
  for (auto& executor : gateway_executors_) executor.start();
  if (auto trace = open_trace(); !trace) return trace;
  make_node();
  if (auto lines = open_lines(); !lines) return lines;
  if (auto world = open_world(); !world) return world;
  return {};
}

Result<std::unique_ptr<store::Database>> Server::open_store() {
  constexpr std::string_view CLUSTER = "fdb:";
  const std::string& named = configuration_.store;
  if (named.starts_with(CLUSTER)) {
    return store::open_cluster({named.substr(CLUSTER.size()), configuration_.fdb_library});
  }
  embedded::configure({&disk_, &clock_, entropy_.u64(), {}, platform_os::use_short_slice});
  const std::string target = named == "memory:" ? "memory:everframe" : named;
  return store::Database::open(embedded::api(), target, embedded::why_not_opened);
}

Result<void> Server::open_world() {
  auto database = open_store();
  if (!database) {
    const bool in_use = database.error().code == FILE_LOCKED;
    return fail("--store {}: {}{}", configuration_.store, database.error().text,
                in_use ? "; set STORE=embedded:DIR for make run, or --store" : "");
  }
  database_ = std::move(*database);
  if (auto tools = open_tools(configuration_.store); !tools) return tools;

  std::promise<Result<region::Genesis>> made;
  region_executor_.post([&] {
    const auto make = [](Server& self, std::promise<Result<region::Genesis>>& out) -> Task<> {
      Result<region::Genesis> genesis = co_await self.node_->open_world(*self.database_);
      out.set_value(std::move(genesis));
    };
    spawn(make(*this, made), [&](std::exception_ptr error) {
      if (error) made.set_exception(error);
    });
  });
  const Result<region::Genesis> genesis = made.get_future().get();
  return genesis ? Result<void>() : tl::unexpected<Error>(genesis.error());
}

Result<void> Server::open_trace() {
  if (configuration_.trace.empty()) return {};
  auto file = platform_os::LineFile::open(configuration_.trace);
  if (!file) return fail("--trace: {}", file.error().text);
  trace_file_ = std::move(*file);
  trace_.emplace([this](std::string_view line) { trace_file_->append(line); },
                 std::uint64_t{configuration_.trace_mb_max} * 1'000'000);
  return {};
}

// The tools reach the store through a socket in its directory while we have it locked.
Result<void> Server::open_tools(const std::string& target) {
  constexpr std::string_view EMBEDDED = "embedded:";
  if (!target.starts_with(EMBEDDED)) return {};
  remote::Server::Options options;
  options.api = &embedded::api();
  options.target = target;
  options.path = remote::socket_path(target.substr(EMBEDDED.size()));
  options.begin_backup = [target] { return embedded::begin_backup(target); };
  auto tools = remote::Server::open(std::move(options));
  if (!tools) return tl::unexpected<Error>(tools.error());
  tools_ = std::move(*tools);
  return {};
}

void Server::make_node() {
  node::Node::Options options;
  options.udp = configuration_.udp;
  options.public_addresses = configuration_.public_addresses;
  if (options.public_addresses.empty())
    options.public_addresses = platform_os::host_addresses(configuration_.udp);
  options.world_seed = configuration_.world_seed;
  options.state_hz = configuration_.state_hz;
  options.view_chunks = configuration_.view_chunks;
  options.frame_interval_min = std::chrono::milliseconds(configuration_.frame_interval_min_ms);
  options.sessions_max = configuration_.sessions_max;
  options.state_kbit_s = configuration_.state_kbit_s;
  node::Node::Executors executors{main_, region_executor_, {}};
  for (auto& executor : gateway_executors_) executors.gateways.push_back(&executor);
  node_.emplace(node::Node::Surroundings{std::move(executors), network_, entropy_, clock_, *content_, keys_,
                                         trace_ ? &*trace_ : nullptr, &actors_},
                std::move(options));
}

Result<void> Server::open_lines() {
  const auto certificate = transport::Certificate::make();
  if (!certificate) return tl::unexpected<Error>(certificate.error());
  for (std::size_t i = 0; i < gateway_executors_.size(); ++i) {
    const auto line = on(gateway_executors_[i], [&] { return node_->open_line(i, *certificate); });
    if (!line) return fail("--udp: {}; set UDP=ADDR:PORT for make run, or --udp", line.error().text);
  }
  return {};
}

Result<void> Server::open_http() {
  auto files = load_site(configuration_.site);
  if (!files) return tl::unexpected<Error>(files.error());
  files_ = std::move(*files);
  auto http = admin::HttpServer::open(http_executor_.io(), configuration_.http);
  if (!http) return fail("--http: {}; set HTTP=ADDR:PORT for make run, or --http", http.error().text);
  http_ = std::move(*http);
  return {};
}

void Server::serve_http() {
  http_->serve({std::move(files_), content_json(*content_), content_hash_text(*content_), node_->door(),
                node_->hubs(), node_->region(), &actors_});
  http_executor_.start();
}

void Server::announce() const {
  for (const Address& each : node_->udp()) log::info("WebRTC on udp {}", each.text());
  const Address http = http_->local();
  const std::string here =
      platform_os::is_unspecified(http) ? fmt::format("localhost:{}", http.port) : http.text();
  fmt::print("Everframe runs. The playground: http://{}/\n", here);
  std::fflush(stdout);
}

void Server::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (draining_) {
      log::warn("a second signal: the server ends at once");
      return stop(130);
    }
    log::info("signal {}: draining", signal);
    drain();
    wait_for_signal();
  });
}

void Server::drain() {
  draining_ = true;
  main_.after(DRAIN_MAX, [this] {
    log::error("draining took too long: the server ends at once");
    stop(1);
  });
  http_->stop();
  node_->drain([this] { stop(0); });
}

void Server::stop(int status) {
  status_ = status;
  main_.stop();
}

int Server::run() {
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  wait_for_signal();
  main_.post([this] {
    node_->start([this](const std::string& child) {
      log::error("{} cannot be kept running: the server stops", child);
      stop(1);
    });
    serve_http();
    announce();
  });
  main_.run();
  log::info("stopped");
  return status_;
}

}  // namespace

int serve(const Configuration& configuration) {
  platform_os::raise_open_files();  // HTTP connections come in crowds
  Server server(configuration);
  if (const auto started = server.start(); !started) {
    log::error("{}", started.error().text);
    return 1;
  }
  return server.run();
}

}  // namespace everframe::everframed
