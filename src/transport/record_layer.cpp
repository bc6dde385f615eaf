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
constexpr std::size_t KEY_SIZE = AesGcm::KEY_SIZE;
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

// The sequence number, type, version and plaintext's length, which the tag covers: RFC 5246 section 6.2.3.3.
std::array<std::uint8_t, 13> covered(const std::uint8_t* header, std::size_t length) {
  std::array<std::uint8_t, 13> out;
  std::memcpy(out.data(), header + 3, 8);
  std::memcpy(out.data() + 8, header, 3);
  write_u16(out.data() + 11, static_cast<std::uint16_t>(length));
  return out;
}

std::span<const std::uint8_t, KEY_SIZE> key_in(std::span<const std::uint8_t> block, std::size_t number) {
  return block.subspan(number * KEY_SIZE).first<KEY_SIZE>();
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

RecordLayer::KeyBlock::~KeyBlock() {
  OPENSSL_cleanse(bytes.data(), bytes.size());
}

std::optional<RecordLayer::KeyBlock> RecordLayer::derive(SSL* ssl) {
  const SSL_CIPHER* const suite = SSL_get_current_cipher(ssl);
  if (SSL_version(ssl) != DTLS1_2_VERSION || suite == nullptr) return std::nullopt;
  if (SSL_CIPHER_get_protocol_id(suite) != ECDHE_ECDSA_AES128_GCM_SHA256) return std::nullopt;
  constexpr std::string_view LABEL = "key expansion";
  std::array<std::uint8_t, MASTER_SECRET_SIZE> master;
  std::array<std::uint8_t, LABEL.size() + 2 * SSL3_RANDOM_SIZE> seed;
  std::memcpy(seed.data(), LABEL.data(), LABEL.size());
  SSL_get_server_random(ssl, seed.data() + LABEL.size(), SSL3_RANDOM_SIZE);
  SSL_get_client_random(ssl, seed.data() + LABEL.size() + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
  const std::size_t size = SSL_SESSION_get_master_key(SSL_get_session(ssl), master.data(), master.size());
  std::optional<KeyBlock> keys(std::in_place);
  if (size != master.size() || !expand(master, seed, keys->bytes)) keys.reset();
  OPENSSL_cleanse(master.data(), master.size());
  return keys;
}

RecordLayer::RecordLayer(const KeyBlock& keys, Role role, std::uint64_t last_nonce)
    : schedules_(new Schedules),
      seal_(key_in(keys.bytes, role == Role::CLIENT ? 0 : 1), schedules_->seal),
      open_(key_in(keys.bytes, role == Role::CLIENT ? 1 : 0), schedules_->open),
      next_nonce_(last_nonce + OPENSSL_RECORDS_MAX) {
  const std::size_t own = role == Role::CLIENT ? 0 : 1;
  const std::uint8_t* const salts = keys.bytes.data() + 2 * KEY_SIZE;
  std::memcpy(own_salt_.data(), salts + own * SALT_SIZE, SALT_SIZE);
  std::memcpy(peer_salt_.data(), salts + (1 - own) * SALT_SIZE, SALT_SIZE);
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
  Nonce nonce;
  std::memcpy(nonce.data(), own_salt_.data(), SALT_SIZE);
  write_u32(nonce.data() + SALT_SIZE, static_cast<std::uint32_t>(next_nonce_ >> 32));
  write_u32(nonce.data() + SALT_SIZE + 4, static_cast<std::uint32_t>(next_nonce_));
  ++next_nonce_;
  std::memcpy(p + RECORD_HEADER_SIZE, nonce.data() + SALT_SIZE, NONCE_SIZE);
  const std::size_t length = body - NONCE_SIZE - TAG_SIZE;
  const std::span<std::uint8_t> text(p + RECORD_PREFIX_SIZE, length);
  seal_.seal(nonce, covered(p, length), text,
             std::span<std::uint8_t, TAG_SIZE>(text.data() + length, TAG_SIZE));
}

std::optional<RecordLayer::Opened> RecordLayer::open(const RawRecord& record, std::span<std::uint8_t> room) {
  const ByteView body = record.body();
  if (record.epoch != EPOCH || read_u16(record.whole.data() + 1) != DTLS_1_2) return std::nullopt;
  if (body.size() < NONCE_SIZE + TAG_SIZE || body.size() > NONCE_SIZE + PLAINTEXT_MAX + TAG_SIZE)
    return std::nullopt;
  if (!window_.fresh(record.sequence)) return std::nullopt;
  EF_ASSERT(room.size() >= body.size());
  Nonce nonce;
  std::memcpy(nonce.data(), peer_salt_.data(), SALT_SIZE);
  std::memcpy(nonce.data() + SALT_SIZE, body.data(), NONCE_SIZE);
  const std::size_t length = body.size() - NONCE_SIZE - TAG_SIZE;
  const ByteView text = body.subspan(NONCE_SIZE, length);
  if (!open_.open(nonce, covered(record.whole.data(), length), text, body.last<TAG_SIZE>(), room.data()))
    return std::nullopt;
  const Opened opened{room.first(length), window_.newest(record.sequence)};
  window_.note(record.sequence);
  return opened;
}

}  // namespace everframe::transport
