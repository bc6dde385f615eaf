// TunnelStranger: a client in a tunnel (spec/wire.md section 1.1) that says whatever a test wants it to say,
// well-formed or not, and reads only when it is asked to. Blocking, each operation for PATIENCE at most;
// lives on the test's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include "stranger.h"

namespace everframe::tests {

class TunnelStranger {
 public:
  // `receive_buffer`: of the kernel, in bytes; 0 is its own choice.
  explicit TunnelStranger(const std::string& url, int receive_buffer = 0);

  // One text message each way.
  std::string ask(const std::string& request);
  // A tunnel, and the welcome; false if either does not come.
  bool enter(const std::string& with_token = {});

  // A whole message, its channel included. False: it could not be sent.
  bool send(const Bytes& message, bool binary = true);
  bool send_event(const wire::ClientEvent& event);
  bool ping();      // a control frame
  bool fragment();  // one byte of a message without end
  void shut();      // sends nothing more, at TCP's level
  void leave();     // closes the WebSocket in good order

  // Reads until `what` of everything heard so far gives true; false if that does not come, or the end does.
  bool wait(const std::function<bool(const Stranger::Heard&)>& what);
  const Stranger::Heard& heard() const { return heard_; }
  std::string token;

 private:
  // Runs what was started; false if it does not end.
  bool run(const bool& done);
  bool read();

  boost::asio::io_context io_;
  boost::beast::websocket::stream<boost::beast::tcp_stream> socket_;
  boost::beast::flat_buffer buffer_;
  Stranger::Heard heard_;
};

}  // namespace everframe::tests
