// RecordLayer: DTLS 1.2's records of one session after its handshake (RFC 6347 section 4.1) for
// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 (RFC 5246, 5288, 5289). OpenSSL makes the handshake, this makes the
// records: its objects cost 70 kB and several cache misses a record, two AEAD contexts 2 kB. Why this is
// safe: docs/decisions/0007-own-dtls-record-layer.md. Ownership: its keys' only copies; wiped when it ends.
// Threads: one at a time. Bytes from outside are checked: what is malformed, does not authenticate or was
// there before gives nothing and changes nothing.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.h"

typedef struct ssl_st SSL;
typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;

namespace everframe::transport {

enum class RecordType : std::uint8_t {
  CHANGE_CIPHER_SPEC = 20,
  ALERT = 21,
  HANDSHAKE = 22,
  APPLICATION = 23
};

inline constexpr std::size_t RECORD_HEADER_SIZE = 13;  // type, version, epoch, sequence number, length
inline constexpr std::size_t NONCE_SIZE = 8;           // the explicit part, behind the header
inline constexpr std::size_t TAG_SIZE = 16;
inline constexpr std::size_t RECORD_PREFIX_SIZE = RECORD_HEADER_SIZE + NONCE_SIZE;  // before the plaintext
inline constexpr std::size_t PLAINTEXT_MAX = 16 << 10;                              // RFC 6347 section 4.1.1
inline constexpr std::uint64_t REPLAY_WINDOW = 64;  // records: RFC 6347 section 4.1.2.6

// What OpenSSL may still write with the same key after the keys were taken over: repeats of its last flight
// and an alert. Sequence numbers and nonces of ours begin behind this many.
inline constexpr std::uint64_t OPENSSL_RECORDS_MAX = 1'024;

// One record of a datagram, nothing decrypted.
struct RawRecord {
  RecordType type{};
  std::uint16_t epoch = 0;
  std::uint64_t sequence = 0;  // 48 bits
  ByteView whole;
  ByteView body() const { return whole.subspan(RECORD_HEADER_SIZE); }
};
// Takes the next record off `rest`; nothing (and nothing left) if it is malformed or no DTLS 1.2 or 1.0
// record.
std::optional<RawRecord> next_record(ByteView& rest);

// Which sequence numbers were seen: the newest REPLAY_WINDOW of them exactly, all older ones count as seen.
class ReplayWindow {
 public:
  bool fresh(std::uint64_t sequence) const;
  bool newest(std::uint64_t sequence) const { return bits_ == 0 || sequence > top_; }
  void note(std::uint64_t sequence);  // only what authenticated

 private:
  std::uint64_t top_ = 0;
  std::uint64_t bits_ = 0;  // bit i: top_ - i was seen; 0: nothing yet
};

class RecordLayer {
 public:
  enum class Role { CLIENT, SERVER };

  // From a session whose handshake is done. Null if another cipher suite was agreed. `last_nonce` is the
  // explicit nonce of the last record that OpenSSL sealed: ours continue OpenSSL's counter, so that none is
  // used twice.
  static std::unique_ptr<RecordLayer> derive(SSL* ssl, Role role, std::uint64_t last_nonce);
  // Of a known key block: client's and server's key (16 bytes each), client's and server's salt (4 each).
  static constexpr std::size_t KEY_BLOCK_SIZE = 40;
  RecordLayer(std::span<const std::uint8_t, KEY_BLOCK_SIZE> keys, Role role, std::uint64_t last_nonce);
  ~RecordLayer();
  RecordLayer(const RecordLayer&) = delete;
  RecordLayer& operator=(const RecordLayer&) = delete;

  // `record` holds RECORD_PREFIX_SIZE bytes of room and the plaintext; comes out as the whole record.
  void seal(RecordType type, Bytes& record);

  // The plaintext, within `room`, which must hold the record's body. `newest`: no record with a higher number
  // had come before.
  struct Opened {
    ByteView plaintext;
    bool newest = false;
  };
  std::optional<Opened> open(const RawRecord& record, std::span<std::uint8_t> room);

 private:
  EVP_CIPHER_CTX* seal_ = nullptr;
  EVP_CIPHER_CTX* open_ = nullptr;
  std::uint64_t next_sequence_ = OPENSSL_RECORDS_MAX;
  ReplayWindow window_;
};

}  // namespace everframe::transport
