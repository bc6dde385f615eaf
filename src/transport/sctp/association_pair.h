// Two associations over a simulated path that loses, delays, duplicates and reorders packets, in virtual
// time; for tests. Threads: one.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "base/codec.h"
#include "transport/sctp/association.h"

namespace everframe::transport::sctp {

struct Path {
  std::uint32_t loss_percent = 0;
  Duration delay = 10ms;
  Duration jitter = 0ms;
  std::uint32_t duplicate_percent = 0;
  std::uint64_t bits_per_second = 0;  // 0: no bottleneck
};

class Pair {
 public:
  Pair(std::uint64_t seed, Path path)
      : client(Role::CLIENT, 65'536, Prng(seed * 2 + 1)),
        server(Role::SERVER, 65'536, Prng(seed * 2 + 2)),
        path_(path),
        prng_(seed) {}

  // Runs until `until`, or `done()`; virtual time, bounded by events.
  template <class Done>
  bool run_until(Duration span, Done done) {
    const Time end = now + span;
    for (int step = 0; step < 2'000'000; ++step) {
      pump(client, 0);
      pump(server, 1);
      if (done()) return true;
      Time next = end;
      if (!flying_.empty()) next = std::min(next, flying_.begin()->first);
      for (const auto* end_point : {&client, &server}) {
        if (const auto t = end_point->next_timeout()) next = std::min(next, std::max(*t, now + 1us));
      }
      now = next;
      if (now >= end) return done();
      for (; !flying_.empty() && flying_.begin()->first <= now; flying_.erase(flying_.begin())) {
        const auto& [to, bytes] = flying_.begin()->second;
        (to == 0 ? client : server).receive(bytes, now);
      }
      client.advance(now);
      server.advance(now);
    }
    ADD_FAILURE() << "no end in sight";
    return false;
  }

  // Puts a packet on the path to a side, as if the other had sent it.
  void inject(int to, const Bytes& packet) { fly(to, packet); }

  void pump(Association& from, int side) {
    Bytes packet;
    for (int i = 0; i < 1'000 && from.poll(packet, now); ++i) {
      EXPECT_LE(packet.size(), PACKET_SIZE_MAX);
      ++packets[side];
      if (on_path && !on_path(side, packet)) continue;
      const int copies = prng_.below(100) < path_.duplicate_percent ? 2 : 1;
      for (int copy = 0; copy < copies; ++copy) fly(1 - side, packet);
    }
    while (auto event = from.next_event()) events[side].push_back(std::move(*event));
  }

  template <class E>
  std::vector<E> all(int side) const {
    std::vector<E> out;
    for (const auto& event : events[side]) {
      if (const auto* e = std::get_if<E>(&event)) out.push_back(*e);
    }
    return out;
  }

  // Sees, may change, and by false takes off the path what a side (0: the client) has sent.
  std::function<bool(int, Bytes&)> on_path;
  Association client;
  Association server;
  Time now{Duration(1'000'000)};
  std::vector<Event> events[2];
  std::uint64_t packets[2] = {};

 private:
  void fly(int to, const Bytes& packet) {
    if (prng_.below(100) < path_.loss_percent) return;
    Time leaves = now;
    if (path_.bits_per_second > 0) {
      free_at_[to] =
          std::max(free_at_[to], now) + Duration(packet.size() * 8'000'000 / path_.bits_per_second);
      leaves = free_at_[to];
    }
    const Duration jitter(path_.jitter.count() > 0 ? prng_.between(0, path_.jitter.count()) : 0);
    flying_.emplace(leaves + path_.delay + jitter, std::pair(to, packet));
  }

  const Path path_;
  Prng prng_;
  std::multimap<Time, std::pair<int, Bytes>> flying_;
  Time free_at_[2] = {};
};

inline Bytes numbered(std::uint64_t number, std::size_t size) {
  Bytes out;
  ByteWriter(out).u64(number);
  out.resize(std::max(size, out.size()), static_cast<std::uint8_t>(number));
  return out;
}
inline std::uint64_t number_of(const Bytes& bytes) {
  return ByteReader(bytes).u64();
}

inline ChannelOptions state_options() {
  return {"state", "everframe.1", false, std::uint16_t{0}, std::nullopt};
}

}  // namespace everframe::transport::sctp
