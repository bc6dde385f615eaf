#include "gateway/door.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace everframe::gateway {

Door::Door(const platform::Clock& clock, std::vector<Entrance> gateways, std::size_t sessions_max)
    : clock_(clock),
      gateways_(std::move(gateways)),
      sessions_max_(sessions_max),
      counts_(std::make_shared<Ticket::Counts>(gateways_.size())) {
  EF_ASSERT(!gateways_.empty());
}

std::vector<std::size_t> Door::sessions() const {
  return {counts_->sessions.begin(), counts_->sessions.end()};
}

bool Door::within_rate(const Address& from) {
  const Time time = clock_.now();
  if (rates_.size() >= ADDRESSES_KEPT) {
    std::erase_if(rates_, [time](const auto& rate) { return time - rate.second.since > 60s; });
    if (rates_.size() >= ADDRESSES_KEPT) return false;
  }
  Rate& rate = rates_[subscriber_of(from)];
  const auto gained = static_cast<std::uint64_t>((time - rate.since).count()) * CONNECTS_A_SECOND / 1'000'000;
  if (gained > 0) {
    rate.allowance =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(rate.allowance + gained, CONNECTS_BURST));
    rate.since = time;
  }
  if (rate.allowance == 0) return false;
  --rate.allowance;
  return true;
}

std::optional<ConnectRefusal> Door::why_not(const Connect& request) {
  if (!within_rate(request.from))
    return ConnectRefusal{429, "too_many", "too many connects from your address: wait a second"};
  const std::vector<std::size_t> now = sessions();
  if (std::accumulate(now.begin(), now.end(), std::size_t{0}) >= sessions_max_) {
    return ConnectRefusal{503, "full",
                          fmt::format("the server is full ({} players): try again later", sessions_max_)};
  }
  if (request.tunnel && counts_->tunnels >= TUNNELS_MAX) {
    return ConnectRefusal{503, "full", "too many play over WebSockets: use WebRTC, or try again later"};
  }
  if (counts_->joining >= JOINS_WAITING_MAX)
    return ConnectRefusal{429, "too_many", "too many are joining: try again in a second"};
  return std::nullopt;
}

void Door::let_in(Connect request) {
  ++connects_;
  if (auto refusal = why_not(request)) {
    ++refused_;
    return request.reply(std::move(*refusal));
  }
  const std::vector<std::size_t> now = sessions();
  const auto gateway = static_cast<std::size_t>(std::min_element(now.begin(), now.end()) - now.begin());
  last_ = next(last_);
  request.ticket = Ticket(counts_, last_, gateway, request.tunnel != nullptr);
  // Kept here too: a gateway that does not take the request drops it.
  const auto reply = std::make_shared<Function<void(ConnectReply)>>(std::move(request.reply));
  request.reply = [reply](ConnectReply answer) { (*reply)(std::move(answer)); };
  if (gateways_[gateway](std::move(request))) return;
  ++refused_;
  (*reply)(ConnectRefusal{503, "full", "the server has too much to do: try again later"});
}

}  // namespace everframe::gateway
