#include "tunnel_stranger.h"

#include <boost/json.hpp>

namespace everframe::tests {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

namespace {
constexpr std::chrono::seconds PATIENCE{30};
}

TunnelStranger::TunnelStranger(const std::string& url, int receive_buffer) : socket_(io_) {
  const std::string rest = url.substr(std::string("http://").size());
  const std::size_t colon = rest.rfind(':');
  const auto port = static_cast<unsigned short>(std::stoul(rest.substr(colon + 1)));
  const std::string host = rest.starts_with('[') ? rest.substr(1, colon - 2) : rest.substr(0, colon);
  const tcp::endpoint server(asio::ip::make_address(host), port);
  tcp::socket& tcp_socket = beast::get_lowest_layer(socket_).socket();
  tcp_socket.open(server.protocol());
  if (receive_buffer > 0) tcp_socket.set_option(asio::socket_base::receive_buffer_size(receive_buffer));
  tcp_socket.connect(server);
  socket_.handshake(rest, "/v1/connect");
}

bool TunnelStranger::run(const bool& done) {
  io_.restart();
  const auto deadline = std::chrono::steady_clock::now() + PATIENCE;
  while (!done && std::chrono::steady_clock::now() < deadline)
    io_.run_one_for(std::chrono::milliseconds(100));
  if (done) return true;
  beast::get_lowest_layer(socket_).close();
  io_.run_for(std::chrono::seconds(1));
  return false;
}

bool TunnelStranger::read() {
  bool done = false;
  boost::system::error_code failed;
  buffer_.clear();
  socket_.async_read(buffer_, [&](const boost::system::error_code& error, std::size_t) {
    failed = error;
    done = true;
  });
  if (!run(done) || failed) {
    if (!heard_.closed) heard_.closed = failed ? failed.message() : "nothing came";
    return false;
  }
  if (!socket_.got_binary()) return true;
  const auto* begin = static_cast<const std::uint8_t*>(buffer_.cdata().data());
  const ByteView bytes(begin, buffer_.size());
  if (!bytes.empty() && bytes[0] == 1) ++heard_.states;
  if (bytes.empty() || bytes[0] != 0) return true;
  if (auto event = wire::decode_server_event(bytes.subspan(1))) heard_.events.push_back(std::move(*event));
  return true;
}

std::string TunnelStranger::ask(const std::string& request) {
  socket_.text(true);
  boost::system::error_code error;
  socket_.write(asio::buffer(request), error);
  return read() ? beast::buffers_to_string(buffer_.data()) : std::string();
}

bool TunnelStranger::enter(const std::string& with_token) {
  const std::string reply =
      ask("{\"type\":\"tunnel\"" + (with_token.empty() ? "" : ",\"token\":\"" + with_token + "\"") + "}");
  boost::system::error_code error;
  const auto json = boost::json::parse(reply, error);
  if (error || !json.is_object() || !json.as_object().contains("token")) return false;
  token = std::string(json.at("token").as_string());
  return wait([](const Stranger::Heard& heard) { return heard.last<wire::Welcome>() != nullptr; });
}

bool TunnelStranger::send(const Bytes& message, bool binary) {
  bool done = false;
  boost::system::error_code failed;
  socket_.binary(binary);
  socket_.async_write(asio::buffer(message), [&](const boost::system::error_code& error, std::size_t) {
    failed = error;
    done = true;
  });
  return run(done) && !failed;
}

bool TunnelStranger::send_event(const wire::ClientEvent& event) {
  Bytes bytes;
  wire::encode(bytes, event);
  bytes.insert(bytes.begin(), 0);
  return send(bytes);
}

bool TunnelStranger::ping() {
  boost::system::error_code error;
  socket_.ping({}, error);
  return !error;
}

bool TunnelStranger::fragment() {
  boost::system::error_code error;
  socket_.binary(true);
  socket_.write_some(false, asio::buffer("", 1), error);
  return !error;
}

void TunnelStranger::shut() {
  boost::system::error_code error;
  beast::get_lowest_layer(socket_).socket().shutdown(tcp::socket::shutdown_send, error);
}

void TunnelStranger::leave() {
  bool done = false;
  socket_.async_close(beast::websocket::close_code::normal,
                      [&](const boost::system::error_code&) { done = true; });
  run(done);
}

bool TunnelStranger::wait(const std::function<bool(const Stranger::Heard&)>& what) {
  const auto deadline = std::chrono::steady_clock::now() + PATIENCE;
  while (!what(heard_)) {
    if (heard_.closed || std::chrono::steady_clock::now() > deadline || !read()) return what(heard_);
  }
  return true;
}

}  // namespace everframe::tests
