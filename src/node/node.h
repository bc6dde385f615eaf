// Node: what a server process runs, put together from interfaces: the region, the hub with its sessions, the
// UDP line, under one supervisor. The same in a real process (everframed) and in a simulated one (tests/sim).
//
//   executor  lives there
//   main      root supervisor (one_for_one over region and hub), drain
//   region    the region's actor
//   gateway   hub, its supervisor, sessions, the UDP line
//
// Order: open_line and open_world, then start; drain, then stop; destroyed on main, or once no executor runs
// any more. Threads: each function says where it is called.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "actor/supervisor.h"
#include "gateway/hub.h"
#include "platform/network.h"
#include "region/genesis.h"
#include "region/region.h"

namespace everframe::node {

class Node {
 public:
  struct Executors {
    platform::Executor& main;
    platform::Executor& region;
    platform::Executor& gateway;
  };
  // All of it outlives the node.
  struct Surroundings {
    Executors executors;
    platform::Network& network;
    platform::Entropy& entropy;
    const platform::Clock& clock;
    const world::Content& content;
    const store::WorldKeys& keys;
    region::Steps* steps = nullptr;     // who hears of each step, if anybody
    actor::Registry* actors = nullptr;  // lists the actors, if anybody wants to know
  };
  struct Options {
    Address udp;
    std::vector<Address> public_addresses;  // port 0: the UDP port; empty: the UDP address itself
    std::uint64_t world_seed = 1;           // of a world that is made now
    unsigned state_hz = 30;
    unsigned view_chunks = 4;
    Duration frame_interval_min{2'000};
    unsigned sessions_max = 5'000;
    unsigned state_kbit_s = 256;
  };
  Node(Surroundings surroundings, Options options);

  // On the gateway's executor.
  Result<void> open_line(std::shared_ptr<const transport::Certificate> certificate);
  // On the region's executor. `database` outlives the node.
  Task<Result<region::Genesis>> open_world(store::Database& database);
  // On main. `failed` is called there, with the name of a child that cannot be kept running.
  void start(Function<void(const std::string&)> failed);

  // On main. The region finishes what it accepted, sessions are told, actors end; then `done`. An actor that
  // crashes meanwhile is told again.
  void drain(Function<void()> done);

  Address udp() const { return line_->local(); }
  actor::Ref<region::Message> region() const { return region_; }
  actor::Ref<gateway::HubMessage> hub() const { return hub_; }

 private:
  const Surroundings around_;
  const Options options_;
  store::Database* database_ = nullptr;
  std::shared_ptr<gateway::Line> line_;
  std::optional<actor::Supervisor> root_;
  actor::Ref<region::Message> region_;
  actor::Ref<gateway::HubMessage> hub_;
  const std::shared_ptr<Node*> self_ = std::make_shared<Node*>(this);  // for a drain under way
};

}  // namespace everframe::node
