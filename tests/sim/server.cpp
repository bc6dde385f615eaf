#include "server.h"

#include "embedded/engine.h"
#include "store_history.h"

namespace everframe::sim {

namespace {

constexpr std::uint16_t UDP_PORT = 4'000;

}  // namespace

Server::Server(Stage& stage, unsigned number, const Address& host,
               Function<void(int, const std::string&)> ended)
    : stage_(stage),
      number_(number),
      host_(host),
      ended_(std::move(ended)),
      process_(stage.world, fmt::format("server {}", number)),
      entropy_(stage.world.dice().next()),
      network_(stage.network.host(process_, host)),
      self_(std::make_shared<Server*>(this)) {}

Server::~Server() = default;

void Server::end(int status, std::string why) {
  if (!process_.alive() || !ended_) return;
  serving_ = false;
  stage_.world.after(Duration(0), [weak = std::weak_ptr(self_), status, why = std::move(why)] {
    const auto self = weak.lock();
    if (!self || !(*self)->process_.alive() || !(*self)->ended_) return;
    std::exchange((*self)->ended_, nullptr)(status, why);
  });
}

void Server::start() {
  process_.executor("main").post([this] { open_store(); });
}

void Server::open_store() {
  auto database = store::Database::open(StoreHistory::api(), STORE, embedded::why_not_opened);
  if (!database) return end(1, database.error().text);
  database_ = std::move(*database);
  node::Node::Options options;
  options.udp = host_;
  options.udp.port = UDP_PORT;
  options.state_hz = 10;
  options.view_chunks = 1;
  node::Node::Executors executors{process_.executor("main"), process_.executor("region"), {}};
  for (unsigned i = 0; i < stage_.gateways; ++i) executors.gateways.push_back(&gateway(i));
  const node::Node::Surroundings around{executors,      *network_,   entropy_,      stage_.world.clock(),
                                        stage_.content, stage_.keys, &stage_.steps, &actors_};
  node_.emplace(around, std::move(options));
  process_.executor("region").post([this] { open_world(); });
}

void Server::open_world() {
  const auto make = [](Server& self) -> Task<> {
    const auto made = co_await self.node_->open_world(*self.database_);
    if (!made) co_return self.end(1, made.error().text);
    self.gateway(0).post([&self] { self.open_line(0); });
  };
  spawn(make(*this), [this](std::exception_ptr error) {
    if (error) end(1, "making the world threw");
  });
}

platform::Executor& Server::gateway(std::size_t which) {
  return process_.executor(which == 0 ? "gateway" : fmt::format("gateway {}", which + 1));
}

void Server::open_line(std::size_t gateway) {
  if (!process_.alive()) return;
  const auto line = node_->open_line(gateway, stage_.certificate);
  if (!line) return end(1, line.error().text);
  if (const std::size_t next = gateway + 1; next < stage_.gateways)
    return this->gateway(next).post([this, next] { open_line(next); });
  process_.executor("main").post([this] { serve(); });
}

void Server::serve() {
  if (!process_.alive()) return;
  node_->start([this](const std::string& child) { end(1, child + " cannot be kept running"); });
  serving_ = true;
  stage_.world.note("server {}: serves", number_);
}

void Server::connect(gateway::Connect request) {
  // As HTTP would: it arrives on some thread of the server's.
  process_.executor("main").post([this, held = std::make_shared<gateway::Connect>(std::move(request))] {
    if (serving()) node_->door()->let_in(std::move(*held));
  });
}

void Server::drain() {
  process_.executor("main").post([this] {
    serving_ = false;
    node_->drain([this] { end(0, "drained"); });
  });
}

}  // namespace everframe::sim
