// One state message of 100 bytes to each peer a tick, delivered, with its share of acknowledgements: SCTP and
// records of both ends (links), and with all that an endpoint and clients add (routing by address, timers,
// events).
#include "base/assert.h"
#include "transport/link.h"
#include "transport/measure.h"

namespace everframe::bench {

using namespace transport;

namespace {

struct Cost {
  double ns = 0;         // of both ends
  double datagrams = 0;  // all per message
  double allocations = 0;
};

class Links {
 public:
  explicit Links(std::size_t peers) : certificate_(Certificate::make().value()) {
    for (std::size_t i = 0; i < peers; ++i) {
      const auto& shown = certificate_->fingerprint();
      servers_.push_back(
          std::make_unique<Link>(certificate_, Dtls::Role::SERVER, shown, 65'536, Prng(2 * i)));
      clients_.push_back(
          std::make_unique<Link>(certificate_, Dtls::Role::CLIENT, shown, 65'536, Prng(2 * i + 1)));
      connect(*servers_.back(), *clients_.back());
    }
  }

  [[gnu::noinline]] Cost measure(std::uint64_t messages) {  // a name for profilers
    std::uint64_t sent = 0;
    delivered_ = datagrams_ = 0;
    const Heap before = heap();
    const double begin = thread_cpu_ns();
    for (; sent < messages; sent += servers_.size()) tick();
    const double ns = thread_cpu_ns() - begin;
    const auto per_message = static_cast<double>(sent);
    EF_ASSERT(delivered_ == sent);
    return {ns / per_message, static_cast<double>(datagrams_) / per_message,
            static_cast<double>(heap().allocations - before.allocations) / per_message};
  }

  void tick() {
    now_ += TICK;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      servers_[i]->send(channel_, message_, true, now_);
      while (servers_[i]->poll(datagram_, now_)) {
        ++datagrams_;
        clients_[i]->receive(datagram_, now_);
      }
    }
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      while (const auto event = clients_[i]->next_event())
        delivered_ += std::holds_alternative<sctp::MessageEvent>(*event);
      while (clients_[i]->poll(datagram_, now_)) {
        ++datagrams_;
        servers_[i]->receive(datagram_, now_);
      }
    }
  }

 private:
  void connect(Link& server, Link& client) {
    channel_ = client.open(state_options(), now_).value();
    client.start(now_);
    bool open = false;
    for (int round = 0; round < 200 && !open; ++round) {
      now_ += std::chrono::milliseconds(10);
      client.advance(now_);
      server.advance(now_);
      for (bool any = true; any;) {
        any = false;
        while (client.poll(datagram_, now_)) any = true, server.receive(datagram_, now_);
        while (server.poll(datagram_, now_)) any = true, client.receive(datagram_, now_);
      }
      while (auto event = client.next_event())
        open = open || std::holds_alternative<sctp::ChannelEvent>(*event);
      while (server.next_event()) continue;
    }
    EF_ASSERT(open);
  }

  std::shared_ptr<const Certificate> certificate_;
  std::vector<std::unique_ptr<Link>> servers_;
  std::vector<std::unique_ptr<Link>> clients_;
  ChannelId channel_{};
  Time now_ = START;
  const Bytes message_ = Bytes(MESSAGE_BYTES, 7);
  Bytes datagram_;
  std::uint64_t delivered_ = 0;
  std::uint64_t datagrams_ = 0;
};

Cost of_endpoint(Crowd& crowd, std::uint64_t messages) {
  const Bytes message(MESSAGE_BYTES, 7);
  const std::uint64_t arrived = crowd.messages;
  const std::uint64_t datagrams = crowd.datagrams;
  const Heap before = heap();
  const double begin = thread_cpu_ns();
  while (crowd.messages - arrived < messages) {
    crowd.now += TICK;
    for (const PeerId id : crowd.ids) crowd.endpoint.send(id, crowd.state, message, true, crowd.now);
    crowd.exchange();
    crowd.endpoint.advance(crowd.now);
  }
  const auto done = static_cast<double>(crowd.messages - arrived);
  return {(thread_cpu_ns() - begin) / done, static_cast<double>(crowd.datagrams - datagrams) / done,
          static_cast<double>(heap().allocations - before.allocations) / done};
}

template <class Measure>
Cost median_of(int rounds, Measure measure) {
  std::vector<double> ns;
  Cost cost;
  measure();  // the first round fills caches and queues
  for (int round = 0; round < rounds; ++round) {
    cost = measure();
    ns.push_back(cost.ns);
  }
  cost.ns = median(std::move(ns));
  return cost;
}

void add(Report& report, const std::string& what, std::size_t peers, const Cost& cost) {
  report.add(what + ", " + std::to_string(peers) + " peers",
             {{"ns_a_message", cost.ns}, {"datagrams", cost.datagrams}, {"allocations", cost.allocations}});
}

}  // namespace

void bench_links(const Settings& settings, Report& report) {
  for (const std::size_t peers : settings.peers) {
    Links links(peers);
    const Cost cost = median_of(settings.rounds, [&] { return links.measure(settings.messages); });
    add(report, "links", peers, cost);
    if (peers == 1'000)
      report.target("SCTP and records of both ends, us a message", cost.ns / 1'000, 1, true);
  }
}

void bench_endpoints(const Settings& settings, Report& report) {
  for (const std::size_t peers : settings.peers) {
    Crowd crowd(peers);
    crowd.connect();
    add(report, "endpoint and clients", peers,
        median_of(settings.rounds, [&] { return of_endpoint(crowd, settings.messages); }));
  }
}

}  // namespace everframe::bench
