#include "admin/tunnel_end.h"

#include <netinet/tcp.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>

namespace everframe::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

namespace {
constexpr auto TUPLE = asio::as_tuple(asio::use_awaitable);
}

// Everything of it is posted, also the end: what the gateway drops is destroyed on the socket's thread.
class TunnelEnd::Handle final : public gateway::TunnelSocket {
 public:
  explicit Handle(std::shared_ptr<TunnelEnd> end) : end_(std::move(end)) {}
  ~Handle() override {
    const auto executor = end_->socket_->get_executor();
    asio::post(executor, [end = std::move(end_)] { end->close(); });
  }
  void write(std::vector<Bytes> messages) override {
    asio::post(end_->socket_->get_executor(), [end = end_, messages = std::move(messages)]() mutable {
      end->writing_ = true;
      asio::co_spawn(end->socket_->get_executor(), end->write(std::move(messages)),
                     [end](std::exception_ptr) {});
    });
  }
  void read_on() override {
    asio::post(end_->socket_->get_executor(), [end = end_] { end->read_on(); });
  }

 private:
  std::shared_ptr<TunnelEnd> end_;
};

TunnelEnd::TunnelEnd(std::shared_ptr<WebSocket> socket, std::shared_ptr<TunnelsCut> cuts)
    : socket_(std::move(socket)),
      cuts_(std::move(cuts)),
      room_(socket_->get_executor(), asio::steady_timer::time_point::max()) {}

std::unique_ptr<gateway::TunnelSocket> TunnelEnd::handle() {
  return std::make_unique<Handle>(shared_from_this());
}

asio::awaitable<void> TunnelEnd::run(std::shared_ptr<gateway::TunnelMouth> mouth) {
  if (closed_) co_return;  // the session ended while its answer was on the way
  const auto self = shared_from_this();
  mouth_ = std::move(mouth);
  auto timeouts = websocket::stream_base::timeout::suggested(beast::role_type::server);
  timeouts.idle_timeout = TUNNEL_SILENCE_MAX;
  timeouts.handshake_timeout = LEAVE_MAX;
  timeouts.keep_alive_pings = true;
  socket_->set_option(timeouts);
  socket_->binary(true);
  socket_->auto_fragment(false);
  socket_->control_callback([this](websocket::frame_type, beast::string_view) { on_control(); });
  setsockopt(beast::get_lowest_layer(*socket_).socket().native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT,
             &UNSENT_BYTES_MAX, sizeof UNSENT_BYTES_MAX);
  mouth_->opened();
  const std::string why = co_await read();
  mouth_->closed(why);
  if (!closed_) cut();
}

asio::awaitable<std::string> TunnelEnd::read() {
  using gateway::TUNNEL_MESSAGE_MAX;
  beast::flat_buffer buffer;
  while (!closed_) {
    buffer.clear();
    bool whole = false;
    for (unsigned part = 0; !whole && buffer.size() <= TUNNEL_MESSAGE_MAX; ++part) {
      if (part == FRAGMENTS_MAX) {
        ++cuts_->fragments;
        co_return "a message in too many fragments";
      }
      const std::size_t most = TUNNEL_MESSAGE_MAX + 1 - buffer.size();
      const auto [error, got] = co_await socket_->async_read_some(buffer, most, TUPLE);
      if (error) co_return error.message();
      whole = socket_->is_message_done();
    }
    // One that is too long goes on as far as it was read: the session sees that, and says goodbye.
    const auto* begin = static_cast<const std::uint8_t*>(buffer.cdata().data());
    heard_.push_back({Bytes(begin, begin + buffer.size()), socket_->got_binary()});
    pass_on();
    while (!closed_ && (!whole || heard_.size() >= gateway::TUNNEL_HEARD_MAX))
      co_await room_.async_wait(TUPLE);
  }
  co_return "the session is over";
}

void TunnelEnd::pass_on() {
  if (away_ || heard_.empty()) return;
  away_ = true;
  mouth_->heard(std::exchange(heard_, {}));
}

void TunnelEnd::read_on() {
  away_ = false;
  pass_on();
  room_.cancel();
}

asio::awaitable<void> TunnelEnd::write(std::vector<Bytes> messages) {
  for (const Bytes& message : messages) {
    const auto [error, sent] = co_await socket_->async_write(asio::buffer(message), TUPLE);
    if (!error) continue;
    cut();
    co_return;
  }
  writing_ = false;
  mouth_->written();
}

void TunnelEnd::close() {
  closed_ = true;
  room_.cancel();
  if (!mouth_) return;  // it has not begun: whoever refuses it closes
  if (writing_) return cut();
  asio::co_spawn(socket_->get_executor(), take_leave(), [self = shared_from_this()](std::exception_ptr) {});
}

asio::awaitable<void> TunnelEnd::take_leave() {
  co_await socket_->async_close(websocket::close_code::normal, TUPLE);
  cut();
}

void TunnelEnd::cut() {
  beast::get_lowest_layer(*socket_).close();  // what is under way ends with an error
}

void TunnelEnd::on_control() {
  const auto now = std::chrono::steady_clock::now();
  if (now - controls_since_ > std::chrono::seconds(1)) {
    controls_since_ = now;
    controls_ = 0;
  }
  if (++controls_ != CONTROLS_A_SECOND_MAX) return;
  ++cuts_->controls;
  asio::post(socket_->get_executor(), [self = shared_from_this()] { self->cut(); });
}

}  // namespace everframe::admin
