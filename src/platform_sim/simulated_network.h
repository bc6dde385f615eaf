// SimulatedNetwork: UDP between the hosts of a virtual world: datagrams take their time, get lost, come
// twice, overtake each other or arrive damaged; a host can be cut off, have a thin line, or be seen under
// other addresses all at once (a NAT that forgot). All from the world's dice. Lives as long as its hosts'
// sockets.
#pragma once
#include <map>
#include <memory>
#include <set>

#include "platform/network.h"
#include "platform_sim/virtual_world.h"

namespace everframe::platform_sim {

class SimulatedNetwork {
 public:
  struct Conditions {
    Duration latency_low{5'000};  // one way, uniform
    Duration latency_high{6'000};
    unsigned loss_permille = 0;
    unsigned duplicate_permille = 0;
    unsigned damage_permille = 0;     // one bit
    unsigned straggler_permille = 0;  // this much later than the others:
    Duration straggler_by{30'000};
  };
  struct Figures {
    std::uint64_t sent = 0;
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t damaged = 0;
  };

  explicit SimulatedNetwork(VirtualWorld& world) : world_(world) {}

  // What `process` has of it: its sockets are at `ip`, and silent once the process has stopped.
  std::unique_ptr<platform::Network> host(Process& process, const Address& ip);

  void set_conditions(const Conditions& conditions) { conditions_ = conditions; }
  const Conditions& conditions() const { return conditions_; }
  void cut_off(const Address& ip, bool on);
  bool is_cut_off(const Address& ip) const { return cut_off_.contains(ip.ip); }
  void narrow(const Address& ip, std::uint64_t bytes_a_second);  // towards it; 0: wide again
  // Its open sockets are seen elsewhere from now on; what is under way to the old addresses is lost.
  void rebind(const Address& ip);
  Duration latency();  // of one message, for what is no datagram
  const Figures& figures() const { return figures_; }

 private:
  class Host;
  class Socket;
  struct Port {
    Process& process;
    platform::Executor& executor;
    Function<void(std::span<const platform::Datagram>)> receive;
    Address local;
    Address seen;
  };
  using Ip = std::array<std::uint8_t, 16>;

  void send(const Port& from, const platform::Datagram& datagram);
  void launch(const Address& from, const Ip& from_ip, const Address& to, std::shared_ptr<const Bytes> bytes);
  void deliver(const Address& from, const Address& to, const std::shared_ptr<const Bytes>& bytes);
  bool falls(unsigned permille) { return permille > 0 && world_.dice().below(1'000) < permille; }

  VirtualWorld& world_;
  Conditions conditions_;
  Figures figures_;
  std::map<Address, std::shared_ptr<Port>> ports_;  // by how they are seen
  std::set<Ip> cut_off_;
  struct Line {
    std::uint64_t bytes_a_second = 0;
    Time free_at{};
  };
  std::map<Ip, Line> narrow_;
  std::uint16_t last_port_ = 40'000;
  std::uint32_t rebindings_ = 0;
};

}  // namespace everframe::platform_sim
