#include "wire/codec.h"

#include <utility>

namespace everframe::wire {

namespace {

constexpr std::uint8_t CLIENT_EVENT_FIRST = 0x01;
constexpr std::uint8_t CLIENT_POSE = 0x20;
constexpr std::uint8_t SERVER_EVENT_FIRST = 0x40;
constexpr std::uint8_t SERVER_STATE = 0x60;

// One description of each message's fields serves both directions: `fields(codec, message)` names them in
// order, a Writer puts each, a Reader fills each. So encoding and decoding cannot drift apart.
struct Writer {
  ByteWriter out;

  void u8(std::uint8_t v) { out.u8(v); }
  void u16(std::uint16_t v) { out.u16(v); }
  void u32(std::uint32_t v) { out.u32(v); }
  void u64(std::uint64_t v) { out.u64(v); }
  template <class T>
  void vu(T v) {
    out.varint(static_cast<std::uint64_t>(v));
  }
  void vs(std::int32_t v) { out.zigzag(v); }
  void wall(WallMs v) { out.u64(static_cast<std::uint64_t>(raw(v))); }
  void text(const std::string& v, std::size_t) { out.text(v); }
  void flag(bool v) { out.u8(v ? 1 : 0); }
  template <class T, class F>
  void list(const std::vector<T>& items, std::size_t, F each) {
    out.varint(items.size());
    for (const T& item : items) each(*this, item);
  }
  void parts(const std::array<std::optional<Part>, PARTS>& parts);
  void literal_u16(std::uint16_t v) { out.u16(v); }
};

struct Reader {
  ByteReader in;

  void u8(std::uint8_t& v) { v = in.u8(); }
  void u16(std::uint16_t& v) { v = in.u16(); }
  void u32(std::uint32_t& v) { v = in.u32(); }
  void u64(std::uint64_t& v) { v = in.u64(); }
  template <class T>
  void vu(T& v) {
    std::uint64_t limit = ~std::uint64_t{0};
    if constexpr (sizeof(T) < 8) limit = (std::uint64_t{1} << (8 * sizeof(T))) - 1;
    v = static_cast<T>(in.varint_up_to(limit));
  }
  void vs(std::int32_t& v) { v = in.zigzag32(); }
  void wall(WallMs& v) { v = WallMs{static_cast<std::int64_t>(in.u64())}; }
  void text(std::string& v, std::size_t limit) { v = in.text(limit); }
  void flag(bool& v) {
    const std::uint8_t byte = in.u8();
    if (byte > 1) in.fail();
    v = byte == 1;
  }
  // `smallest`: the fewest bytes an item takes, so that a count cannot ask for more than the input could
  // hold.
  template <class T, class F>
  void list(std::vector<T>& items, std::size_t smallest, F each) {
    const std::uint64_t count = in.varint_up_to(in.remaining() / smallest + 1);
    items.clear();
    items.reserve(count);
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) each(*this, items.emplace_back());
  }
  void parts(std::array<std::optional<Part>, PARTS>& parts);
  void literal_u16(std::uint16_t v) {
    if (in.u16() != v) in.fail();
  }
};

// M is const for a Writer, mutable for a Reader.
template <class C, class M>
void position(C& c, M& v) {
  c.vs(v.x);
  c.vs(v.y);
  c.vs(v.z);
}
template <class C, class M>
void part(C& c, M& v) {
  position(c, v.offset);
  c.u32(v.rotation);
}
template <class C, class M>
void pose(C& c, M& v) {
  position(c, v.position);
  c.vs(v.yaw);
  c.vs(v.pitch);
  c.parts(v.parts);
}
const auto stack = [](auto& c, auto& v) {
  c.vu(v.item);
  c.vu(v.count);
};
const auto entity = [](auto& c, auto& v) {
  c.vu(v.id);
  c.vu(v.type);
  position(c, v.position);
  c.vs(v.yaw);
  c.vs(v.hp);
  c.vu(v.state);
  c.vu(v.owner);
  c.list(v.stacks, 2, stack);
};
const auto avatar_pose = [](auto& c, auto& v) {
  c.vu(v.body);
  pose(c, v.pose);
};

void Writer::parts(const std::array<std::optional<Part>, PARTS>& parts) {
  std::uint8_t present = 0;
  for (std::size_t i = 0; i < PARTS; ++i) present |= static_cast<std::uint8_t>((parts[i] ? 1 : 0) << i);
  out.u8(present);
  for (const auto& p : parts) {
    if (p) part(*this, *p);
  }
}

void Reader::parts(std::array<std::optional<Part>, PARTS>& parts) {
  const std::uint8_t present = in.u8();
  if (present >> PARTS != 0) in.fail();
  for (std::size_t i = 0; i < PARTS; ++i) {
    if ((present >> i & 1) != 0) part(*this, parts[i].emplace());
  }
}

template <class M, class T>
concept Is = std::is_same_v<std::remove_const_t<M>, T>;

template <class C, class M>
void action_fields(C& c, M& v) {
  if constexpr (Is<M, Harvest> || Is<M, PickUp> || Is<M, Interact>) {
    c.vu(v.target);
  } else if constexpr (Is<M, Build>) {
    c.vu(v.what);
    position(c, v.position);
    c.vs(v.yaw);
  } else if constexpr (Is<M, Drop>) {
    stack(c, v.stack);
  } else if constexpr (Is<M, Craft>) {
    c.vu(v.recipe);
    c.vu(v.times);
  } else if constexpr (Is<M, Transfer>) {
    c.vu(v.target);
    stack(c, v.stack);
    c.flag(v.out);
  } else {
    static_assert(Is<M, Idle>);
  }
}

// Makes alternative `index` of a variant; false if there is none.
template <class Variant, std::size_t I = 0>
bool emplace(Variant& variant, std::size_t index) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return false;
  } else {
    if (index != I) return emplace<Variant, I + 1>(variant, index);
    variant.template emplace<I>();
    return true;
  }
}

