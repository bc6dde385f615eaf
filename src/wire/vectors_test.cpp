// spec/vectors/*.jsonl: messages and their bytes, which other languages' codecs are tested against too (their
// format: spec/vectors/README.md). What would break these: the codec and the specification's examples
// drifting apart.
//
// After a message was added to a file by hand, without "bytes", this fills them in:
//   wire_test --gtest_also_run_disabled_tests --gtest_filter='*FillsIn*'
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "wire/codec.h"

using namespace everframe;
using namespace everframe::wire;
namespace json = boost::json;

namespace {

// As in the codec, one list of a message's fields serves both directions. 64-bit numbers are text in JSON.
struct ToJson {
  json::object& out;

  template <class T>
  void number(const char* key, const T& v) {
    if constexpr (sizeof(T) == 8) {
      out[key] = std::to_string(static_cast<std::uint64_t>(v));
    } else if constexpr (std::is_signed_v<T>) {
      out[key] = static_cast<std::int64_t>(v);
    } else {
      out[key] = static_cast<std::uint64_t>(v);
    }
  }
  void text(const char* key, const std::string& v) { out[key] = v; }
  template <class T, class F>
  void object(const char* key, const T& v, F fields) {
    json::object inner;
    ToJson codec{inner};
    fields(codec, v);
    out[key] = std::move(inner);
  }
  template <class T, class F>
  void optional(const char* key, const std::optional<T>& v, F fields) {
    if (v) return object(key, *v, fields);
    out[key] = nullptr;
  }
  template <class T, class F>
  void list(const char* key, const std::vector<T>& items, F fields) {
    json::array array;
    for (const T& item : items) {
      json::object inner;
      ToJson codec{inner};
      codec.object("item", item, fields);
      array.push_back(inner["item"]);
    }
    out[key] = std::move(array);
  }
  void ids(const char* key, const std::vector<EntityId>& items) {
    json::array array;
    for (const EntityId id : items) array.emplace_back(std::to_string(raw(id)));
    out[key] = std::move(array);
  }
};

std::uint64_t number_of(const json::value& value) {
  if (value.is_int64()) return static_cast<std::uint64_t>(value.get_int64());
  return std::stoull(std::string(value.as_string()));
}

struct FromJson {
  const json::object& in;

