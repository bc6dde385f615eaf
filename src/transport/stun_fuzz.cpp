// Any attributes behind a well-formed header and before a right FINGERPRINT, which a fuzzer would not guess;
// an odd first byte: the bytes as they are.
#include <boost/crc.hpp>

#include "base/assert.h"
#include "transport/network_order.h"
#include "transport/stun.h"

using namespace everframe;
using namespace everframe::transport;

namespace {

Bytes with_fingerprint(std::uint8_t kind, ByteView attributes) {
  Bytes out;
  put_u16(out, static_cast<std::uint16_t>(0x0001 | (kind & 1) << 4 | (kind & 2) << 7));
  put_u16(out, static_cast<std::uint16_t>(attributes.size() + 8));
  put_u32(out, 0x2112a442);
  out.insert(out.end(), 12, 0x5a);  // transaction
  out.insert(out.end(), attributes.begin(), attributes.end());
  boost::crc_32_type crc;
  crc.process_bytes(out.data(), out.size());
  put_u16(out, 0x8028);
  put_u16(out, 4);
  put_u32(out, static_cast<std::uint32_t>(crc.checksum()) ^ 0x5354554e);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 1'500) return 0;
  const ByteView rest(data + 1, size - 1);
  const Bytes datagram = (data[0] & 1) != 0 ? Bytes(rest.begin(), rest.end())
                                            : with_fingerprint(static_cast<std::uint8_t>(data[0] >> 1), rest);
  const auto message = read_stun(datagram);
  if (message) {
    EF_ASSERT(message->username.size() <= datagram.size());
    EF_ASSERT(!has_integrity(datagram, "a password that signed nothing"));
  }
  return 0;
}
