#include "platform_sim/simulated_network.h"

namespace everframe::platform_sim {

namespace {

constexpr Duration QUEUE_MAX = 300ms;  // what waits longer for a thin line is dropped

}  // namespace

class SimulatedNetwork::Socket final : public platform::UdpSocket {
 public:
  Socket(SimulatedNetwork& network, std::shared_ptr<Port> port) : network_(network), port_(std::move(port)) {}
  ~Socket() override { network_.ports_.erase(port_->seen); }
  Address local() const override { return port_->local; }
  void send(std::span<const platform::Datagram> datagrams) override {
    for (const platform::Datagram& datagram : datagrams) network_.send(*port_, datagram);
  }
  std::uint64_t dropped() const override { return 0; }

 private:
  SimulatedNetwork& network_;
  const std::shared_ptr<Port> port_;
};

class SimulatedNetwork::Host final : public platform::Network {
 public:
  Host(SimulatedNetwork& network, Process& process, const Address& ip)
      : network_(network), process_(process), ip_(ip) {}

  Result<std::unique_ptr<platform::UdpSocket>> open_udp(
      platform::Executor& executor, const Address& local,
      Function<void(std::span<const platform::Datagram>)> receive) override {
    Address own = ip_;
    own.port = local.port != 0 ? local.port : ++network_.last_port_;
    auto port = std::make_shared<Port>(Port{process_, executor, std::move(receive), own, own});
    if (!network_.ports_.emplace(own, port).second) return fail("{} is in use", own.text());
    return std::make_unique<Socket>(network_, std::move(port));
  }

 private:
  SimulatedNetwork& network_;
  Process& process_;
  const Address ip_;
};

std::unique_ptr<platform::Network> SimulatedNetwork::host(Process& process, const Address& ip) {
  return std::make_unique<Host>(*this, process, ip);
}

void SimulatedNetwork::cut_off(const Address& ip, bool on) {
  if (on) {
    cut_off_.insert(ip.ip);
  } else {
    cut_off_.erase(ip.ip);
  }
}

void SimulatedNetwork::narrow(const Address& ip, std::uint64_t bytes_a_second) {
  if (bytes_a_second == 0) {
    narrow_.erase(ip.ip);
  } else {
    narrow_[ip.ip] = {bytes_a_second, world_.now()};
  }
}

void SimulatedNetwork::rebind(const Address& ip) {
  std::vector<std::shared_ptr<Port>> moving;
  for (const auto& [seen, port] : ports_) {
    if (port->local.ip == ip.ip) moving.push_back(port);
  }
  for (const std::shared_ptr<Port>& port : moving) {
    ports_.erase(port->seen);
    ++rebindings_;
    port->seen = Address::v4(198, 18, static_cast<std::uint8_t>(rebindings_ >> 8),
                             static_cast<std::uint8_t>(rebindings_), ++last_port_);
    ports_.emplace(port->seen, port);
    world_.note("network: {} is seen as {}", port->local.text(), port->seen.text());
  }
}

Duration SimulatedNetwork::latency() {
  return Duration(world_.dice().between(conditions_.latency_low.count(), conditions_.latency_high.count()));
}

void SimulatedNetwork::send(const Port& from, const platform::Datagram& datagram) {
  if (!from.process.alive()) return;
  ++figures_.sent;
  const auto bytes = std::make_shared<Bytes>(datagram.bytes.begin(), datagram.bytes.end());
  if (falls(conditions_.loss_permille)) {
    ++figures_.lost;
    return;
  }
  if (falls(conditions_.damage_permille) && !bytes->empty()) {
    ++figures_.damaged;
    (*bytes)[world_.dice().below(bytes->size())] ^= static_cast<std::uint8_t>(1U << world_.dice().below(8));
  }
  launch(from.seen, from.local.ip, datagram.peer, bytes);
  if (!falls(conditions_.duplicate_permille)) return;
  ++figures_.duplicated;
  launch(from.seen, from.local.ip, datagram.peer, bytes);
}

void SimulatedNetwork::launch(const Address& from, const Ip& from_ip, const Address& to,
                              std::shared_ptr<const Bytes> bytes) {
  Time arrives = world_.now() + latency();
  if (falls(conditions_.straggler_permille)) arrives += conditions_.straggler_by;
  const auto target = ports_.find(to);
  if (cut_off_.contains(from_ip) || (target != ports_.end() && cut_off_.contains(target->second->local.ip))) {
    ++figures_.lost;
    return;
  }
  if (target != ports_.end()) {
    const auto line = narrow_.find(target->second->local.ip);
    if (line != narrow_.end()) {
      Time& free_at = line->second.free_at;
      if (free_at > world_.now() + QUEUE_MAX) {
        ++figures_.lost;
        return;
      }
      free_at = std::max(free_at, world_.now()) +
                Duration(static_cast<std::int64_t>(bytes->size() * 1'000'000 / line->second.bytes_a_second));
      arrives = std::max(arrives, free_at);
    }
  }
  world_.at(arrives, [this, from, to, bytes = std::move(bytes)] { deliver(from, to, bytes); });
}

void SimulatedNetwork::deliver(const Address& from, const Address& to,
                               const std::shared_ptr<const Bytes>& bytes) {
  const auto found = ports_.find(to);
  if (found == ports_.end() || cut_off_.contains(found->second->local.ip)) {
    ++figures_.lost;
    return;
  }
  ++figures_.delivered;
  world_.trace().add(*bytes);
  const std::shared_ptr<Port>& port = found->second;
  port->executor.post([weak = std::weak_ptr(port), from, bytes] {
    const auto alive = weak.lock();
    if (!alive) return;
    const platform::Datagram datagram{from, *bytes, Duration(0)};
    alive->receive(std::span(&datagram, 1));
  });
}

}  // namespace everframe::platform_sim
