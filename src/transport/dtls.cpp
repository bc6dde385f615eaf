#include "transport/dtls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "transport/network_order.h"

namespace everframe::transport {

namespace {

constexpr std::size_t OUTGOING_MAX = 64;                     // datagrams of flights that nobody took
constexpr unsigned OPENSSL_TIMEOUT_US = 3'600 * 1'000'000U;  // never: its clock is not ours
constexpr Duration ROUND_TRIP_MAX = 500ms;                   // what is believed of a hint
constexpr int IP_UDP_OVERHEAD = 28;
constexpr std::uint8_t FATAL = 2;  // alerts: RFC 5246 section 7.2
constexpr std::uint8_t WARNING = 1;
constexpr std::uint8_t CLOSE_NOTIFY = 0;

unsigned openssl_timeout(SSL*, unsigned) {
  return OPENSSL_TIMEOUT_US;
}

}  // namespace

// What OpenSSL reads from and writes to.
struct DtlsBio {
  static int write(BIO* bio, const char* bytes, int size) {
    auto* self = static_cast<Dtls*>(BIO_get_data(bio));
    self->note_written({reinterpret_cast<const std::uint8_t*>(bytes), static_cast<std::size_t>(size)});
    return size;
  }
  static int read(BIO* bio, char* out, int size) {
    auto* self = static_cast<Dtls*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (self->incoming_.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const ByteView datagram = std::exchange(self->incoming_, {});
    const std::size_t count = std::min(datagram.size(), static_cast<std::size_t>(size));
    std::memcpy(out, datagram.data(), count);
    return static_cast<int>(count);
  }
  static long control(BIO*, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_DGRAM_QUERY_MTU:
      case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return DTLS_MTU;
      case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return IP_UDP_OVERHEAD;
      default:
        return 0;
    }
  }
  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }
  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "everframe datagrams");
      EF_ASSERT(m != nullptr);
      BIO_meth_set_write(m, write);
      BIO_meth_set_read(m, read);
      BIO_meth_set_ctrl(m, control);
      BIO_meth_set_create(m, create);
      return m;
    }();
    return made;
  }
};

Dtls::Dtls(std::shared_ptr<const Certificate> certificate, Role role, const Fingerprint& expected)
    : role_(role), certificate_(std::move(certificate)), expected_(expected) {
  ssl_ = SSL_new(role == Role::SERVER ? certificate_->server_context() : certificate_->client_context());
  BIO* bio = BIO_new(DtlsBio::method());
  EF_ASSERT(ssl_ != nullptr && bio != nullptr);
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_, bio, bio);
  DTLS_set_link_mtu(ssl_, DTLS_MTU);
  DTLS_set_timer_cb(ssl_, openssl_timeout);
  role == Role::SERVER ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
}

Dtls::~Dtls() {
  SSL_free(ssl_);
}

void Dtls::start(Time now) {
  now_ = now;
  step();
}

void Dtls::expect_round_trip(Duration rtt) {
  flight_timeout_first_ = std::clamp<Duration>(2 * std::min<Duration>(rtt, ROUND_TRIP_MAX),
                                               FLIGHT_TIMEOUT_MIN, FLIGHT_TIMEOUT_MAX);
}

void Dtls::end(std::string why) {
  if (state_ == State::CLOSED) return;
  state_ = State::CLOSED;
  why_ = std::move(why);
  flight_timer_.reset();
  rest_ = {};
}

void Dtls::release_openssl() {
  if (ssl_ == nullptr) return;
  SSL_free(ssl_);
  ssl_ = nullptr;
  flight_ = {};
}

// ---- flights ----

void Dtls::note_written(ByteView datagram) {
  if (outgoing_.size() < OUTGOING_MAX) outgoing_.emplace_back(datagram.begin(), datagram.end());
  if (std::exchange(flight_ended_, false)) flight_.clear();
  if (state_ == State::HANDSHAKE && flight_.size() < OUTGOING_MAX)
    flight_.emplace_back(datagram.begin(), datagram.end());
  for (ByteView rest = datagram; !rest.empty();) {
    const auto record = transport::next_record(rest);
    if (!record || record->epoch == 0 || record->body().size() < NONCE_SIZE) continue;
    ++openssl_records_;
    const std::uint8_t* const nonce = record->body().data();
    last_nonce_ = std::uint64_t{read_u32(nonce)} << 32 | read_u32(nonce + 4);
  }
}

void Dtls::repeat_flight() {
  for (const Bytes& datagram : flight_) {
    if (outgoing_.size() < OUTGOING_MAX) outgoing_.push_back(datagram);
  }
}

void Dtls::advance(Time now) {
  if (state_ != State::HANDSHAKE || !flight_timer_ || *flight_timer_ > now) return;
  repeat_flight();
  flight_timeout_ = std::min(flight_timeout_ * 2, FLIGHT_TIMEOUT_MAX);
  flight_timer_ = now + flight_timeout_;
}

// ---- handshake ----

bool Dtls::fingerprint_matches() const {
  const std::unique_ptr<X509, decltype(&X509_free)> peer(SSL_get1_peer_certificate(ssl_), X509_free);
  if (!peer) return false;
  Fingerprint seen{};
  unsigned length = 0;
  if (X509_digest(peer.get(), EVP_sha256(), seen.data(), &length) != 1 || length != seen.size()) return false;
  return CRYPTO_memcmp(seen.data(), expected_.data(), seen.size()) == 0;
}

void Dtls::step() {
  ERR_clear_error();
  flight_ended_ = true;
  const int done = SSL_do_handshake(ssl_);
  if (!flight_ended_) {  // it has said something: the next flight
    flight_timeout_ = flight_timeout_first_;
    flight_timer_ = now_ + flight_timeout_;
  }
  if (done == 1) return opened();
  const int error = SSL_get_error(ssl_, done);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  const unsigned long code = ERR_peek_error();
  const char* reason = ERR_reason_error_string(code);
  end(std::string("the DTLS handshake failed: ") + (reason != nullptr ? reason : "unknown reason"));
}

