// Server: one life of a server process in a virtual world: node/node.h over the simulated network and the
// engine on the simulated disk. Started, it opens store, world and line, and serves; a failure of any of them
// ends it, as it ends everframed.
#pragma once
#include <memory>
#include <optional>

#include "node/node.h"
#include "platform_sim/simulated_network.h"

namespace everframe::sim {

inline constexpr char STORE[] = "embedded:/machine/world";

// What all lives share; outlives them.
struct Stage {
  platform_sim::VirtualWorld& world;
  platform_sim::SimulatedNetwork& network;
  std::shared_ptr<const transport::Certificate> certificate;
  const world::Content& content;
  const store::WorldKeys& keys;
  region::Steps& steps;
  unsigned gateways = 1;
};

class Server {
 public:
  // `ended` is told once, by the world, when it ends by itself: the exit status and why.
  Server(Stage& stage, unsigned number, const Address& host, Function<void(int, const std::string&)> ended);
  ~Server();

  void start();
  bool serving() const { return serving_ && process_.alive(); }
  void connect(gateway::Connect request);
  void drain();

  platform_sim::Process& process() { return process_; }
  const actor::Registry& actors() const { return actors_; }
  const Address& host() const { return host_; }
  unsigned number() const { return number_; }
  // After process().stop(): what it had goes; its executors are buried by the owner, and then the database.
  void tear_down() { node_.reset(); }
  void close_store() { database_.reset(); }

 private:
  void open_store();
  void open_world();
  platform::Executor& gateway(std::size_t which);
  void open_line(std::size_t gateway);
  void serve();
  void end(int status, std::string why);

  Stage& stage_;
  const unsigned number_;
  const Address host_;
  Function<void(int, const std::string&)> ended_;
  platform_sim::Process process_;
  platform_sim::SeededEntropy entropy_;
  std::unique_ptr<platform::Network> network_;
  std::unique_ptr<store::Database> database_;
  actor::Registry actors_;
  std::optional<node::Node> node_;
  bool serving_ = false;
  const std::shared_ptr<Server*> self_;  // for the world, which may come back to it late
};

}  // namespace everframe::sim
