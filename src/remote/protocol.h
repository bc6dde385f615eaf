// What is spoken over a live store's socket (grammar: spec/store_socket.md): the client asks, the server
// answers, in turn. Reading is total; limits are checked before anything is allocated.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/codec.h"
#include "platform_os/local_socket.h"

namespace everframe::remote {

// All persistent.
inline constexpr std::string_view MAGIC = "everframe-store";
inline constexpr std::uint32_t PROTOCOL = 1;
enum class Kind : std::uint8_t {
  FAILED = 0,  // answer to anything: i32 code, text
  HELLO = 1,
  READ_VERSION = 2,
  GET = 3,
  GET_KEY = 4,
  GET_RANGE = 5,
  BACKUP_BEGIN = 6,
  BACKUP_NEXT = 7,
  ESTIMATE = 8,
};

inline constexpr std::size_t REQUEST_BYTES_MAX = 256
                                                 << 10;    // two selectors of the longest keys, and to spare
inline constexpr std::size_t ANSWER_BYTES_MAX = 16 << 20;  // an exact read may be long; pages are 80 kB
inline constexpr std::size_t KEY_BYTES_MAX = 30'001;
inline constexpr std::size_t VALUE_BYTES_MAX = 100'000;

struct Frame {
  Kind kind = Kind::FAILED;
  Bytes body;
};

// u32 length of what follows, u8 kind, body
inline Result<void> send_frame(platform_os::LocalStream& stream, Kind kind, ByteView body) {
  Bytes out;
  out.reserve(body.size() + 5);
  ByteWriter writer(out);
  writer.u32(static_cast<std::uint32_t>(body.size() + 1));
  writer.u8(static_cast<std::uint8_t>(kind));
  writer.raw_bytes(body);
  return stream.write(out);
}

inline Result<Frame> receive_frame(platform_os::LocalStream& stream, std::size_t bytes_max) {
  const auto head = stream.read(4);
  if (!head) return tl::unexpected<Error>(head.error());
  const std::uint32_t length = ByteReader(*head).u32();
  if (length == 0 || length > bytes_max)
    return fail("a frame of {} bytes came; at most {} are taken", length, bytes_max);
  auto rest = stream.read(length);
  if (!rest) return tl::unexpected<Error>(rest.error());
  Frame frame;
  frame.kind = static_cast<Kind>(rest->front());
  frame.body.assign(rest->begin() + 1, rest->end());
  return frame;
}

struct Selector {
  std::string key;
  bool or_equal = false;
  std::int32_t offset = 1;
};

// selector := bytes key, u8 or_equal, zigzag offset
inline void write(ByteWriter& out, const Selector& selector) {
  out.text(selector.key);
  out.u8(selector.or_equal ? 1 : 0);
  out.zigzag(selector.offset);
}
inline Selector read_selector(ByteReader& in) {
  Selector out;
  out.key = in.text(KEY_BYTES_MAX);
  out.or_equal = in.u8() != 0;
  out.offset = in.zigzag32();
  return out;
}

}  // namespace everframe::remote
