// The JSON of a connect exchange (spec/wire.md section 1).
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/signaling.h"

namespace everframe::admin {

// Fills offer, token and name. The refusal says what is wrong with the request.
struct ReadConnect {
  gateway::Connect connect;
  bool wants_tunnel = false;  // it has no offer then
};
tl::expected<ReadConnect, gateway::ConnectRefusal> read_connect(std::string_view body);
std::string write_reply(const gateway::ConnectReply& reply, const std::string& content_hash);
std::string write_refusal(const gateway::ConnectRefusal& refusal);

}  // namespace everframe::admin
