#include "transport/sdp.h"

#include <charconv>
#include <optional>

namespace everframe::transport {

namespace {

constexpr std::size_t MID_MAX = 32;
constexpr std::size_t CANDIDATES_MAX = 16;
constexpr std::uint32_t HOST_PRIORITY = 2'113'937'151;  // RFC 8445 section 5.1.2.1: type 126, component 1

// RFC 8839 section 5.4: ice-char, 4 to 256 of a ufrag, 22 to 256 of a password.
bool is_ice_text(std::string_view text, std::size_t least) {
  if (text.size() < least || text.size() > 256) return false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '+' && c != '/') return false;
  }
  return true;
}

std::optional<std::uint64_t> number(std::string_view text, std::uint64_t limit) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > limit) return std::nullopt;
  return value;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Fingerprint> read_fingerprint(std::string_view text) {
  Fingerprint out{};
  if (text.size() != out.size() * 3 - 1) return std::nullopt;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit(text[3 * i]);
    const int low = hex_digit(text[3 * i + 1]);
    if (high < 0 || low < 0 || (i + 1 < out.size() && text[3 * i + 2] != ':')) return std::nullopt;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return out;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    if (space != 0) out.push_back(text.substr(0, space));
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  return out;
}

// candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ host; nothing for kinds that we cannot
// use.
std::optional<Address> read_candidate(std::string_view value) {
  const auto words = words_of(value);
  if (words.size() < 8 || words[1] != "1" || (words[2] != "udp" && words[2] != "UDP")) return std::nullopt;
  const bool v6 = words[4].find(':') != std::string_view::npos;
  const auto address = Address::parse(v6 ? fmt::format("[{}]:{}", words[4], words[5])
                                         : fmt::format("{}:{}", words[4], words[5]));
  if (!address) return std::nullopt;  // an mDNS name, say
  return *address;
}

struct Seen {
  bool ufrag = false, password = false, fingerprint = false, setup = false, section = false;
};

