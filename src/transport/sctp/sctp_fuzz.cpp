// Any chunks, in packets whose tag and checksum are right, to an association that is up and has a channel:
// what a hostile peer that passed DTLS can send. Input: packets, each a length byte, a pause byte and that
// many bytes of chunks. What comes of it must stay within the limits, and the association must go on or
// close.
#include "base/assert.h"
#include "transport/sctp/association.h"
#include "transport/sctp/crc32c.h"

using namespace everframe;
using namespace everframe::transport;
using namespace everframe::transport::sctp;

namespace {

constexpr std::size_t PACKETS_MAX = 64;
constexpr int ROUNDS_MAX = 200;

std::uint32_t tag_of(const Bytes& packet) {
  return read_u32(packet.data() + 4);
}

// Client and server with one channel open, and the tag that the server wants to see.
struct Pair {
  Association client{Role::CLIENT, 65'536, Prng(1)};
  Association server{Role::SERVER, 65'536, Prng(2)};
  Time now{};
  std::uint32_t tag = 0;

  Pair() {
    client.connect(now);
    const auto opened = client.open({"events", "everframe.1", true, {}, {}}, now);
    EF_ASSERT(opened.has_value());
    Bytes packet;
    for (int round = 0; round < ROUNDS_MAX; ++round) {
      now += 1ms;
      while (client.poll(packet, now)) {
        tag = tag_of(packet);
        server.receive(packet, now);
      }
      while (server.poll(packet, now)) client.receive(packet, now);
      client.advance(now);
      server.advance(now);
      while (client.next_event()) continue;
      while (server.next_event()) continue;
      if (server.connected() && client.connected() && round > 8) return;
    }
    EF_ASSERT(false && "the handshake must end");
  }
};

Bytes packet_of(std::uint32_t tag, ByteView chunks) {
  Bytes out;
  put_u16(out, PORT);
  put_u16(out, PORT);
  put_u32(out, tag);
  put_u32(out, 0);
  out.insert(out.end(), chunks.begin(), chunks.end());
  const std::uint32_t sum = crc32c(out);
  for (std::size_t i = 0; i < 4; ++i) out[8 + i] = static_cast<std::uint8_t>(sum >> (8 * i));
  return out;
}

void drain(Association& association, Time now) {
  Bytes packet;
  for (int i = 0; i < ROUNDS_MAX && association.poll(packet, now); ++i) {
    EF_ASSERT(packet.size() <= PACKET_SIZE_MAX);
  }
  while (association.next_event()) continue;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Pair pair;
  ByteView rest(data, size);
  for (std::size_t i = 0; i < PACKETS_MAX && rest.size() > 2; ++i) {
    const std::size_t length = std::min<std::size_t>(std::size_t{rest[0]} * 4, rest.size() - 2);
    const Duration pause = std::chrono::milliseconds(rest[1]) * 8;
    pair.server.receive(packet_of(pair.tag, rest.subspan(2, length)), pair.now);
    rest = rest.subspan(2 + length);
    // An answer that a peer would have to read, and time in which timers run out.
    pair.server.send(ChannelId{0}, ByteView(data, std::min<std::size_t>(size, 100)), true, pair.now);
    drain(pair.server, pair.now);
    pair.now += pause;
    pair.server.advance(pair.now);
    drain(pair.server, pair.now);
  }
  return 0;
}
