#include "admin/http_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>

#include "admin/actors.h"
#include "admin/connect_json.h"
#include "admin/metrics.h"
#include "admin/tunnel_end.h"
#include "base/log.h"
#include "base/subscriber.h"

namespace everframe::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;

namespace {

constexpr auto TUPLE = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t HEADERS_MAX = 8 << 10;
constexpr auto FIGURES_MAX = std::chrono::milliseconds(500);  // to wait for an actor's figures

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

Address address_of(const tcp::endpoint& endpoint) {
  Address out;
  out.port = endpoint.port();
  const asio::ip::address_v6 v6 =
      endpoint.address().is_v4() ? asio::ip::make_address_v6(asio::ip::v4_mapped, endpoint.address().to_v4())
                                 : endpoint.address().to_v6();
  out.ip = v6.to_bytes();
  return out;
}

tcp::endpoint endpoint_of(const Address& address) {
  const asio::ip::address_v6 v6(address.ip);
  if (address.is_v4()) return {asio::ip::make_address_v4(asio::ip::v4_mapped, v6), address.port};
  return {v6, address.port};
}

// An answer that comes from another executor, awaited here for a while.
template <class T>
struct Awaited {
  explicit Awaited(asio::io_context& on) : io(on), timer(on) {}
  asio::io_context& io;
  asio::steady_timer timer;
  std::optional<T> value;