  template <class T>
  void number(const char* key, T& v) {
    v = static_cast<T>(number_of(in.at(key)));
  }
  void text(const char* key, std::string& v) { v = in.at(key).as_string(); }
  template <class T, class F>
  void object(const char* key, T& v, F fields) {
    FromJson codec{in.at(key).as_object()};
    fields(codec, v);
  }
  template <class T, class F>
  void optional(const char* key, std::optional<T>& v, F fields) {
    if (!in.at(key).is_null()) object(key, v.emplace(), fields);
  }
  template <class T, class F>
  void list(const char* key, std::vector<T>& items, F fields) {
    for (const json::value& item : in.at(key).as_array()) {
      FromJson codec{item.as_object()};
      fields(codec, items.emplace_back());
    }
  }
  void ids(const char* key, std::vector<EntityId>& items) {
    for (const json::value& item : in.at(key).as_array()) items.push_back(EntityId{number_of(item)});
  }
};

const auto position = [](auto& c, auto& v) {
  c.number("x", v.x);
  c.number("y", v.y);
  c.number("z", v.z);
};
const auto stack = [](auto& c, auto& v) {
  c.number("item", v.item);
  c.number("count", v.count);
};
const auto entity = [](auto& c, auto& v) {
  c.number("id", v.id);
  c.number("type", v.type);
  c.object("position", v.position, position);
  c.number("yaw", v.yaw);
  c.number("hp", v.hp);
  c.number("state", v.state);
  c.number("owner", v.owner);
  c.list("stacks", v.stacks, stack);
};
const auto part = [](auto& c, auto& v) {
  c.number("dx", v.offset.x);
  c.number("dy", v.offset.y);
  c.number("dz", v.offset.z);
  c.number("rotation", v.rotation);
};
const auto parts = [](auto& c, auto& v) {
  c.optional("head", v[0], part);
  c.optional("left_hand", v[1], part);
  c.optional("right_hand", v[2], part);
};
const auto pose = [](auto& c, auto& v) {
  c.object("position", v.position, position);
  c.number("yaw", v.yaw);
  c.number("pitch", v.pitch);
  c.object("parts", v.parts, parts);
};
const auto avatar_pose = [](auto& c, auto& v) {
  c.number("body", v.body);
  c.object("pose", v.pose, pose);
};

template <class M, class T>
concept Is = std::is_same_v<std::remove_const_t<M>, T>;

// An enum or flag through the number that is on the wire.
template <class C, class T>
void small(C& c, const char* key, T& v) {
  if constexpr (std::is_const_v<T>) {
    c.number(key, static_cast<std::uint8_t>(v));
  } else {
    std::uint8_t number = 0;
    c.number(key, number);
    v = static_cast<T>(number);
  }
}

const auto action_fields = [](auto& c, auto& v) {
  using M = std::remove_reference_t<decltype(v)>;
  if constexpr (Is<M, Harvest> || Is<M, PickUp> || Is<M, Interact>) {
    c.number("target", v.target);
  } else if constexpr (Is<M, Build>) {
    c.number("type", v.what);
    c.object("position", v.position, position);
    c.number("yaw", v.yaw);
  } else if constexpr (Is<M, Drop>) {
    stack(c, v.stack);
  } else if constexpr (Is<M, Craft>) {
    c.number("recipe", v.recipe);
    c.number("times", v.times);
  } else if constexpr (Is<M, Transfer>) {
    c.number("target", v.target);
    stack(c, v.stack);
    small(c, "direction", v.out);
  }
};

const char* const ACTIONS[] = {"harvest", "build",    "pick_up",  "drop",
                               "craft",   "interact", "transfer", "idle"};
const char* const CLIENT_EVENTS[] = {"action", "ping", "leave", "resync"};
const char* const SERVER_EVENTS[] = {
    "welcome",      "accepted", "applied",     "refused", "inventory", "chunk_snapshot", "chunk_changes",
    "chunk_forget", "avatar",   "avatar_gone", "pong",    "goodbye",   "moved"};

// Alternative i is called names[i], under `tag`.
template <class F, class... Ts>
void variant(ToJson& c, const char* tag, auto& names, const std::variant<Ts...>& v, F fields) {
  c.out[tag] = names[v.index()];
  std::visit([&](const auto& m) { fields(c, m); }, v);
}
template <class F, class... Ts>
void variant(FromJson& c, const char* tag, auto& names, std::variant<Ts...>& v, F fields) {
  static_assert(std::extent_v<std::remove_reference_t<decltype(names)>> == sizeof...(Ts));
  const json::string& name = c.in.at(tag).as_string();
  std::size_t index = 0;
  bool found = false;
  const auto take = [&]<class T>() {
    if (name == names[index++]) {
      fields(c, v.template emplace<T>());
      found = true;
    }
  };
  (take.template operator()<Ts>(), ...);
  if (!found) throw std::runtime_error("no message is called " + std::string(name));
}

const auto body = [](auto& c, auto& v) { variant(c, "what", ACTIONS, v, action_fields); };

const auto client_fields = [](auto& c, auto& v) {
  using M = std::remove_reference_t<decltype(v)>;
  if constexpr (Is<M, Action>) {
    c.number("seq", v.seq);
    c.object("body", v.body, body);
  } else if constexpr (Is<M, Ping>) {
    c.number("nonce", v.nonce);
  } else if constexpr (Is<M, Resync>) {
    c.number("chunk", v.chunk);
  }
};

const auto welcome_fields = [](auto& c, auto& v) {
  auto version = VERSION;
  c.number("version", version);
  c.number("player", v.player);
  c.number("body", v.body);
  c.text("name", v.name);
  c.object("position", v.position, position);
  c.number("yaw", v.yaw);
  c.number("frame", v.frame);
  c.number("last_seq", v.last_seq);
  c.number("state_hz", v.state_hz);
  c.number("view_chunks", v.view_chunks);
  c.number("chunk_size", v.chunk_size);
  c.number("content_hash", v.content_hash);
  c.number("wall_ms", v.wall);
};

const auto chunk_fields = [](auto& c, auto& v) {
  using M = std::remove_reference_t<decltype(v)>;
  c.number("chunk", v.chunk);
  if constexpr (Is<M, ChunkSnapshot>) {
    c.number("version", v.version);
    c.list("entities", v.entities, entity);
  } else if constexpr (Is<M, ChunkChanges>) {
    c.number("from_version", v.from_version);
    c.number("version", v.version);
    c.number("frame", v.frame);
    c.list("upserts", v.upserts, entity);
    c.ids("removed", v.removed);
  }
};

const auto server_fields = [](auto& c, auto& v) {
  using M = std::remove_reference_t<decltype(v)>;
  if constexpr (Is<M, Welcome>) {
    welcome_fields(c, v);
  } else if constexpr (Is<M, Accepted>) {
    c.number("seq", v.seq);
  } else if constexpr (Is<M, Applied>) {
    c.number("seq", v.seq);
    c.number("frame", v.frame);
  } else if constexpr (Is<M, Refused>) {
    c.number("seq", v.seq);
    c.number("frame", v.frame);
    c.number("reason", v.reason);
  } else if constexpr (Is<M, Inventory>) {
    c.number("frame", v.frame);
    c.list("stacks", v.stacks, stack);
  } else if constexpr (Is<M, Avatar>) {
    c.number("body", v.body);
    c.number("player", v.player);
    c.text("name", v.name);
  } else if constexpr (Is<M, AvatarGone>) {
    c.number("body", v.body);
  } else if constexpr (Is<M, Pong>) {
    c.number("nonce", v.nonce);
    c.number("frame", v.frame);
    c.number("wall_ms", v.wall);
  } else if constexpr (Is<M, Goodbye>) {
    small(c, "reason", v.reason);
    c.text("detail", v.detail);
  } else if constexpr (Is<M, Moved>) {
    c.number("pose_seq", v.pose_seq);
    c.object("position", v.position, position);
    c.number("yaw", v.yaw);
  } else {
    chunk_fields(c, v);
  }
};

template <class C, class M>
void message(C& c, M& v) {
  if constexpr (Is<M, ClientEvent>) {
    variant(c, "kind", CLIENT_EVENTS, v, client_fields);
  } else if constexpr (Is<M, ServerEvent>) {
    variant(c, "kind", SERVER_EVENTS, v, server_fields);
  } else if constexpr (Is<M, PoseUpdate>) {
    if constexpr (std::is_same_v<C, ToJson>) c.out["kind"] = "pose";
    c.number("pose_seq", v.pose_seq);
    c.object("pose", v.pose, pose);
  } else {
    static_assert(Is<M, State>);
    if constexpr (std::is_same_v<C, ToJson>) c.out["kind"] = "state";
    c.number("tick", v.tick);
    c.number("wall_ms_low", v.wall_ms_low);
    c.number("frame", v.frame);
    c.number("pose_seq", v.pose_seq);
    c.list("avatars", v.avatars, avatar_pose);
  }
}

std::string hex(ByteView bytes) {
  static constexpr char DIGITS[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += DIGITS[byte >> 4];
    out += DIGITS[byte & 15];
  }
  return out;
}
Bytes unhex(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

// Calls use(decode, message of its type) for the line's channel.
void with_channel(const json::object& line, auto use) {
  const json::string& channel = line.at("channel").as_string();
  if (channel == "client_events") return use(decode_client_event, ClientEvent());
  if (channel == "client_state") return use(decode_client_state, PoseUpdate());
  if (channel == "server_events") return use(decode_server_event, ServerEvent());
  if (channel == "server_state") return use(decode_server_state, State());
  throw std::runtime_error("no channel is called " + std::string(channel));
}

std::vector<std::filesystem::path> vector_files() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator("spec/vectors")) {
    if (entry.path().extension() == ".jsonl") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<json::object> lines_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<json::object> out;
  for (std::string line; std::getline(in, line);) out.push_back(json::parse(line).as_object());
  return out;
}

void expect_both_ways(const json::object& line) {
  const Bytes bytes = unhex(line.at("bytes").as_string());
  with_channel(line, [&](auto decode, auto written) {
    FromJson from{line.at("message").as_object()};
    message(from, written);
    Bytes encoded;
    encode(encoded, written);
    EXPECT_EQ(hex(encoded), hex(bytes));
    const auto read = decode(bytes);
    ASSERT_TRUE(read.has_value()) << read.error().text;
    EXPECT_TRUE(*read == written);
    json::object back;
    ToJson to{back};
    message(to, *read);
    EXPECT_EQ(json::serialize(back), json::serialize(line.at("message")));
  });
}

}  // namespace