void action_body(Writer& c, const ActionBody& v) {
  c.u8(static_cast<std::uint8_t>(v.index() + 1));
  std::visit([&](const auto& body) { action_fields(c, body); }, v);
}
void action_body(Reader& c, ActionBody& v) {
  const std::uint8_t what = c.in.u8();
  if (what == 0 || !emplace(v, what - 1U)) return c.in.fail();
  std::visit([&](auto& body) { action_fields(c, body); }, v);
}

template <class C, class M>
void client_fields(C& c, M& v) {
  if constexpr (Is<M, Action>) {
    c.vu(v.seq);
    action_body(c, v.body);
  } else if constexpr (Is<M, Ping>) {
    c.u64(v.nonce);
  } else if constexpr (Is<M, Resync>) {
    c.vu(v.chunk);
  } else {
    static_assert(Is<M, Leave>);
  }
}

template <class C, class M>
void welcome_fields(C& c, M& v) {
  c.literal_u16(VERSION);
  c.vu(v.player);
  c.vu(v.body);
  c.text(v.name, PLAYER_NAME_MAX);
  position(c, v.position);
  c.vs(v.yaw);
  c.vu(v.frame);
  c.vu(v.last_seq);
  c.u8(v.state_hz);
  c.u8(v.view_chunks);
  c.vu(v.chunk_size);
  c.u64(v.content_hash);
  c.wall(v.wall);
}

template <class C, class M>
void chunk_fields(C& c, M& v) {
  c.vu(v.chunk);
  if constexpr (Is<M, ChunkSnapshot>) {
    c.vu(v.version);
    c.list(v.entities, 10, entity);
  } else if constexpr (Is<M, ChunkChanges>) {
    c.vu(v.from_version);
    c.vu(v.version);
    c.vu(v.frame);
    c.list(v.upserts, 10, entity);
    c.list(v.removed, 1, [](auto& codec, auto& id) { codec.vu(id); });
  }
}

void reason(Writer& c, GoodbyeReason v) {
  c.u8(static_cast<std::uint8_t>(v));
}
void reason(Reader& c, GoodbyeReason& v) {
  const std::uint8_t byte = c.in.u8();
  if (byte < static_cast<std::uint8_t>(GoodbyeReason::LEFT) ||
      byte > static_cast<std::uint8_t>(GoodbyeReason::UNAVAILABLE)) {
    c.in.fail();
  }
  v = static_cast<GoodbyeReason>(byte);
}

template <class C, class M>
void server_fields(C& c, M& v) {
  if constexpr (Is<M, Welcome>) {
    welcome_fields(c, v);
  } else if constexpr (Is<M, Accepted>) {
    c.vu(v.seq);
  } else if constexpr (Is<M, Applied>) {
    c.vu(v.seq);
    c.vu(v.frame);
  } else if constexpr (Is<M, Refused>) {
    c.vu(v.seq);
    c.vu(v.frame);
    c.u8(v.reason);
  } else if constexpr (Is<M, Inventory>) {
    c.vu(v.frame);
    c.list(v.stacks, 2, stack);
  } else if constexpr (Is<M, Avatar>) {
    c.vu(v.body);
    c.vu(v.player);
    c.text(v.name, PLAYER_NAME_MAX);
  } else if constexpr (Is<M, AvatarGone>) {
    c.vu(v.body);
  } else if constexpr (Is<M, Pong>) {
    c.u64(v.nonce);
    c.vu(v.frame);
    c.wall(v.wall);
  } else if constexpr (Is<M, Goodbye>) {
    reason(c, v.reason);
    c.text(v.detail, DETAIL_MAX);
  } else if constexpr (Is<M, Moved>) {
    c.vu(v.pose_seq);
    position(c, v.position);
    c.vs(v.yaw);
  } else {
    chunk_fields(c, v);
  }
}