  static Function<void(T)> receiver(const std::shared_ptr<Awaited>& self) {
    return [self](T value) {
      asio::post(self->io, [self, value = std::make_shared<T>(std::move(value))] {
        self->value = std::move(*value);
        self->timer.cancel();
      });
    };
  }
};

template <class T>
asio::awaitable<std::optional<T>> wait_for(std::shared_ptr<Awaited<T>> awaited,
                                           std::chrono::microseconds at_most) {
  awaited->timer.expires_after(at_most);
  if (!awaited->value) co_await awaited->timer.async_wait(TUPLE);
  co_return std::move(awaited->value);
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(asio::io_context& on) : io(on), acceptor(on) {}

  asio::awaitable<void> listen();
  bool admit(const Subscriber& subscriber);
  void let_go(const Subscriber& subscriber);
  asio::awaitable<void> serve(beast::tcp_stream stream, Address from);
  asio::awaitable<void> serve_websocket(beast::tcp_stream stream, Request request, Address from);
  asio::awaitable<Response> answer(const Request& request, const Address& from);
  asio::awaitable<Response> answer_connect(const Request& request, const Address& from);
  asio::awaitable<gateway::ConnectReply> connect(std::string_view body, const Address& from, TunnelEnd* end);
  asio::awaitable<ServerFigures> figures();
  Response file(const Request& request) const;

  asio::io_context& io;
  tcp::acceptor acceptor;
  Site site;  // constant from serve() on
  std::size_t connections = 0;
  std::map<Subscriber, std::size_t> connections_by_subscriber;  // none with 0
  std::uint64_t connections_refused = 0;
  const std::shared_ptr<TunnelsCut> tunnels_cut = std::make_shared<TunnelsCut>();
  std::map<unsigned, std::uint64_t> answers;  // by status
  const std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

namespace {

Response make(const Request& request, http::status status, std::string type, std::string body) {
  Response response(status, request.version());
  response.set(http::field::content_type, type);
  response.set(http::field::cache_control, "no-store");
  response.set(http::field::access_control_allow_origin, "*");
  response.set("X-Content-Type-Options", "nosniff");
  response.keep_alive(request.keep_alive());
  response.body() = std::move(body);
  response.prepare_payload();
  return response;
}

Response refusal(const Request& request, unsigned status, std::string code, std::string message) {
  return make(request, static_cast<http::status>(status), "application/json",
              write_refusal({status, std::move(code), std::move(message)}));
}

}  // namespace

// `end`: of the WebSocket that a tunnel can be made of; may be null.
asio::awaitable<gateway::ConnectReply> HttpServer::Impl::connect(std::string_view body, const Address& from,
                                                                 TunnelEnd* end) {
  auto read = read_connect(body);
  if (!read) co_return read.error();
  gateway::Connect connect = std::move(read->connect);
  connect.from = from;
  if (read->wants_tunnel) {
    if (end == nullptr)
      co_return gateway::ConnectRefusal{400, "bad_request", "a tunnel needs the WebSocket of /v1/connect"};
    connect.tunnel = end->handle();
  }
  const auto awaited = std::make_shared<Awaited<gateway::ConnectReply>>(io);
  connect.reply = Awaited<gateway::ConnectReply>::receiver(awaited);
  site.door->let_in(std::move(connect));
  auto reply = co_await wait_for(awaited, ANSWER_MAX);
  if (!reply) co_return gateway::ConnectRefusal{503, "store", "the server did not answer in time: try again"};
  co_return std::move(*reply);
}

asio::awaitable<Response> HttpServer::Impl::answer_connect(const Request& request, const Address& from) {
  if (request.method() == http::verb::options) {  // a browser asks before it posts JSON from another origin
    Response response = make(request, http::status::no_content, "text/plain", {});
    response.set(http::field::access_control_allow_methods, "GET, POST");
    response.set(http::field::access_control_allow_headers, "content-type");
    response.set(http::field::access_control_max_age, "86400");
    co_return response;
  }
  if (request.method() != http::verb::post) {
    co_return refusal(request, 405, "bad_request", "connect by POST, or by GET as a WebSocket");
  }
  const std::string_view type(request[http::field::content_type]);
  if (!type.starts_with("application/json")) {
    co_return refusal(request, 415, "bad_content_type", "Content-Type must be application/json");
  }
  const gateway::ConnectReply reply = co_await connect(request.body(), from, nullptr);
  const auto* refused = std::get_if<gateway::ConnectRefusal>(&reply);
  const auto status = refused != nullptr ? static_cast<http::status>(refused->status) : http::status::ok;
  co_return make(request, status, "application/json", write_reply(reply, site.content_hash));
}

asio::awaitable<ServerFigures> HttpServer::Impl::figures() {
  ServerFigures out;
  out.answers = answers;
  if (site.actors != nullptr) out.actors = actor_lines(*site.actors);
  out.connections = connections;
  out.connections_refused = connections_refused;
  out.tunnels_cut = *tunnels_cut;
  out.uptime_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  out.connects = site.door->connects();
  out.connects_refused = site.door->refused();
  out.sessions_by_gateway = site.door->sessions();
  std::vector<std::shared_ptr<Awaited<gateway::Figures>>> from_hubs;
  for (const auto& hub : site.hubs) {
    from_hubs.push_back(std::make_shared<Awaited<gateway::Figures>>(io));
    hub.cast(gateway::AskFigures{[receive = Awaited<gateway::Figures>::receiver(from_hubs.back())](
                                     const gateway::Figures& f) { receive(f); }});
  }
  const auto from_region = std::make_shared<Awaited<region::Figures>>(io);
  site.region.cast(region::AskFigures{
      [receive = Awaited<region::Figures>::receiver(from_region)](const region::Figures& f) { receive(f); }});
  for (const auto& from_hub : from_hubs) {
    const auto one = co_await wait_for(from_hub, FIGURES_MAX);
    if (!one) {
      out.gateways_silent = true;
      break;
    }
    out.gateways += *one;
  }
  out.region = co_await wait_for(from_region, FIGURES_MAX);
  co_return out;
}

Response HttpServer::Impl::file(const Request& request) const {
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    return refusal(request, 405, "bad_request", "only GET and HEAD here");
  }
  const std::string_view target(request.target());
  const auto found = site.files.find(std::string(target.substr(0, target.find('?'))));
  if (found == site.files.end()) return refusal(request, 404, "not_found", "there is nothing here");
  const SiteFile& file = found->second;
  const bool same = request[http::field::if_none_match] == file.etag;
  Response response = make(request, same ? http::status::not_modified : http::status::ok, file.type, {});
  response.set(http::field::etag, file.etag);
  response.set(http::field::cache_control, "no-cache");
  if (!same && request.method() == http::verb::get) response.body() = file.bytes;
  response.content_length(same ? 0 : file.bytes.size());
  return response;
}

asio::awaitable<Response> HttpServer::Impl::answer(const Request& request, const Address& from) {
  const std::string_view target(request.target());
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/v1/connect") co_return co_await answer_connect(request, from);
  const bool served =
      path == "/v1/content" || path == "/v1/health" || path == "/v1/actors" || path == "/metrics";
  if (!served) co_return file(request);
  if (request.method() != http::verb::get) co_return refusal(request, 405, "bad_request", "only GET here");
  if (path == "/v1/content") co_return make(request, http::status::ok, "application/json", site.content_json);
  if (path == "/v1/actors") {
    const std::string text = site.actors != nullptr ? actors_text(*site.actors) : std::string();
    co_return make(request, http::status::ok, "text/plain; charset=utf-8", text);
  }
  const ServerFigures now = co_await figures();
  if (path == "/metrics") {
    co_return make(request, http::status::ok, "text/plain; version=0.0.4; charset=utf-8", metrics_text(now));
  }
  const bool well = now.is_well();
  co_return make(request, well ? http::status::ok : http::status::service_unavailable, "application/json",
                 health_json(now));
}

asio::awaitable<void> HttpServer::Impl::serve_websocket(beast::tcp_stream stream, Request request,
                                                        Address from) {
  const auto socket = std::make_shared<WebSocket>(std::move(stream));
  beast::get_lowest_layer(*socket).expires_never();
  auto timeouts = websocket::stream_base::timeout::suggested(beast::role_type::server);
  timeouts.idle_timeout = IDLE_MAX;
  socket->set_option(timeouts);
  socket->read_message_max(BODY_MAX);
  if (const auto [error] = co_await socket->async_accept(request, TUPLE); error) co_return;
  for (unsigned requests = 0; requests < CONNECTS_MAX; ++requests) {
    beast::flat_buffer buffer;
    const auto [read_error, size] = co_await socket->async_read(buffer, TUPLE);
    gateway::ConnectReply reply = gateway::ConnectRefusal{413, "too_large", "a request has at most 64 KiB"};
    if (read_error && read_error != websocket::error::message_too_big) co_return;
    const auto end = std::make_shared<TunnelEnd>(socket, tunnels_cut);
    if (!read_error) {
      const std::string body = beast::buffers_to_string(buffer.data());
      reply = co_await connect(body, from, end.get());
    }
    const auto* refused = std::get_if<gateway::ConnectRefusal>(&reply);
    ++answers[refused != nullptr ? refused->status : 200];
    socket->text(true);
    const std::string text = write_reply(reply, site.content_hash);
    if (const auto [error, sent] = co_await socket->async_write(asio::buffer(text), TUPLE); error) co_return;
    if (refused != nullptr) break;
    if (auto tunnel = std::get<gateway::ConnectAnswer>(reply).tunnel)
      co_return co_await end->run(std::move(tunnel));
  }
  co_await socket->async_close(websocket::close_code::normal, TUPLE);
}

asio::awaitable<void> HttpServer::Impl::serve(beast::tcp_stream stream, Address from) {
  beast::flat_buffer buffer;
  for (;;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(BODY_MAX);
    parser.header_limit(HEADERS_MAX);
    stream.expires_after(IDLE_MAX);
    const auto [error, size] = co_await http::async_read(stream, buffer, parser, TUPLE);
    const bool readable = !error || error == http::error::body_limit || error == http::error::header_limit;
    if (!readable && error.category() != http::make_error_code(http::error::bad_method).category()) break;
    if (error == http::error::end_of_stream || error == http::error::partial_message) break;
    Response response;
    bool keep = false;
    if (error) {
      Request broken;
      broken.version(11);
      broken.keep_alive(false);
      const bool large = error == http::error::body_limit || error == http::error::header_limit;
      response = refusal(broken, large ? 413 : 400, large ? "too_large" : "bad_request",
                         large ? "a request has at most 64 KiB" : "this is not HTTP: " + error.message());
    } else {
      const Request request = parser.release();
      if (websocket::is_upgrade(request)) {
        if (request.target() == "/v1/connect") {
          co_return co_await serve_websocket(std::move(stream), request, from);
        }
        response = refusal(request, 404, "not_found", "there is no WebSocket here");
      } else {
        response = co_await answer(request, from);
      }
      keep = response.keep_alive();
    }
    ++answers[response.result_int()];
    stream.expires_after(IDLE_MAX);
    const auto [write_error, sent] = co_await http::async_write(stream, response, TUPLE);
    if (write_error || !keep) break;
  }
  boost::system::error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

bool HttpServer::Impl::admit(const Subscriber& subscriber) {
  std::size_t& theirs = connections_by_subscriber[subscriber];
  if (connections < CONNECTIONS_MAX && theirs < CONNECTIONS_A_SUBSCRIBER_MAX) {
    ++connections;
    ++theirs;
    return true;
  }
  ++connections_refused;
  if (theirs == 0) connections_by_subscriber.erase(subscriber);
  return false;
}

void HttpServer::Impl::let_go(const Subscriber& subscriber) {
  --connections;
  const auto theirs = connections_by_subscriber.find(subscriber);
  if (--theirs->second == 0) connections_by_subscriber.erase(theirs);
}

asio::awaitable<void> HttpServer::Impl::listen() {
  const auto self = shared_from_this();
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(TUPLE);
    if (error == asio::error::operation_aborted || !acceptor.is_open()) break;
    if (error) {  // out of descriptors, mostly: wait until some are free again
      log::warn("http: accept: {}", error.message());
      asio::steady_timer pause(io, std::chrono::milliseconds(100));
      co_await pause.async_wait(TUPLE);
      continue;
    }
    boost::system::error_code gone;
    const tcp::endpoint remote = socket.remote_endpoint(gone);
    if (gone) continue;
    const Address from = address_of(remote);
    if (!admit(subscriber_of(from))) continue;  // closes it
    socket.set_option(tcp::no_delay(true), gone);
    asio::co_spawn(io, serve(beast::tcp_stream(std::move(socket)), from),
                   [self, from](std::exception_ptr failure) {
                     self->let_go(subscriber_of(from));
                     if (!failure) return;
                     try {
                       std::rethrow_exception(failure);
                     } catch (const std::exception& what) {
                       log::error("http: a connection ended by a bug: {}", what.what());
                     }
                   });
  }
}

Result<std::unique_ptr<HttpServer>> HttpServer::open(asio::io_context& io, const Address& local) {
  auto impl = std::make_shared<Impl>(io);
  const tcp::endpoint endpoint = endpoint_of(local);
  boost::system::error_code error;
  impl->acceptor.open(endpoint.protocol(), error);
  if (!error) impl->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && !local.is_v4()) impl->acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) impl->acceptor.bind(endpoint, error);
  if (!error) impl->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail_with(error.value(), "cannot listen on {}: {}", local.text(), error.message());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::serve(Site site) {
  impl_->site = std::move(site);
  asio::co_spawn(
      impl_->io, [impl = impl_] { return impl->listen(); }, asio::detached);
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() {
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
}

Address HttpServer::local() const {
  return address_of(impl_->acceptor.local_endpoint());
}

void HttpServer::stop() {
  asio::post(impl_->io, [impl = impl_] {
    boost::system::error_code ignored;
    impl->acceptor.close(ignored);
  });
}

}  // namespace everframe::admin
