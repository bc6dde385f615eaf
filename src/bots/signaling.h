// Signaling: the server over HTTP, as a client sees it: the content pack, and the exchange by which a player
// enters (spec/wire.md section 1). One TCP connection a request. Threads: all on the executor's; replies come
// there too, once each, unless the executor stops before. Limit: REPLY_MAX for a reply.
#pragma once
#include <optional>
#include <string>

#include "bots/peer.h"
#include "platform_os/asio_executor.h"

namespace everframe::bots {

inline constexpr Duration REPLY_MAX = 20s;

// http://HOST[:PORT][/…]: what follows the port is left out.
struct ServerUrl {
  std::string host;  // a name or address; IPv6 without its brackets
  std::string port = "80";
  static Result<ServerUrl> parse(std::string_view text);
  std::string authority() const;  // HOST:PORT
};

class Signaling {
 public:
  Signaling(platform_os::AsioExecutor& executor, ServerUrl server)
      : executor_(executor), server_(std::move(server)) {}

  // A refusal is an Error with the HTTP status as its code, and the server's words.
  void connect(const Who& who, std::string offer, Function<void(Result<ConnectAnswer>)> answered);
  void content(Function<void(Result<std::string>)> answered);
  void get(const std::string& path, Function<void(Result<std::string>)> answered);  // any page

  const ServerUrl& server() const { return server_; }

 private:
  platform_os::AsioExecutor& executor_;
  const ServerUrl server_;
};

}  // namespace everframe::bots