template <class C, class M>
void state_head(C& c, M& v) {
  c.vu(v.tick);
  c.u32(v.wall_ms_low);
  c.vu(v.frame);
  c.vu(v.pose_seq);
}

template <class T>
Result<T> finish(Reader& c, T message, ByteView bytes) {
  if (c.in.done()) return message;
  const char* what =
      c.in.ok() ? "bytes are left over behind the message" : "a field is cut short or out of range";
  return fail("message kind 0x{:02x} of {} bytes: {}", bytes.empty() ? 0 : bytes[0], bytes.size(), what);
}

// Makes the alternative that the first byte names.
template <class Variant>
Result<Variant> decode_variant(ByteView bytes, std::uint8_t first, std::size_t limit, auto fields) {
  if (bytes.size() > limit) return fail("a message of {} bytes; at most {} are allowed", bytes.size(), limit);
  Reader c{ByteReader(bytes)};
  const std::uint8_t kind = c.in.u8();
  Variant message;
  if (bytes.empty() || kind < first || !emplace(message, static_cast<std::size_t>(kind - first))) {
    return fail("0x{:02x} is no message kind of this channel and direction", kind);
  }
  std::visit([&](auto& v) { fields(c, v); }, message);
  return finish(c, std::move(message), bytes);
}

}  // namespace

void encode(Bytes& out, const ClientEvent& message) {
  Writer c{ByteWriter(out)};
  c.u8(static_cast<std::uint8_t>(CLIENT_EVENT_FIRST + message.index()));
  std::visit([&](const auto& v) { client_fields(c, v); }, message);
}

void encode(Bytes& out, const PoseUpdate& message) {
  Writer c{ByteWriter(out)};
  c.u8(CLIENT_POSE);
  c.vu(message.pose_seq);
  pose(c, message.pose);
}

void encode(Bytes& out, const ServerEvent& message) {
  Writer c{ByteWriter(out)};
  c.u8(static_cast<std::uint8_t>(SERVER_EVENT_FIRST + message.index()));
  std::visit([&](const auto& v) { server_fields(c, v); }, message);
}

void encode(Bytes& out, const State& message) {
  Writer c{ByteWriter(out)};
  c.u8(SERVER_STATE);
  state_head(c, message);
  c.list(message.avatars, 1, avatar_pose);
}

void encode_entity(Bytes& out, const EntityView& view) {
  Writer c{ByteWriter(out)};
  entity(c, view);
}

void encode_avatar_pose(Bytes& out, const AvatarPose& avatar) {
  Writer c{ByteWriter(out)};
  avatar_pose(c, avatar);
}

void encode_state(Bytes& out, const State& message, std::span<const ByteView> encoded_avatars) {
  Writer c{ByteWriter(out)};
  c.u8(SERVER_STATE);
  state_head(c, message);
  c.out.varint(encoded_avatars.size());
  for (const ByteView avatar : encoded_avatars) c.out.raw_bytes(avatar);
}

void encode_action_body(Bytes& out, const ActionBody& body) {
  Writer c{ByteWriter(out)};
  action_body(c, body);
}

std::optional<ActionBody> read_action_body(ByteReader& in) {
  Reader c{in};
  ActionBody body;
  action_body(c, body);
  in = c.in;
  if (!in.ok()) return std::nullopt;
  return body;
}

Result<ClientEvent> decode_client_event(ByteView bytes) {
  return decode_variant<ClientEvent>(bytes, CLIENT_EVENT_FIRST, CLIENT_EVENT_MAX,
                                     [](auto& c, auto& v) { client_fields(c, v); });
}

Result<ServerEvent> decode_server_event(ByteView bytes) {
  return decode_variant<ServerEvent>(bytes, SERVER_EVENT_FIRST, SERVER_EVENT_MAX,
                                     [](auto& c, auto& v) { server_fields(c, v); });
}

Result<PoseUpdate> decode_client_state(ByteView bytes) {
  if (bytes.size() > CLIENT_STATE_MAX) {
    return fail("a state message of {} bytes; at most {} are allowed", bytes.size(), CLIENT_STATE_MAX);
  }
  Reader c{ByteReader(bytes)};
  PoseUpdate message;
  if (c.in.u8() != CLIENT_POSE) return fail("not a pose: the only message clients send on `state`");
  c.vu(message.pose_seq);
  pose(c, message.pose);
  return finish(c, std::move(message), bytes);
}

Result<State> decode_server_state(ByteView bytes) {
  Reader c{ByteReader(bytes)};
  State message;
  if (c.in.u8() != SERVER_STATE) return fail("not a state message: the only one servers send on `state`");
  state_head(c, message);
  c.list(message.avatars, 7, avatar_pose);
  return finish(c, std::move(message), bytes);
}

}  // namespace everframe::wire
