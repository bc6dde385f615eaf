#include "transport/record_layer.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include <array>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "transport/network_order.h"

namespace everframe::transport {

namespace {

constexpr std::uint16_t DTLS_1_2 = 0xfefd;
constexpr std::uint16_t DTLS_1_0 = 0xfeff;  // what a ClientHello's records may say
constexpr std::uint16_t EPOCH = 1;          // after the one and only handshake
constexpr std::uint32_t ECDHE_ECDSA_AES128_GCM_SHA256 = 0xc02b;
constexpr std::size_t KEY_SIZE = 16;
constexpr std::size_t SALT_SIZE = 4;
constexpr std::uint64_t SEQUENCE_MAX = (std::uint64_t{1} << 48) - 1;
constexpr std::size_t MASTER_SECRET_SIZE = 48;

std::uint64_t read_u48(const std::uint8_t* p) {
  return std::uint64_t{read_u16(p)} << 32 | read_u32(p + 2);
}

// TLS 1.2's PRF: RFC 5246 section 6.3.
bool expand(ByteView master, ByteView seed, std::span<std::uint8_t> out) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr),
                                                              EVP_KDF_free);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(kdf.get()),
                                                                          EVP_KDF_CTX_free);
  if (!context) return false;
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, const_cast<std::uint8_t*>(master.data()),
                                        master.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, const_cast<std::uint8_t*>(seed.data()),
                                        seed.size()),
      OSSL_PARAM_construct_end()};
  return EVP_KDF_derive(context.get(), out.data(), out.size(), params) == 1;
}

// The sequence number, type, version and length that the tag covers (RFC 5246 section 6.2.3.3). In OpenSSL's
// TLS mode the length is that of what follows: it takes nonce and tag off by itself.
std::array<std::uint8_t, EVP_AEAD_TLS1_AAD_LEN> additional(const std::uint8_t* header, std::size_t body) {
  std::array<std::uint8_t, EVP_AEAD_TLS1_AAD_LEN> out;
  std::memcpy(out.data(), header + 3, 8);
  std::memcpy(out.data() + 8, header, 3);
  write_u16(out.data() + 11, static_cast<std::uint16_t>(body));
  return out;
}

// What EVP_CTRL_AEAD_TLS1_AAD does, without its two searches by name for an answer that is always TAG_SIZE.
bool cover(EVP_CIPHER_CTX* context, const std::uint8_t* header, std::size_t body) {
  auto covered = additional(header, body);
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, covered.data(), covered.size()),
      OSSL_PARAM_construct_end()};
  return EVP_CIPHER_CTX_set_params(context, params) == 1;
}

EVP_CIPHER_CTX* cipher(const std::uint8_t* key, bool sealing) {
  EVP_CIPHER_CTX* const out = EVP_CIPHER_CTX_new();
  EF_ASSERT(out != nullptr);
  EF_ASSERT(EVP_CipherInit_ex(out, EVP_aes_128_gcm(), nullptr, key, nullptr, sealing ? 1 : 0) == 1);
  return out;
}

}  // namespace

std::optional<RawRecord> next_record(ByteView& rest) {
  const ByteView bytes = std::exchange(rest, {});
  if (bytes.size() < RECORD_HEADER_SIZE || bytes[0] < 20 || bytes[0] > 23) return std::nullopt;
  const std::uint16_t version = read_u16(bytes.data() + 1);
  const std::size_t whole = RECORD_HEADER_SIZE + read_u16(bytes.data() + 11);
  if ((version != DTLS_1_2 && version != DTLS_1_0) || whole > bytes.size()) return std::nullopt;
  rest = bytes.subspan(whole);
  return RawRecord{static_cast<RecordType>(bytes[0]), read_u16(bytes.data() + 3), read_u48(bytes.data() + 5),
                   bytes.first(whole)};
}

bool ReplayWindow::fresh(std::uint64_t sequence) const {
  if (newest(sequence)) return true;
  const std::uint64_t behind = top_ - sequence;
  return behind < REPLAY_WINDOW && (bits_ >> behind & 1) == 0;
}

void ReplayWindow::note(std::uint64_t sequence) {
  if (newest(sequence)) {
    const std::uint64_t ahead = sequence - top_;
    bits_ = (ahead < REPLAY_WINDOW ? bits_ << ahead : 0) | 1;
    top_ = sequence;
  } else {
    bits_ |= std::uint64_t{1} << (top_ - sequence);
  }
}

