// What both transports' users say about data channels (RFC 8831, 8832).
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace everframe::transport {

enum class ChannelId : std::uint16_t {};  // the SCTP stream, the same at both ends

struct ChannelOptions {
  std::string label;
  std::string protocol;
  bool ordered = true;
  std::optional<std::uint16_t> max_retransmits;  // at most one of the two; neither: reliable
  std::optional<std::uint16_t> lifetime_ms;

  bool reliable() const { return !max_retransmits && !lifetime_ms; }
};

enum class SendOutcome {
  QUEUED,      // leaves with the next flush
  REPLACED,    // as QUEUED; an older unsent message of an unreliable channel gave way to it
  QUEUE_FULL,  // nothing taken: the peer is too slow; the caller decides what that means
  TOO_LARGE,   // beyond what the peer accepts
  CLOSED,      // no such channel, or not open any more
};

}  // namespace everframe::transport
