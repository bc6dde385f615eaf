// Dtls: one DTLS 1.2 session (RFC 6347) over datagrams that its owner moves: OpenSSL for the handshake,
// behind a BIO of our own (one write is one datagram), then our own records (record_layer.h) where the agreed
// suite is the one they know; OpenSSL's records otherwise. The peer's certificate must have the fingerprint
// that signaling named, or the session fails before it carries a byte. Threads: one at a time. Not movable:
// OpenSSL points back into it. Time is the caller's: OpenSSL's own retransmission clock is set to never, and
// a flight that gets no answer is sent again as it was, as if the path had doubled it (RFC 6347
// section 4.2.4; timer of section 4.2.4.1).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "transport/certificate.h"
#include "transport/record_layer.h"

typedef struct bio_st BIO;

namespace everframe::transport {

inline constexpr std::size_t DTLS_MTU = 1'200;  // bytes of a handshake's datagram
inline constexpr std::size_t DATAGRAM_MAX =
    2'048;  // bytes; larger ones are not read: no peer of ours sends them
inline constexpr Duration FLIGHT_TIMEOUT_MIN =
    150ms;  // then doubling; RFC 6347 says 1 s, one loss would cost as much
inline constexpr Duration FLIGHT_TIMEOUT_MAX = 2s;

class Dtls {
 public:
  using Role = RecordLayer::Role;
  enum class State { HANDSHAKE, OPEN, CLOSED };

  Dtls(std::shared_ptr<const Certificate> certificate, Role role, const Fingerprint& expected);
  ~Dtls();
  Dtls(const Dtls&) = delete;
  Dtls& operator=(const Dtls&) = delete;

  void start(Time now);  // the client's first flight
  // What the path's round trip seems to be: a flight is sent again after twice as long.
  void expect_round_trip(Duration rtt);

  // Takes a datagram; next_record() then gives what was in it, one application record's plaintext after the
  // other, until there is none. The bytes must live as long. What does not authenticate is counted and
  // dropped.
  void receive(ByteView datagram, Time now);
  struct Record {
    ByteView plaintext;   // within `room`
    bool newest = false;  // none with a higher sequence number had come before
  };
  std::optional<Record> next_record(std::span<std::uint8_t, DATAGRAM_MAX> room);

  // `record` holds RECORD_PREFIX_SIZE bytes of room and the plaintext. True: it has become a datagram to be
  // sent; false: take() has it, or nothing is open.
  bool seal(Bytes& record);
  void queue(Bytes record);    // likewise, but take() has it in any case
  void close();                // close_notify
  bool take(Bytes& datagram);  // to be sent

  void advance(Time now);
  std::optional<Time> next_timeout() const { return flight_timer_; }

  State state() const { return state_; }
  bool own_records() const { return layer_ != nullptr; }
  bool wrong_fingerprint() const { return wrong_fingerprint_; }
  const std::string& why_closed() const { return why_; }
  std::uint64_t bad_records() const { return bad_records_; }

 private:
  friend struct DtlsBio;
  void step();
  void opened();
  bool fingerprint_matches() const;
  void end(std::string why);
  std::optional<Record> read_openssl(std::span<std::uint8_t> room, std::uint64_t sequence);
  std::optional<Record> read_own(const RawRecord& record, std::span<std::uint8_t> room);
  void late_handshake(const RawRecord& record);
  void on_alert(ByteView alert);
  void note_written(ByteView datagram);
  void repeat_flight();
  void release_openssl();

  const Role role_;
  const std::shared_ptr<const Certificate> certificate_;
  const Fingerprint expected_;
  SSL* ssl_ = nullptr;                  // until our own records have taken over for good
  std::unique_ptr<RecordLayer> layer_;  // null: OpenSSL's records
  State state_ = State::HANDSHAKE;
  bool wrong_fingerprint_ = false;
  std::string why_;
  std::uint64_t bad_records_ = 0;

  ByteView rest_;      // of the datagram that is being read
  ByteView incoming_;  // the record that OpenSSL may read
  Time now_{};         // of the call that runs
  std::vector<Bytes> outgoing_;
  std::uint64_t newest_ = 0;           // sequence number, of OpenSSL's application records
  std::uint64_t last_nonce_ = 0;       // the explicit nonce of the last record that OpenSSL sealed
  std::uint64_t openssl_records_ = 0;  // that it sealed

  std::vector<Bytes> flight_;  // our last one
  bool flight_ended_ = true;   // what OpenSSL writes next begins another
  Duration flight_timeout_first_ = FLIGHT_TIMEOUT_MIN;
  Duration flight_timeout_ = FLIGHT_TIMEOUT_MIN;
  std::optional<Time> flight_timer_;
  std::optional<Time> repeated_at_;  // the last flight, for a client that goes on sending its own
};

}  // namespace everframe::transport