class SdpReader {
 public:
  Result<SessionDescription> read(std::string_view text) {
    if (text.size() > SDP_SIZE_MAX)
      return fail("the SDP has {} bytes; at most {} are read", text.size(), SDP_SIZE_MAX);
    while (!text.empty()) {
      ++line_;
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.empty()) continue;
      if (auto taken = take(line); !taken) return tl::unexpected(taken.error());
    }
    const auto missing = [](const char* what) { return fail("the SDP has no {} line", what); };
    if (!seen_.section) return missing("m=application … UDP/DTLS/SCTP webrtc-datachannel");
    if (!seen_.ufrag) return missing("a=ice-ufrag");
    if (!seen_.password) return missing("a=ice-pwd");
    if (!seen_.fingerprint) return missing("a=fingerprint:sha-256");
    if (!seen_.setup) return missing("a=setup");
    return out_;
  }

 private:
  tl::unexpected<Error> wrong(std::string_view line, const char* expected) const {
    return fail("SDP line {}: '{}': expected {}", line_, line.substr(0, 60), expected);
  }

  Result<void> take(std::string_view line) {
    if (line.size() < 2 || line[1] != '=') return wrong(line, "TYPE=VALUE");
    if (line[0] == 'm') return section(line);
    if (line[0] != 'a' || skipping_) return {};
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(2, colon == std::string_view::npos ? colon : colon - 2);
    const std::string_view value =
        colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    return attribute(line, name, value);
  }

  // Sections other than the data channels' are passed over: their attributes are not ours.
  Result<void> section(std::string_view line) {
    const auto words = words_of(line.substr(2));
    const bool ours =
        words.size() == 4 && words[0] == "application" && words[2].find("DTLS/SCTP") != words[2].npos;
    skipping_ = !ours;
    if (!ours) return {};
    if (seen_.section) return wrong(line, "one data-channel section only");
    if (words[2] != "UDP/DTLS/SCTP" || words[3] != "webrtc-datachannel") {
      return wrong(line, "UDP/DTLS/SCTP webrtc-datachannel");
    }
    seen_.section = true;
    return {};
  }

  Result<void> attribute(std::string_view line, std::string_view name, std::string_view value) {
    if (name == "ice-ufrag") {
      if (!is_ice_text(value, 4)) return wrong(line, "4 to 256 of A-Z a-z 0-9 + /");
      out_.ufrag = value;
      seen_.ufrag = true;
    } else if (name == "ice-pwd") {
      if (!is_ice_text(value, 22)) return wrong("a=ice-pwd", "22 to 256 of A-Z a-z 0-9 + /");
      out_.password = value;
      seen_.password = true;
    } else if (name == "fingerprint") {
      return fingerprint(line, value);
    } else if (name == "setup") {
      return setup(line, value);
    } else if (name == "mid") {
      if (value.empty() || value.size() > MID_MAX || value.find_first_of(" \t") != value.npos) {
        return wrong(line, "a token of 1 to 32 characters");
      }
      out_.mid = value;
    } else if (name == "sctp-port") {
      const auto port = number(value, 65'535);
      if (!port || *port == 0) return wrong(line, "a port from 1 to 65535");
      out_.sctp_port = static_cast<std::uint16_t>(*port);
    } else if (name == "max-message-size") {
      const auto size = number(value, ~std::uint64_t{0});
      if (!size) return wrong(line, "a number of bytes");
      out_.message_size_max = *size == 0 ? SIZE_MAX : static_cast<std::size_t>(*size);  // 0: any size
    } else if (name == "ice-lite") {
      out_.ice_lite = true;
    } else if (name == "candidate" && out_.candidates.size() < CANDIDATES_MAX) {
      if (const auto candidate = read_candidate(value)) out_.candidates.push_back(*candidate);
    }
    return {};
  }

  // Other hashes may stand beside SHA-256; one of it is needed.
  Result<void> fingerprint(std::string_view line, std::string_view value) {
    const auto words = words_of(value);
    if (words.size() != 2) return wrong(line, "a hash's name and its hexadecimal bytes");
    if (words[0] != "sha-256" && words[0] != "SHA-256") return {};
    const auto read = read_fingerprint(words[1]);
    if (!read) return wrong(line, "32 hexadecimal bytes with colons between them");
    out_.fingerprint = *read;
    seen_.fingerprint = true;
    return {};
  }

  Result<void> setup(std::string_view line, std::string_view value) {
    if (value == "actpass") {
      out_.setup = DtlsSetup::ACTPASS;
    } else if (value == "active") {
      out_.setup = DtlsSetup::ACTIVE;
    } else if (value == "passive") {
      out_.setup = DtlsSetup::PASSIVE;
    } else {
      return wrong(line, "actpass, active or passive");
    }
    seen_.setup = true;
    return {};
  }

  SessionDescription out_;
  Seen seen_;
  std::size_t line_ = 0;
  bool skipping_ = false;
};

const char* setup_name(DtlsSetup setup) {
  switch (setup) {
    case DtlsSetup::ACTPASS:
      return "actpass";
    case DtlsSetup::ACTIVE:
      return "active";
    case DtlsSetup::PASSIVE:
      return "passive";
  }
  return "";
}

}  // namespace

Result<SessionDescription> read_sdp(std::string_view text) {
  return SdpReader().read(text);
}

std::string write_sdp(const SessionDescription& description) {
  std::string out = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
  if (description.ice_lite) out += "a=ice-lite\r\n";
  out += fmt::format(
      "a=group:BUNDLE {0}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
      "a=mid:{0}\r\na=ice-ufrag:{1}\r\na=ice-pwd:{2}\r\na=setup:{3}\r\na=fingerprint:sha-256 ",
      description.mid, description.ufrag, description.password, setup_name(description.setup));
  for (std::size_t i = 0; i < description.fingerprint.size(); ++i) {
    out += fmt::format("{}{:02X}", i == 0 ? "" : ":", description.fingerprint[i]);
  }
  out += fmt::format("\r\na=sctp-port:{}\r\na=max-message-size:{}\r\n", description.sctp_port,
                     description.message_size_max);
  std::uint32_t priority = HOST_PRIORITY;
  for (std::size_t i = 0; i < description.candidates.size(); ++i, priority -= 256) {
    const Address& address = description.candidates[i];
    out += fmt::format("a=candidate:{} 1 udp {} {} {} typ host\r\n", i + 1, priority, address.ip_text(),
                       address.port);
  }
  if (!description.candidates.empty()) out += "a=end-of-candidates\r\n";
  return out;
}

}  // namespace everframe::transport
