// STUN as ICE uses it: Binding requests, answers and errors. RFC 8489 (format, MESSAGE-INTEGRITY,
// FINGERPRINT), RFC 8445 section 7 (the attributes of connectivity checks). Short-term credentials only.
// Reading is total and checks lengths; whoever reads must call has_integrity() before believing anything.
// Views in a StunMessage point into the bytes it was read from.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "base/bytes.h"

namespace everframe::transport {

enum class StunClass : std::uint8_t { REQUEST, INDICATION, SUCCESS, ERROR };
using StunTransaction = std::array<std::uint8_t, 12>;

struct StunMessage {
  StunClass kind = StunClass::REQUEST;
  StunTransaction transaction{};
  std::string_view username;  // of a request: the receiver's ufrag, a colon, the sender's
  std::optional<Address> mapped;
  std::optional<std::uint16_t> error;
  std::optional<std::uint32_t> priority;
  bool use_candidate = false;
  std::optional<std::uint64_t> controlling;  // tie-breakers of the roles
  std::optional<std::uint64_t> controlled;
  std::optional<std::uint16_t>
      unknown_required;  // the first comprehension-required attribute that we do not know
};

// RFC 7983: what a datagram's first byte says about it.
inline bool looks_like_stun(ByteView datagram) {
  return !datagram.empty() && datagram[0] < 4;
}

// Nothing for bytes that are no well-formed Binding message, or whose FINGERPRINT is wrong or missing.
std::optional<StunMessage> read_stun(ByteView datagram);

// Is the message signed with this password? Compares in constant time.
bool has_integrity(ByteView datagram, std::string_view password);

// Whole datagrams, signed with `password` and fingerprinted.
Bytes write_stun_request(const StunTransaction& transaction, std::string_view username,
                         std::string_view password, std::uint32_t priority, std::uint64_t controlling,
                         bool use_candidate);
Bytes write_stun_success(const StunTransaction& transaction, const Address& mapped,
                         std::string_view password);
Bytes write_stun_error(const StunTransaction& transaction, std::uint16_t code, std::string_view reason,
                       std::string_view password);

}  // namespace everframe::transport
