// Node: what a server process runs, put together from interfaces: the region, the gateways (each a hub with
// its sessions and a UDP line), the door before them, under one supervisor. The same in a real process
// (everframed) and in a simulated one (tests/sim).
//
//   executor  lives there
//   main      root supervisor (one_for_one over region and hubs), drain
//   region    the region's actor
//   gateways  on each a hub, its supervisor, sessions, a UDP line
//
// Order: open_line for each gateway and open_world, then start; drain, then stop; destroyed on main, or once
// no executor runs any more. Threads: each function says where it is called.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "actor/supervisor.h"
#include "gateway/door.h"
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
    std::vector<platform::Executor*> gateways;  // one or more
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
    Address udp;  // of the first gateway; the next ones' ports follow. Port 0: any free ones
    // Likewise of the first gateway; port 0: the UDP port; empty: the UDP address itself.
    std::vector<Address> public_addresses;
    std::uint64_t world_seed = 1;  // of a world that is made now
    unsigned state_hz = 30;
    unsigned view_chunks = 4;
    Duration frame_interval_min{2'000};
    unsigned sessions_max = 5'000;
    unsigned state_kbit_s = 256;
  };
  Node(Surroundings surroundings, Options options);

  // On that gateway's executor; one at a time.
  Result<void> open_line(std::size_t gateway, std::shared_ptr<const transport::Certificate> certificate);
  // On the region's executor. `database` outlives the node.
  Task<Result<region::Genesis>> open_world(store::Database& database);
  // On main. `failed` is called there, with the name of a child that cannot be kept running.
  void start(Function<void(const std::string&)> failed);

  // Once it has started.
  const std::shared_ptr<gateway::Door>& door() const { return door_; }

  // On main. The region finishes what it accepted, sessions are told, actors end; then `done`. An actor that
  // crashes meanwhile is told again.
  void drain(Function<void()> done);

  std::vector<Address> udp() const;  // by gateway
  actor::Ref<region::Message> region() const { return region_; }
  const std::vector<actor::Ref<gateway::HubMessage>>& hubs() const { return hubs_; }

 private:
  void start_hub(std::size_t gateway);

  const Surroundings around_;
  const Options options_;
  store::Database* database_ = nullptr;
  std::vector<std::shared_ptr<gateway::Line>> lines_;  // by gateway
  std::optional<actor::Supervisor> root_;
  actor::Ref<region::Message> region_;
  std::vector<actor::Ref<gateway::HubMessage>> hubs_;  // by gateway
  std::shared_ptr<gateway::Door> door_;
  const std::shared_ptr<Node*> self_ = std::make_shared<Node*>(this);  // for a drain under way
};

}  // namespace everframe::node
