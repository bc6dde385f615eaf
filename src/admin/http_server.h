// HttpServer: signaling (spec/wire.md section 1), metrics, health, the content pack and the playground's
// files, over HTTP/1.1 and WebSocket (Boost.Beast).
//   GET|POST /v1/connect   GET /v1/content   GET /v1/health   GET /v1/actors   GET /metrics   GET|HEAD
//   everything in `files`
// A connect WebSocket whose client asks for a tunnel becomes its end (tunnel_end.h) and carries the session.
// Threads: everything on the io_context's one thread, which is not the gateway's: a slow HTTP client delays
// nobody. Limits: CONNECTIONS_MAX connections, CONNECTIONS_A_SUBSCRIBER_MAX of one address, BODY_MAX bytes a
// request, 8 KiB of headers, IDLE_MAX without a byte, CONNECTS_MAX requests on a connect WebSocket.
#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>

#include "actor/registry.h"
#include "admin/site.h"
#include "base/address.h"
#include "base/time.h"
#include "gateway/door.h"
#include "gateway/hub.h"

namespace everframe::admin {

inline constexpr std::size_t BODY_MAX = 64 << 10;
inline constexpr std::size_t CONNECTIONS_MAX = 4'000;
inline constexpr std::size_t CONNECTIONS_A_SUBSCRIBER_MAX = 1'000;  // so half of the tunnels at most
inline constexpr Duration IDLE_MAX = 30s;
inline constexpr unsigned CONNECTS_MAX = 4;  // an offer, a tunnel because UDP is blocked, and another try
inline constexpr Duration ANSWER_MAX = 15s;  // of the gateway, to a connect request

class HttpServer {
 public:
  struct Site {
    SiteFiles files;
    std::string content_json;
    std::string content_hash;  // hexadecimal: what connect answers name
    std::shared_ptr<gateway::Door> door;
    std::vector<actor::Ref<gateway::HubMessage>> hubs;
    actor::Ref<region::Message> region;
    const actor::Registry* actors = nullptr;  // outlives the server
  };
  // Listens at once, so that an address in use is known early (an Error with code EADDRINUSE); who connects
  // waits for serve(). `io` outlives the server.
  static Result<std::unique_ptr<HttpServer>> open(boost::asio::io_context& io, const Address& local);
  ~HttpServer();  // on the io_context's thread, or after it has stopped

  void serve(Site site);  // once, before the io_context runs
  Address local() const;
  void stop();  // any thread: no new connections

 private:
  struct Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace everframe::admin
