// TunnelEnd: the WebSocket's end of a tunnel (gateway/tunnel.h): reads messages into portions for the
// gateway, writes the portions that it gets. Threads: the io_context's one thread, but for what handle()
// gives away. Limits: TUNNEL_MESSAGE_MAX a message, FRAGMENTS_MAX of it, CONTROLS_A_SECOND_MAX pings: beyond
// the last two it cuts the connection, and counts that; while TUNNEL_HEARD_MAX messages wait for the gateway
// nothing is read, so that TCP holds the sender back. A client that vanished is noticed by the socket's own
// pings (its idle time-out).
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <memory>

#include "gateway/tunnel.h"

namespace everframe::admin {

using WebSocket = boost::beast::websocket::stream<boost::beast::tcp_stream>;

inline constexpr std::chrono::seconds TUNNEL_SILENCE_MAX{30};  // pings included
inline constexpr std::chrono::seconds LEAVE_MAX{5};            // for the other side's closing frame
inline constexpr unsigned FRAGMENTS_MAX = 64;
inline constexpr unsigned CONTROLS_A_SECOND_MAX = 20;
inline constexpr int UNSENT_BYTES_MAX =
    16 << 10;  // in the kernel (TCP_NOTSENT_LOWAT): what waits there grows old

struct TunnelsCut {  // by what the client did
  std::uint64_t fragments = 0;
  std::uint64_t controls = 0;
};

class TunnelEnd : public std::enable_shared_from_this<TunnelEnd> {
 public:
  TunnelEnd(std::shared_ptr<WebSocket> socket, std::shared_ptr<TunnelsCut> cuts);

  // For the gateway: once, before run().
  std::unique_ptr<gateway::TunnelSocket> handle();
  // Until the tunnel has ended; the client has its answer.
  boost::asio::awaitable<void> run(std::shared_ptr<gateway::TunnelMouth> mouth);

 private:
  class Handle;
  boost::asio::awaitable<std::string> read();  // why it ended
  boost::asio::awaitable<void> write(std::vector<Bytes> messages);
  boost::asio::awaitable<void> take_leave();
  void pass_on();
  void read_on();
  void close();
  void cut();
  void on_control();

  const std::shared_ptr<WebSocket> socket_;
  const std::shared_ptr<TunnelsCut> cuts_;
  std::shared_ptr<gateway::TunnelMouth> mouth_;
  std::vector<gateway::TunnelMessage> heard_;
  boost::asio::steady_timer room_;  // cancelled when a waiting reader should look again
  bool away_ = false;               // the gateway has a portion
  bool writing_ = false;
  bool closed_ = false;  // by the gateway
  unsigned controls_ = 0;
  std::chrono::steady_clock::time_point controls_since_{};
};

}  // namespace everframe::admin