void Dtls::opened() {
  flight_timer_.reset();
  if (!fingerprint_matches()) {
    wrong_fingerprint_ = true;
    SSL_shutdown(ssl_);
    return end("its certificate is not the one that it named in its offer");
  }
  state_ = State::OPEN;
  layer_ = RecordLayer::derive(ssl_, role_, last_nonce_);
  // The server's last flight may have to be repeated until the client shows that it has it, by a record that
  // decrypts. The client has the server's last flight, so its own arrived: nothing is left to repeat.
  if (layer_ && role_ == Role::CLIENT) release_openssl();
  if (!layer_) flight_ = {};  // OpenSSL repeats its own
}

// ---- records in ----

void Dtls::receive(ByteView datagram, Time now) {
  now_ = now;
  if (state_ == State::CLOSED || datagram.size() > DATAGRAM_MAX) return;
  rest_ = datagram;
}

std::optional<Dtls::Record> Dtls::next_record(std::span<std::uint8_t, DATAGRAM_MAX> room) {
  while (!rest_.empty()) {
    const auto record = transport::next_record(rest_);
    const bool early = record && state_ == State::HANDSHAKE && record->type == RecordType::APPLICATION;
    if (!record || early) {  // nobody can read what came before the keys: it is sent again
      ++bad_records_;
    } else if (layer_) {
      if (auto read = read_own(*record, room)) return read;
    } else {
      incoming_ = record->whole;
      if (state_ == State::HANDSHAKE) step();
      auto read = state_ == State::OPEN && !layer_ ? read_openssl(room, record->sequence) : std::nullopt;
      incoming_ = {};
      if (read) return read;
    }
  }
  return std::nullopt;
}

std::optional<Dtls::Record> Dtls::read_openssl(std::span<std::uint8_t> room, std::uint64_t sequence) {
  const bool application = !incoming_.empty();  // not one that the handshake has just taken
  ERR_clear_error();
  const int count = SSL_read(ssl_, room.data(), static_cast<int>(room.size()));
  if (count > 0) {
    const bool newest = sequence > newest_;
    newest_ = std::max(newest_, sequence);
    return Record{room.first(static_cast<std::size_t>(count)), newest};
  }
  const int error = SSL_get_error(ssl_, count);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    bad_records_ += application ? 1 : 0;
  } else {
    end(error == SSL_ERROR_ZERO_RETURN ? "the peer closed DTLS" : "DTLS failed");
  }
  return std::nullopt;
}

std::optional<Dtls::Record> Dtls::read_own(const RawRecord& record, std::span<std::uint8_t> room) {
  if (record.type == RecordType::HANDSHAKE || record.type == RecordType::CHANGE_CIPHER_SPEC) {
    late_handshake(record);
    return std::nullopt;
  }
  const auto opened = layer_->open(record, room);
  if (!opened) {
    ++bad_records_;
    return std::nullopt;
  }
  if (record.type == RecordType::ALERT) {
    on_alert(opened->plaintext);
    return std::nullopt;
  }
  release_openssl();  // the client has our last flight
  return Record{opened->plaintext, opened->newest};
}

// The client has not seen our last flight: OpenSSL repeats it for a Finished that it had not had before;
// where the client has repeated its datagrams as they were, we do.
void Dtls::late_handshake(const RawRecord& record) {
  if (ssl_ == nullptr || openssl_records_ >= OPENSSL_RECORDS_MAX / 2) return;
  const std::size_t before = outgoing_.size();
  std::uint8_t nothing[1];
  incoming_ = record.whole;
  ERR_clear_error();
  SSL_read(ssl_, nothing, sizeof nothing);
  incoming_ = {};
  if (outgoing_.size() > before) {
    repeated_at_ = now_;
  } else if (!repeated_at_ || *repeated_at_ + FLIGHT_TIMEOUT_MIN / 2 <= now_) {
    repeat_flight();
    repeated_at_ = now_;
  }
}

void Dtls::on_alert(ByteView alert) {
  if (alert.size() != 2) return;
  if (alert[1] == CLOSE_NOTIFY) return end("the peer closed DTLS");
  if (alert[0] == FATAL) end("the peer's DTLS failed: alert " + std::to_string(alert[1]));
}

// ---- records out ----

bool Dtls::seal(Bytes& record) {
  if (state_ != State::OPEN) return false;
  if (layer_) {
    layer_->seal(RecordType::APPLICATION, record);
    return true;
  }
  ERR_clear_error();
  SSL_write(ssl_, record.data() + RECORD_PREFIX_SIZE, static_cast<int>(record.size() - RECORD_PREFIX_SIZE));
  return false;
}

void Dtls::queue(Bytes record) {
  if (seal(record)) outgoing_.push_back(std::move(record));
}

void Dtls::close() {
  if (state_ == State::OPEN && layer_) {
    Bytes alert(RECORD_PREFIX_SIZE);
    alert.push_back(WARNING);
    alert.push_back(CLOSE_NOTIFY);
    layer_->seal(RecordType::ALERT, alert);
    outgoing_.push_back(std::move(alert));
  } else if (state_ == State::OPEN) {
    SSL_shutdown(ssl_);
  }
  end("closed");
}

bool Dtls::take(Bytes& datagram) {
  if (outgoing_.empty()) return false;
  datagram = std::move(outgoing_.front());
  outgoing_.erase(outgoing_.begin());
  if (outgoing_.empty()) outgoing_ = {};
  return true;
}

}  // namespace everframe::transport