std::unique_ptr<RecordLayer> RecordLayer::derive(SSL* ssl, Role role, std::uint64_t last_nonce) {
  const SSL_CIPHER* const suite = SSL_get_current_cipher(ssl);
  if (SSL_version(ssl) != DTLS1_2_VERSION || suite == nullptr) return nullptr;
  if (SSL_CIPHER_get_protocol_id(suite) != ECDHE_ECDSA_AES128_GCM_SHA256) return nullptr;
  constexpr std::string_view LABEL = "key expansion";
  std::array<std::uint8_t, MASTER_SECRET_SIZE> master;
  std::array<std::uint8_t, LABEL.size() + 2 * SSL3_RANDOM_SIZE> seed;
  std::array<std::uint8_t, KEY_BLOCK_SIZE> keys;
  std::memcpy(seed.data(), LABEL.data(), LABEL.size());
  SSL_get_server_random(ssl, seed.data() + LABEL.size(), SSL3_RANDOM_SIZE);
  SSL_get_client_random(ssl, seed.data() + LABEL.size() + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
  const std::size_t size = SSL_SESSION_get_master_key(SSL_get_session(ssl), master.data(), master.size());
  std::unique_ptr<RecordLayer> made;
  if (size == master.size() && expand(master, seed, keys)) {
    made = std::make_unique<RecordLayer>(keys, role, last_nonce);
  }
  OPENSSL_cleanse(master.data(), master.size());
  OPENSSL_cleanse(keys.data(), keys.size());
  return made;
}

RecordLayer::RecordLayer(std::span<const std::uint8_t, KEY_BLOCK_SIZE> keys, Role role,
                         std::uint64_t last_nonce) {
  const std::size_t own = role == Role::CLIENT ? 0 : 1;
  const std::uint8_t* const salts = keys.data() + 2 * KEY_SIZE;
  seal_ = cipher(keys.data() + own * KEY_SIZE, true);
  open_ = cipher(keys.data() + (1 - own) * KEY_SIZE, false);
  // The whole nonce: OpenSSL counts its explicit part up by one a record and writes it in front of it.
  std::uint8_t nonce[SALT_SIZE + NONCE_SIZE];
  const std::uint64_t first = last_nonce + OPENSSL_RECORDS_MAX;
  std::memcpy(nonce, salts + own * SALT_SIZE, SALT_SIZE);
  write_u32(nonce + SALT_SIZE, static_cast<std::uint32_t>(first >> 32));
  write_u32(nonce + SALT_SIZE + 4, static_cast<std::uint32_t>(first));
  EF_ASSERT(EVP_CIPHER_CTX_ctrl(seal_, EVP_CTRL_GCM_SET_IV_FIXED, -1, nonce) == 1);
  std::uint8_t salt[SALT_SIZE];
  std::memcpy(salt, salts + (1 - own) * SALT_SIZE, SALT_SIZE);
  EF_ASSERT(EVP_CIPHER_CTX_ctrl(open_, EVP_CTRL_GCM_SET_IV_FIXED, SALT_SIZE, salt) == 1);
  OPENSSL_cleanse(nonce, sizeof nonce);
  OPENSSL_cleanse(salt, sizeof salt);
}

RecordLayer::~RecordLayer() {
  EVP_CIPHER_CTX_free(seal_);  // these wipe their keys
  EVP_CIPHER_CTX_free(open_);
}

void RecordLayer::seal(RecordType type, Bytes& record) {
  EF_ASSERT(record.size() >= RECORD_PREFIX_SIZE && record.size() <= RECORD_PREFIX_SIZE + PLAINTEXT_MAX);
  EF_ASSERT(next_sequence_ < SEQUENCE_MAX);  // at a thousand a second: nine thousand years
  record.resize(record.size() + TAG_SIZE);
  std::uint8_t* const p = record.data();
  const std::size_t body = record.size() - RECORD_HEADER_SIZE;
  p[0] = static_cast<std::uint8_t>(type);
  write_u16(p + 1, DTLS_1_2);
  write_u16(p + 3, EPOCH);
  write_u16(p + 5, static_cast<std::uint16_t>(next_sequence_ >> 32));
  write_u32(p + 7, static_cast<std::uint32_t>(next_sequence_));
  write_u16(p + 11, static_cast<std::uint16_t>(body));
  ++next_sequence_;
  EF_ASSERT(cover(seal_, p, body - TAG_SIZE));
  EF_ASSERT(EVP_Cipher(seal_, p + RECORD_HEADER_SIZE, p + RECORD_HEADER_SIZE, static_cast<unsigned>(body)) >
            0);
}

std::optional<RecordLayer::Opened> RecordLayer::open(const RawRecord& record, std::span<std::uint8_t> room) {
  const ByteView body = record.body();
  if (record.epoch != EPOCH || read_u16(record.whole.data() + 1) != DTLS_1_2) return std::nullopt;
  if (body.size() < NONCE_SIZE + TAG_SIZE || body.size() > NONCE_SIZE + PLAINTEXT_MAX + TAG_SIZE)
    return std::nullopt;
  if (!window_.fresh(record.sequence)) return std::nullopt;
  EF_ASSERT(room.size() >= body.size());
  std::memcpy(room.data(), body.data(), body.size());
  EF_ASSERT(cover(open_, record.whole.data(), body.size()));
  if (EVP_Cipher(open_, room.data(), room.data(), static_cast<unsigned>(body.size())) <= 0)
    return std::nullopt;
  const Opened opened{ByteView(room).subspan(NONCE_SIZE, body.size() - NONCE_SIZE - TAG_SIZE),
                      window_.newest(record.sequence)};
  window_.note(record.sequence);
  return opened;
}

}  // namespace everframe::transport
