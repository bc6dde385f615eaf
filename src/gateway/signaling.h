// Signaling: the one exchange by which a client enters (spec/wire.md section 1), as values; HTTP is admin's
// business.
#pragma once
#include <optional>
#include <string>
#include <variant>

#include "base/address.h"
#include "base/function.h"
#include "base/ids.h"
#include "gateway/ticket.h"
#include "gateway/tunnel.h"

namespace everframe::gateway {

struct ConnectAnswer {
  std::string sdp;  // empty for a tunnel
  std::string token;
  PlayerId player{};
  std::shared_ptr<TunnelMouth> tunnel;  // of the socket that the request brought
};
struct ConnectRefusal {
  unsigned status = 0;  // of HTTP
  std::string code;     // "bad_offer"
  std::string message;
};
using ConnectReply = std::variant<ConnectAnswer, ConnectRefusal>;

struct Connect {
  std::string offer;                     // SDP; or:
  std::unique_ptr<TunnelSocket> tunnel;  // through this
  std::optional<std::string> token;
  std::string name;  // checked already; empty: the world chooses one
  Address from;
  Function<void(ConnectReply)> reply;  // called once, on the gateway's executor or by the door
  Ticket ticket;                       // the door's
};

}  // namespace everframe::gateway
