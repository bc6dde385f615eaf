// Door: where clients come in. Every connect request passes it: it refuses what is over a limit of the server
// as a whole or of one address, and hands the rest to the gateway that has the fewest sessions, under a
// SessionId that no other gateway knows. It outlives the hubs' crashes, and so do its counts. Limits:
// SESSIONS_MAX of its options, TUNNELS_MAX of them over a WebSocket; JOINS_WAITING_MAX not yet in the world;
// a rate of connects per address (base/subscriber.h). Threads: let_in() on one, wherever signaling is; what a
// session gives back (ticket.h) comes from any.
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "base/subscriber.h"
#include "gateway/signaling.h"
#include "platform/clock.h"

namespace everframe::gateway {

inline constexpr std::size_t JOINS_WAITING_MAX = 1'000;
inline constexpr std::size_t TUNNELS_MAX = 2'000;       // with those that join, fewer than HTTP's connections
inline constexpr std::uint32_t CONNECTS_A_SECOND = 50;  // of one address, on average …
inline constexpr std::uint32_t CONNECTS_BURST = 1'000;  // … and at once: a school behind one address
inline constexpr std::size_t ADDRESSES_KEPT = 10'000;

class Door {
 public:
  // Takes a request that passed to its gateway; false: it has too much to do.
  using Entrance = Function<bool(Connect)>;
  Door(const platform::Clock& clock, std::vector<Entrance> gateways, std::size_t sessions_max);

  // The reply comes at once, here, or later on the gateway's executor.
  void let_in(Connect request);

  std::uint64_t connects() const { return connects_; }
  std::uint64_t refused() const { return refused_; }  // here; what gateways refuse they count
  std::vector<std::size_t> sessions() const;          // now, by gateway

 private:
  std::optional<ConnectRefusal> why_not(const Connect& request);
  bool within_rate(const Address& from);

  const platform::Clock& clock_;
  const std::vector<Entrance> gateways_;
  const std::size_t sessions_max_;
  const std::shared_ptr<Ticket::Counts> counts_;
  SessionId last_{};
  struct Rate {
    std::uint32_t allowance = CONNECTS_BURST;
    Time since{};
  };
  std::map<Subscriber, Rate> rates_;
  std::uint64_t connects_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace everframe::gateway
