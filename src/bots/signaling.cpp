#include "bots/signaling.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>

namespace everframe::bots {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
using Reply = http::response<http::string_body>;

// Beast's errors come as exceptions here; exchange() turns them into Results.
asio::awaitable<Reply> send(ServerUrl server, http::request<http::string_body> request) {
  const auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::resolver resolver(executor);
  const auto found = co_await resolver.async_resolve(server.host, server.port, asio::use_awaitable);
  beast::tcp_stream stream(executor);
  stream.expires_after(REPLY_MAX);
  co_await stream.async_connect(found, asio::use_awaitable);
  request.set(http::field::host, server.authority());
  request.keep_alive(false);
  request.prepare_payload();
  co_await http::async_write(stream, request, asio::use_awaitable);
  beast::flat_buffer buffer;
  Reply reply;
  co_await http::async_read(stream, buffer, reply, asio::use_awaitable);
  boost::system::error_code ignored;
  stream.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  co_return reply;
}

asio::awaitable<void> exchange(ServerUrl server, http::request<http::string_body> request,
                               Function<void(Result<Reply>)> answered) {
  Result<Reply> reply = fail("no reply");
  try {
    reply = co_await send(server, std::move(request));
  } catch (const std::exception& what) {
    reply = fail("http://{}:{}: {}", server.host, server.port, what.what());
  }
  answered(std::move(reply));
}

std::string refusal_of(const Reply& reply) {
  boost::system::error_code error;
  const json::value body = json::parse(reply.body(), error);
  const json::value* text = error ? nullptr : body.find_pointer("/error/message", error);
  const std::string words = text != nullptr && text->is_string() ? std::string(text->get_string()) : "";
  return words.empty() ? std::string(reply.reason()) : words;
}

Result<ConnectAnswer> answer_of(const Reply& reply) {
  if (reply.result() != http::status::ok) {
    return fail_with(static_cast<int>(reply.result_int()), "connect refused with {}: {}", reply.result_int(),
                     refusal_of(reply));
  }
  boost::system::error_code error;
  const json::value body = json::parse(reply.body(), error);
  const json::value* sdp = error ? nullptr : body.find_pointer("/sdp", error);
  const json::value* token = error ? nullptr : body.find_pointer("/token", error);
  if (sdp == nullptr || !sdp->is_string() || token == nullptr || !token->is_string())
    return fail("the answer of /v1/connect has no sdp and token");
  return ConnectAnswer{std::string(sdp->get_string()), std::string(token->get_string())};
}

}  // namespace

Result<ServerUrl> ServerUrl::parse(std::string_view text) {
  constexpr std::string_view SCHEME = "http://";
  if (!text.starts_with(SCHEME)) return fail("\"{}\": must be http://HOST[:PORT]", text);
  std::string_view rest = text.substr(SCHEME.size());
  rest = rest.substr(0, rest.find('/'));
  ServerUrl url;
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return fail("\"{}\": the address's bracket is not closed", text);
    url.host = rest.substr(1, end - 1);
    rest = rest.substr(end + 1);
  } else {
    url.host = rest.substr(0, rest.find(':'));
    rest = rest.substr(url.host.size());
  }
  if (rest.starts_with(':')) url.port = rest.substr(1);
  const bool is_number = !url.port.empty() && url.port.find_first_not_of("0123456789") == std::string::npos;
  if (url.host.empty() || !is_number) return fail("\"{}\": must be http://HOST[:PORT]", text);
  return url;
}

std::string ServerUrl::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + port;
}

void Signaling::connect(const Who& who, std::string offer, Function<void(Result<ConnectAnswer>)> answered) {
  json::object body{{"type", "offer"}, {"sdp", offer}};
  if (who.token) body["token"] = *who.token;
  if (!who.name.empty()) body["name"] = who.name;
  http::request<http::string_body> post(http::verb::post, "/v1/connect", 11);
  post.set(http::field::content_type, "application/json");
  post.body() = json::serialize(body);
  asio::co_spawn(executor_.io(),
                 exchange(server_, std::move(post),
                          [answered = std::move(answered)](Result<Reply> reply) {
                            answered(reply ? answer_of(*reply) : tl::unexpected<Error>(reply.error()));
                          }),
                 asio::detached);
}

void Signaling::content(Function<void(Result<std::string>)> answered) {
  get("/v1/content", std::move(answered));
}

void Signaling::get(const std::string& path, Function<void(Result<std::string>)> answered) {
  http::request<http::string_body> request(http::verb::get, path, 11);
  asio::co_spawn(
      executor_.io(),
      exchange(server_, std::move(request),
               [path, answered = std::move(answered)](Result<Reply> reply) {
                 if (!reply) return answered(tl::unexpected<Error>(reply.error()));
                 if (reply->result() != http::status::ok)
                   return answered(fail("GET {}: {} {}", path, reply->result_int(), refusal_of(*reply)));
                 answered(std::move(reply->body()));
               }),
      asio::detached);
}

}  // namespace everframe::bots
