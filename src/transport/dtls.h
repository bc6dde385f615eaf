// Dtls: one DTLS 1.2 session (RFC 6347) over datagrams that its owner moves: OpenSSL behind a BIO of our own
// (one write is one datagram). The peer's certificate must have the fingerprint that signaling named, or the
// session fails before it carries a byte. Threads: one at a time. Not movable: OpenSSL points back into it.
// Datagrams to send gather until take(). Time: OpenSSL keeps its own retransmission clock (gettimeofday);
// advance() asks it whether it has run out.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "transport/certificate.h"

typedef struct ssl_st SSL;
typedef struct bio_st BIO;

namespace everframe::transport {

inline constexpr std::size_t DTLS_MTU = 1'200;  // bytes of a handshake's datagram

class Dtls {
 public:
  enum class Role { CLIENT, SERVER };
  enum class State { HANDSHAKE, OPEN, CLOSED };

  Dtls(std::shared_ptr<const Certificate> certificate, Role role, const Fingerprint& expected);
  ~Dtls();
  Dtls(const Dtls&) = delete;
  Dtls& operator=(const Dtls&) = delete;

  void start();  // the client's first flight
  // Returns how many application records came out of it: next_record() gives them. What does not
  // authenticate is dropped without a word.
  std::size_t receive(ByteView datagram);
  bool next_record(Bytes& out);
  bool send(ByteView record);  // one datagram; false: not open
  void close();                // close_notify
  bool take(Bytes& datagram);  // to be sent

  void advance();
  std::optional<Duration> next_timeout() const;  // from now; while the handshake lasts

  State state() const { return state_; }
  bool wrong_fingerprint() const { return wrong_fingerprint_; }
  const std::string& why_closed() const { return why_; }

 private:
  friend struct DtlsBio;
  void step();
  bool fingerprint_matches() const;
  void end(std::string why);
  void drain_records();

  const std::shared_ptr<const Certificate> certificate_;
  const Fingerprint expected_;
  SSL* ssl_ = nullptr;
  State state_ = State::HANDSHAKE;
  bool wrong_fingerprint_ = false;
  std::string why_;
  ByteView incoming_;  // during receive()
  std::deque<Bytes> outgoing_;
  std::deque<Bytes> records_;
};

}  // namespace everframe::transport
