#include "admin/connect_json.h"

#include <boost/json.hpp>

namespace everframe::admin {

namespace {

constexpr std::size_t NAME_CHARACTERS_MAX = 32;
constexpr std::size_t JSON_DEPTH_MAX = 4;

// Characters of well-formed UTF-8 without control characters; nothing otherwise.
std::optional<std::size_t> characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x20 || lead == 0x7f) return std::nullopt;
    const std::size_t length = lead < 0x80       ? 1
                               : lead >> 5 == 6  ? 2
                               : lead >> 4 == 14 ? 3
                               : lead >> 3 == 30 ? 4
                                                 : 0;
    if (length == 0 || i + length > text.size()) return std::nullopt;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return std::nullopt;
    }
    i += length;
  }
  return count;
}

tl::unexpected<gateway::ConnectRefusal> bad(const char* code, std::string message) {
  return tl::unexpected(gateway::ConnectRefusal{400, code, std::move(message)});
}

}  // namespace

tl::expected<ReadConnect, gateway::ConnectRefusal> read_connect(std::string_view body) {
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = JSON_DEPTH_MAX;
  const boost::json::value json = boost::json::parse(body, error, {}, options);
  if (error) return bad("bad_json", "the request is not JSON: " + error.message());
  const boost::json::object* object = json.if_object();
  if (object == nullptr)
    return bad("bad_request", "the request must be an object: {\"type\":\"offer\",\"sdp\":…}");
  const auto text = [&](const char* key) -> const boost::json::string* {
    const boost::json::value* value = object->if_contains(key);
    return value != nullptr ? value->if_string() : nullptr;
  };
  const auto* type = text("type");
  const bool wants_tunnel = type != nullptr && *type == "tunnel";
  if (type == nullptr || (*type != "offer" && !wants_tunnel))
    return bad("bad_request", "\"type\" must be \"offer\" or \"tunnel\"");
  const auto* sdp = text("sdp");
  if (sdp == nullptr && !wants_tunnel) return bad("bad_request", "\"sdp\" must be the offer's text");

  ReadConnect read;
  read.wants_tunnel = wants_tunnel;
  gateway::Connect& connect = read.connect;
  if (!wants_tunnel) connect.offer.assign(sdp->begin(), sdp->end());
  if (const auto* token = object->if_contains("token"); token != nullptr && !token->is_null()) {
    if (!token->is_string()) return bad("bad_request", "\"token\" must be text");
    connect.token.emplace(token->get_string().begin(), token->get_string().end());
  }
  if (const auto* name = object->if_contains("name"); name != nullptr && !name->is_null()) {
    if (!name->is_string()) return bad("bad_request", "\"name\" must be text");
    connect.name.assign(name->get_string().begin(), name->get_string().end());
    const auto count = characters(connect.name);
    if (!count || *count == 0 || *count > NAME_CHARACTERS_MAX) {
      return bad("bad_request", "\"name\" must have 1 to 32 characters, none of them control characters");
    }
  }
  return read;
}

std::string write_refusal(const gateway::ConnectRefusal& refusal) {
  const boost::json::object error{{"code", refusal.code}, {"message", refusal.message}};
  return boost::json::serialize(boost::json::object{{"error", error}});
}

std::string write_reply(const gateway::ConnectReply& reply, const std::string& content_hash) {
  if (const auto* refusal = std::get_if<gateway::ConnectRefusal>(&reply)) return write_refusal(*refusal);
  const auto& answer = std::get<gateway::ConnectAnswer>(reply);
  boost::json::object out{{"type", answer.tunnel ? "tunnel" : "answer"},
                          {"token", answer.token},
                          {"player", std::to_string(raw(answer.player))},
                          {"content", content_hash}};
  if (!answer.tunnel) out["sdp"] = answer.sdp;
  return boost::json::serialize(out);
}

}  // namespace everframe::admin
