#include "transport/certificate.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstring>

namespace everframe::transport {

namespace {

constexpr long LIFETIME_S = 400L * 24 * 3'600;  // a server may run for a year
constexpr long A_DAY_S = 24 * 3'600;            // clocks differ

// The certificate's own word is not asked: its fingerprint is compared to the one from signaling, before any
// SCTP (RFC 8827 section 6.5).
int accept_any(X509_STORE_CTX*, void*) {
  return 1;
}

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;

X509Ptr self_signed(EVP_PKEY* key) {
  X509Ptr certificate(X509_new(), X509_free);
  std::uint8_t serial[8];
  if (!certificate || RAND_bytes(serial, sizeof serial) != 1) return {nullptr, X509_free};
  std::uint64_t number = 0;
  std::memcpy(&number, serial, sizeof number);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), number >> 1);
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -A_DAY_S);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), LIFETIME_S);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("everframe"),
                             -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  if (X509_sign(certificate.get(), key, EVP_sha256()) == 0) return {nullptr, X509_free};
  return certificate;
}

SSL_CTX* context(const SSL_METHOD* method, X509* certificate, EVP_PKEY* key) {
  SSL_CTX* const out = SSL_CTX_new(method);
  if (out == nullptr) return nullptr;
  SSL_CTX_set_min_proto_version(out, DTLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(out, DTLS1_2_VERSION);
  SSL_CTX_set_options(out, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(out, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(out, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(out, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(out, accept_any, nullptr);
  // Some clients (werift) give up unless use_srtp is answered, though no media will ever flow.
  SSL_CTX_set_tlsext_use_srtp(out, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80");
  const bool made =
      SSL_CTX_set_cipher_list(out,
                              "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
                              "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256") == 1 &&
      SSL_CTX_set1_groups_list(out, "X25519:P-256:P-384") == 1 &&
      SSL_CTX_use_certificate(out, certificate) == 1 && SSL_CTX_use_PrivateKey(out, key) == 1;
  if (made) return out;
  SSL_CTX_free(out);
  return nullptr;
}

}  // namespace

Result<std::shared_ptr<const Certificate>> Certificate::make() {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  if (!key) return fail("OpenSSL cannot make a P-256 key: {}", ERR_error_string(ERR_get_error(), nullptr));
  const X509Ptr certificate = self_signed(key.get());
  if (!certificate) return fail("OpenSSL cannot sign: {}", ERR_error_string(ERR_get_error(), nullptr));
  std::shared_ptr<Certificate> out(new Certificate());
  unsigned length = 0;
  X509_digest(certificate.get(), EVP_sha256(), out->fingerprint_.data(), &length);
  out->server_ = context(DTLS_server_method(), certificate.get(), key.get());
  out->client_ = context(DTLS_client_method(), certificate.get(), key.get());
  if (out->server_ == nullptr || out->client_ == nullptr) {
    return fail("OpenSSL cannot set up DTLS: {}", ERR_error_string(ERR_get_error(), nullptr));
  }
  return std::shared_ptr<const Certificate>(std::move(out));
}

Certificate::~Certificate() {
  SSL_CTX_free(server_);
  SSL_CTX_free(client_);
}

}  // namespace everframe::transport