TEST(Vectors, HaveTheBytesThatTheCodecWritesAndReads) {
  std::set<std::string> kinds;
  for (const auto& path : vector_files()) {
    for (const json::object& line : lines_of(path)) {
      if (line.contains("refused")) continue;
      SCOPED_TRACE(path.string() + ": " + std::string(line.at("name").as_string()));
      ASSERT_NO_THROW(expect_both_ways(line));
      const json::object& said = line.at("message").as_object();
      kinds.insert(std::string(said.at("kind").as_string()));
      if (const auto* inner = said.if_contains("body"); inner != nullptr && inner->is_object()) {
        kinds.insert("action " + std::string(inner->at("what").as_string()));
      }
    }
  }
  EXPECT_EQ(kinds.size(), std::size(ACTIONS) + std::size(CLIENT_EVENTS) + std::size(SERVER_EVENTS) + 2)
      << "some message kind has no vector";
}

TEST(Vectors, RefuseTheBytesThatBreakTheGrammar) {
  std::size_t count = 0;
  for (const auto& path : vector_files()) {
    for (const json::object& line : lines_of(path)) {
      if (!line.contains("refused")) continue;
      SCOPED_TRACE(path.string() + ": " + std::string(line.at("refused").as_string()));
      with_channel(line, [&](auto decode, auto) {
        EXPECT_FALSE(decode(unhex(line.at("bytes").as_string())).has_value());
      });
      ++count;
    }
  }
  EXPECT_GE(count, 40U);
}

TEST(Vectors, DISABLED_FillsInMissingBytes) {
  for (const auto& path : vector_files()) {
    std::vector<json::object> lines = lines_of(path);
    std::ofstream out(path, std::ios::trunc);
    for (json::object& line : lines) {
      if (!line.contains("bytes")) {
        with_channel(line, [&](auto, auto written) {
          FromJson from{line.at("message").as_object()};
          message(from, written);
          Bytes encoded;
          encode(encoded, written);
          line["bytes"] = hex(encoded);
        });
      }
      out << json::serialize(line) << "\n";
    }
  }
}
