// SimulatedNetwork: an Endpoint and its Clients on bad paths, in virtual time, for tests and benchmarks.
// Every datagram may be lost, delayed, doubled, overtaken by others (jitter) and held back by a bottleneck
// with a bounded queue. The same seed gives the same run, as far as OpenSSL's random bytes allow. Threads:
// one.
#pragma once
#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "base/random.h"
#include "transport/client.h"
#include "transport/endpoint.h"

namespace everframe::transport {

struct PathShape {  // of one direction
  double loss = 0;
  Duration delay = 5ms;
  Duration jitter = 0ms;
  double duplicate = 0;
  std::uint64_t bits_per_second = 0;  // of the bottleneck; 0: none
  Duration queue_max = 2s;            // what the bottleneck holds; more is lost
};

class SimulatedNetwork {
 public:
  SimulatedNetwork(Endpoint& endpoint, Address server, PathShape path, std::uint64_t seed, Time start)
      : now(start), down(path), up(path), endpoint_(endpoint), server_(server), random_(seed) {}

  struct Place {
    Client* client;
    Address address;
    std::vector<PeerEvent> events;
    Time down_free_at{};  // when the bottleneck can take the next datagram
    Time up_free_at{};
  };
  std::size_t add(Client& client, const Address& address) {
    places.push_back({&client, address, {}, {}, {}});
    return places.size() - 1;
  }

  // Until `done()`, looked at after each event, or for the span. Bounded.
  template <class Done>
  bool run(Duration span, Done done) {
    const Time end = now + span;
    for (std::uint64_t step = 0; step < STEPS_MAX; ++step) {
      flush();
      if (done()) return true;
      now = std::max(now, std::min(end, next()));
      if (now >= end) return done();
      deliver();
      advance();
    }
    return false;
  }
  void run(Duration span) {
    run(span, [] { return false; });
  }

  Time now;
  PathShape down;  // from the endpoint; may be changed at any time, as may `up`
  PathShape up;
  std::vector<Place> places;
  std::vector<PeerEvent> server_events;
  std::uint64_t datagrams = 0;

 private:
  static constexpr std::uint64_t STEPS_MAX = 50'000'000;
  static constexpr Duration TICK_MIN = 10us;  // a timer that asks for "now" again and again gets this
  struct Flying {
    std::size_t place;
    bool to_server;
    Address from;
    Address to;
    Bytes bytes;
  };

  bool happens(double probability) {
    return static_cast<double>(random_.below(1'000'000)) < probability * 1'000'000;
  }
  void post(std::size_t place, bool to_server, const Address& to, const Bytes& bytes) {
    const PathShape& path = to_server ? up : down;
    ++datagrams;
    for (int copies = happens(path.duplicate) ? 2 : 1; copies > 0; --copies) {
      if (happens(path.loss)) continue;
      Time leaves = now;
      if (path.bits_per_second > 0) {
        Time& free_at = to_server ? places[place].up_free_at : places[place].down_free_at;
        if (free_at > now + path.queue_max) continue;
        constexpr std::uint64_t UDP_IP = 28;
        free_at =
            std::max(free_at, now) + Duration((bytes.size() + UDP_IP) * 8'000'000 / path.bits_per_second);
        leaves = free_at;
      }
      const Duration jitter(path.jitter.count() > 0 ? random_.between(0, path.jitter.count()) : 0);
      flying_.emplace(leaves + path.delay + jitter,
                      Flying{place, to_server, places[place].address, to, bytes});
    }
  }
  void flush() {
    endpoint_.flush(now, out_);
    for (const Outgoing& datagram : out_) {
      const auto place = std::find_if(places.begin(), places.end(),
                                      [&](const Place& p) { return p.address == datagram.to; });
      if (place == places.end()) continue;  // its address of yesterday
      post(static_cast<std::size_t>(place - places.begin()), false, datagram.to, datagram.bytes);
    }
    endpoint_.recycle(out_);
    for (std::size_t i = 0; i < places.size(); ++i) {
      places[i].client->flush(now, out_);
      for (const Outgoing& datagram : out_) post(i, true, datagram.to, datagram.bytes);
      out_.clear();
      while (auto event = places[i].client->next_event()) places[i].events.push_back(std::move(*event));
    }
    while (auto event = endpoint_.next_event()) server_events.push_back(std::move(*event));
  }
  Time next() const {
    Time first = Time::max();
    const auto timer = [&](std::optional<Time> due) {
      if (due) first = std::min(first, std::max(*due, now + TICK_MIN));
    };
    if (!flying_.empty()) first = flying_.begin()->first;
    timer(endpoint_.next_timeout());
    for (const Place& place : places) timer(place.client->next_timeout());
    return first;
  }
  void deliver() {
    while (!flying_.empty() && flying_.begin()->first <= now) {
      const Flying flying = std::move(flying_.begin()->second);
      flying_.erase(flying_.begin());
      Place& place = places[flying.place];
      if (flying.to_server) {
        endpoint_.receive(flying.from, flying.bytes, now);
      } else if (place.address == flying.to) {
        place.client->receive(server_, flying.bytes, now);
      }
    }
  }
  void advance() {
    if (const auto due = endpoint_.next_timeout(); due && *due <= now) endpoint_.advance(now);
    for (Place& place : places) {
      if (const auto due = place.client->next_timeout(); due && *due <= now) place.client->advance(now);
    }
  }

  Endpoint& endpoint_;
  const Address server_;
  Prng random_;
  std::multimap<Time, Flying> flying_;
  std::vector<Outgoing> out_;
};

}  // namespace everframe::transport
