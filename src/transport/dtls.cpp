#include "transport/dtls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace everframe::transport {

namespace {

constexpr std::size_t RECORD_MAX = 16 << 10;       // plaintext of one record: RFC 6347 section 4.1
constexpr std::size_t RECORDS_MAX = 64;            // in one datagram; ours have one
constexpr std::size_t OUTGOING_MAX = 64;           // datagrams of flights that nobody took
constexpr unsigned RETRANSMIT_FIRST_US = 150'000;  // OpenSSL's second would make each lost packet cost one
constexpr unsigned RETRANSMIT_MAX_US = 2'000'000;
constexpr int IP_UDP_OVERHEAD = 28;

unsigned retransmit_after(SSL*, unsigned last_us) {
  return last_us == 0 ? RETRANSMIT_FIRST_US : std::min(last_us * 2, RETRANSMIT_MAX_US);
}

}  // namespace

// What OpenSSL reads from and writes to.
struct DtlsBio {
  static int write(BIO* bio, const char* bytes, int size) {
    auto* self = static_cast<Dtls*>(BIO_get_data(bio));
    if (self->outgoing_.size() < OUTGOING_MAX) self->outgoing_.emplace_back(bytes, bytes + size);
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
    : certificate_(std::move(certificate)), expected_(expected) {
  ssl_ = SSL_new(role == Role::SERVER ? certificate_->server_context() : certificate_->client_context());
  BIO* bio = BIO_new(DtlsBio::method());
  EF_ASSERT(ssl_ != nullptr && bio != nullptr);
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_, bio, bio);
  DTLS_set_link_mtu(ssl_, DTLS_MTU);
  DTLS_set_timer_cb(ssl_, retransmit_after);
  role == Role::SERVER ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
}

Dtls::~Dtls() {
  SSL_free(ssl_);
}

void Dtls::start() {
  step();
}

bool Dtls::fingerprint_matches() const {
  const std::unique_ptr<X509, decltype(&X509_free)> peer(SSL_get1_peer_certificate(ssl_), X509_free);
  if (!peer) return false;
  Fingerprint seen{};
  unsigned length = 0;
  if (X509_digest(peer.get(), EVP_sha256(), seen.data(), &length) != 1 || length != seen.size()) return false;
  return CRYPTO_memcmp(seen.data(), expected_.data(), seen.size()) == 0;
}

void Dtls::end(std::string why) {
  if (state_ == State::CLOSED) return;
  state_ = State::CLOSED;
  why_ = std::move(why);
  records_.clear();
}

void Dtls::step() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_);
  if (done == 1) {
    if (!fingerprint_matches()) {
      wrong_fingerprint_ = true;
      SSL_shutdown(ssl_);
      return end("its certificate is not the one that it named in its offer");
    }
    state_ = State::OPEN;
    return;
  }
  const int error = SSL_get_error(ssl_, done);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  const unsigned long code = ERR_peek_error();
  const char* reason = ERR_reason_error_string(code);
  end(std::string("the DTLS handshake failed: ") + (reason != nullptr ? reason : "unknown reason"));
}

void Dtls::drain_records() {
  std::uint8_t buffer[RECORD_MAX];
  for (std::size_t i = 0; i < RECORDS_MAX && state_ == State::OPEN; ++i) {
    ERR_clear_error();
    const int count = SSL_read(ssl_, buffer, sizeof buffer);
    if (count > 0) {
      records_.emplace_back(buffer, buffer + count);
      continue;
    }
    const int error = SSL_get_error(ssl_, count);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    return end(error == SSL_ERROR_ZERO_RETURN ? "the peer closed DTLS" : "DTLS failed");
  }
}

std::size_t Dtls::receive(ByteView datagram) {
  if (state_ == State::CLOSED || datagram.empty()) return 0;
  incoming_ = datagram;
  if (state_ == State::HANDSHAKE) step();
  if (state_ == State::OPEN) drain_records();
  incoming_ = {};
  return records_.size();
}

bool Dtls::next_record(Bytes& out) {
  if (records_.empty()) return false;
  out = std::move(records_.front());
  records_.pop_front();
  return true;
}

bool Dtls::send(ByteView record) {
  if (state_ != State::OPEN) return false;
  ERR_clear_error();
  return SSL_write(ssl_, record.data(), static_cast<int>(record.size())) > 0;
}

void Dtls::close() {
  if (state_ == State::OPEN) SSL_shutdown(ssl_);
  end("closed");
}

bool Dtls::take(Bytes& datagram) {
  if (outgoing_.empty()) return false;
  datagram = std::move(outgoing_.front());
  outgoing_.pop_front();
  return true;
}

void Dtls::advance() {
  if (state_ != State::HANDSHAKE) return;
  ERR_clear_error();
  if (DTLSv1_handle_timeout(ssl_) < 0) end("the DTLS handshake got no answer");
}

std::optional<Duration> Dtls::next_timeout() const {
  if (state_ != State::HANDSHAKE) return std::nullopt;  // OpenSSL goes on naming one (openssl#7998)
  timeval left{};
  if (DTLSv1_get_timeout(ssl_, &left) != 1) return std::nullopt;
  return Duration(left.tv_sec * 1'000'000 + left.tv_usec);
}

}  // namespace everframe::transport
