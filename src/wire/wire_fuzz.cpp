// Any bytes as each kind of message. The first byte chooses the direction and channel, or a tunnel from the
// client. What is accepted must encode to the same bytes again: the encoding is canonical, so that one
// message has one form.
#include <algorithm>

#include "base/assert.h"
#include "wire/codec.h"
#include "wire/tunnel.h"

using namespace everframe;

namespace {

template <class Message>
void check(const Result<Message>& message, ByteView bytes) {
  if (!message) return;
  Bytes again;
  wire::encode(again, *message);
  EF_ASSERT(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
}

void check_tunnelled(ByteView bytes) {
  const auto tunnelled = wire::read_tunnelled(bytes);
  if (!tunnelled) return;
  EF_ASSERT(std::ranges::equal(wire::write_tunnelled(tunnelled->channel, tunnelled->message), bytes));
  if (tunnelled->channel == wire::Channel::EVENTS)
    return check(wire::decode_client_event(tunnelled->message), tunnelled->message);
  check(wire::decode_client_state(tunnelled->message), tunnelled->message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      check(wire::decode_client_event(bytes), bytes);
      break;
    case 1:
      check(wire::decode_client_state(bytes), bytes);
      break;
    case 2:
      check(wire::decode_server_event(bytes), bytes);
      break;
    case 3:
      check(wire::decode_server_state(bytes), bytes);
      break;
    default:
      check_tunnelled(bytes);
      break;
  }
  return 0;
}
