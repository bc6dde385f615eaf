// Ticket: a session's share of what is limited over all gateways, from the door (door.h) until the session's
// end, whatever ends it: its destruction gives the share back. Threads: one at a time; it moves with its
// request. The counts are the door's, which alone adds to them, so that no limit is passed by two at once.
#pragma once
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace everframe::gateway {

class Ticket {
 public:
  struct Counts {
    explicit Counts(std::size_t gateways) : sessions(gateways) {}
    std::vector<std::atomic<std::size_t>> sessions;  // by gateway
    std::atomic<std::size_t> joining = 0;            // of them: not in the world yet
    std::atomic<std::size_t> tunnels = 0;
  };

  Ticket() = default;  // of no door
  Ticket(std::shared_ptr<Counts> counts, SessionId session, std::size_t gateway, bool tunnel)
      : counts_(std::move(counts)), session_(session), gateway_(gateway), tunnel_(tunnel) {
    ++counts_->sessions[gateway_];
    ++counts_->joining;
    if (tunnel_) ++counts_->tunnels;
  }
  Ticket(Ticket&& other) noexcept { swap(other); }
  Ticket& operator=(Ticket&& other) noexcept {
    Ticket taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Ticket() {
    if (!counts_) return;
    joined();
    --counts_->sessions[gateway_];
    if (tunnel_) --counts_->tunnels;
  }

  SessionId session() const { return session_; }
  void joined() {  // it is in the world, or on its way out
    if (counts_ && std::exchange(joining_, false)) --counts_->joining;
  }

 private:
  void swap(Ticket& other) noexcept {
    std::swap(counts_, other.counts_);
    std::swap(session_, other.session_);
    std::swap(gateway_, other.gateway_);
    std::swap(joining_, other.joining_);
    std::swap(tunnel_, other.tunnel_);
  }

  std::shared_ptr<Counts> counts_;
  SessionId session_{};
  std::size_t gateway_ = 0;
  bool joining_ = true;
  bool tunnel_ = false;
};

}  // namespace everframe::gateway
