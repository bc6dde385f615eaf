#include "bots/tunnel.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/json.hpp>
#include <deque>

namespace everframe::bots {

namespace {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
}  // namespace

struct Tunnel::Socket : std::enable_shared_from_this<Tunnel::Socket> {
  Socket(platform_os::AsioExecutor& on, ServerUrl to, Figures& counts, Receive tell)
      : executor(on), server(std::move(to)), figures(counts), receive(std::move(tell)), stream(on.io()) {}

  platform_os::AsioExecutor& executor;
  const ServerUrl server;
  Figures& figures;
  const Receive receive;
  websocket::stream<beast::tcp_stream> stream;
  std::deque<Bytes> waiting;
  std::size_t waiting_bytes = 0;
  bool writing = false;
  bool up = false;
  bool owned = true;  // else nobody is told anything any more
  std::optional<std::string> lost;

  asio::awaitable<std::string> ask(std::string request);  // the token
  asio::awaitable<void> run(std::string request, Answered answered);
  asio::awaitable<void> read();
  asio::awaitable<void> write();
  void write_on();
  void lose(std::string why) {
    up = false;
    if (!lost) lost = std::move(why);
    beast::get_lowest_layer(stream).close();
  }
  // Of a coroutine of this: what it threw is why the connection is lost.
  auto ended() {
    return [self = shared_from_this()](std::exception_ptr failure) {
      try {
        if (failure) std::rethrow_exception(failure);
      } catch (const std::exception& what) {
        self->lose(what.what());
      }
    };
  }
};

asio::awaitable<std::string> Tunnel::Socket::ask(std::string request) {
  asio::ip::tcp::resolver resolver(executor.io());
  const auto found = co_await resolver.async_resolve(server.host, server.port, asio::use_awaitable);
  beast::tcp_stream& tcp = beast::get_lowest_layer(stream);
  tcp.expires_after(REPLY_MAX);
  co_await tcp.async_connect(found, asio::use_awaitable);
  tcp.socket().set_option(asio::ip::tcp::no_delay(true));
  co_await stream.async_handshake(server.authority(), "/v1/connect", asio::use_awaitable);
  co_await stream.async_write(asio::buffer(request), asio::use_awaitable);
  beast::flat_buffer buffer;
  co_await stream.async_read(buffer, asio::use_awaitable);
  tcp.expires_never();
  const boost::json::value reply = boost::json::parse(beast::buffers_to_string(buffer.data()));
  boost::system::error_code none;
  if (const auto* refusal = reply.find_pointer("/error/message", none))
    throw std::runtime_error("connect refused: " + std::string(refusal->as_string()));
  co_return std::string(reply.at("token").as_string());
}

asio::awaitable<void> Tunnel::Socket::run(std::string request, Answered answered) {
  Result<std::string> token = fail("no reply");
  try {
    token = co_await ask(std::move(request));
  } catch (const std::exception& what) {
    token = fail("ws://{}: {}", server.authority(), what.what());
  }
  if (!owned) co_return;
  if (!token) {
    lose(token.error().text);
    answered(std::move(token));
    co_return;
  }
  stream.binary(true);
  up = true;
  answered(std::move(token));
  co_await read();
}

asio::awaitable<void> Tunnel::Socket::read() {
  beast::flat_buffer buffer;
  while (owned) {
    buffer.clear();
    co_await stream.async_read(buffer, asio::use_awaitable);
    const auto* begin = static_cast<const std::uint8_t*>(buffer.cdata().data());
    const ByteView bytes(begin, buffer.size());
    if (!owned) co_return;
    const auto message = wire::read_tunnelled(bytes);
    if (!message) throw std::runtime_error(message.error().text);
    ++figures.messages_down;
    figures.bytes_down += bytes.size();
    receive(message->channel, message->message, executor.now());
  }
}

void Tunnel::Socket::write_on() {
  if (waiting.empty() || std::exchange(writing, true)) return;
  asio::co_spawn(executor.io(), write(), ended());
}

asio::awaitable<void> Tunnel::Socket::write() {
  while (!waiting.empty()) {
    const Bytes message = std::move(waiting.front());
    waiting.pop_front();
    co_await stream.async_write(asio::buffer(message), asio::use_awaitable);
    waiting_bytes -= message.size();
  }
  writing = false;
}

Tunnel::Tunnel(platform_os::AsioExecutor& executor, ServerUrl server, Figures& figures, Receive receive)
    : socket_(std::make_shared<Socket>(executor, std::move(server), figures, std::move(receive))) {}

Tunnel::~Tunnel() {
  socket_->owned = false;
  socket_->lose("closed");
}

void Tunnel::enter(const Who& who, Answered answered) {
  boost::json::object request{{"type", "tunnel"}};
  if (who.token) request["token"] = *who.token;
  if (!who.name.empty()) request["name"] = who.name;
  asio::co_spawn(socket_->executor.io(), socket_->run(boost::json::serialize(request), std::move(answered)),
                 socket_->ended());
}

bool Tunnel::up() const {
  return socket_->up;
}
const std::optional<std::string>& Tunnel::lost() const {
  return socket_->lost;
}
std::size_t Tunnel::buffered(Channel) const {
  return socket_->waiting_bytes;
}

bool Tunnel::send(Channel channel, ByteView message) {
  Socket& socket = *socket_;
  if (!socket.up || socket.waiting_bytes + message.size() > BUFFERED_MAX) return false;
  Bytes bytes = wire::write_tunnelled(channel, message);
  ++socket.figures.messages_up;
  socket.figures.bytes_up += bytes.size();
  socket.waiting_bytes += bytes.size();
  socket.waiting.push_back(std::move(bytes));
  socket.write_on();
  return true;
}

void Tunnel::close(std::string reason) {
  socket_->lose(std::move(reason));
}

}  // namespace everframe::bots
