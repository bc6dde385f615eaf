// SDP as data channels need it: RFC 8866 (format), 8839 (ICE), 8842 (DTLS), 8841 (SCTP). Of an offer only
// what decides the connection is read; candidates are ignored, since a lite agent never sends checks. An
// answer is made from scratch and never repeats what an offer said, but for its mid.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace everframe::transport {

inline constexpr std::size_t SDP_SIZE_MAX = 32 << 10;          // Chromium's offers have about 1 kB
inline constexpr std::size_t MESSAGE_SIZE_DEFAULT = 64 << 10;  // RFC 8841 section 6: what no attribute means

using Fingerprint = std::array<std::uint8_t, 32>;  // SHA-256 of a certificate

enum class DtlsSetup { ACTPASS, ACTIVE, PASSIVE };

struct SessionDescription {
  std::string ufrag;
  std::string password;
  Fingerprint fingerprint{};
  DtlsSetup setup = DtlsSetup::ACTPASS;
  std::string mid = "0";
  std::uint16_t sctp_port = 5000;
  std::size_t message_size_max = MESSAGE_SIZE_DEFAULT;  // bytes that the describer accepts
  bool ice_lite = false;
  std::vector<Address> candidates;  // host candidates over UDP
};

// Reads an offer or an answer. An error names the line (from 1) and what was expected there.
Result<SessionDescription> read_sdp(std::string_view text);

std::string write_sdp(const SessionDescription& description);

}  // namespace everframe::transport
