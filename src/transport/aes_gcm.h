// AesGcm: AES-128-GCM (NIST SP 800-38D) under one key, in place, one call a packet, nothing allocated. Two
// makers: Intel's Multi-Buffer Crypto for IPsec (BSD-3-Clause), where it is there and the processor has AES
// and carry-less multiplication, otherwise OpenSSL's EVP. The library's key schedule is one block of memory
// and its call one jump: 60 ns for 120 bytes, with EVP's contexts 300 to 400. Ownership: the block is its
// owner's, so that it may lie beside what else a packet needs; it is wiped when the cipher ends. Threads: one
// at a time. The caller never uses a nonce twice.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"

typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;

namespace everframe::transport {

class AesGcm {
 public:
  static constexpr std::size_t KEY_SIZE = 16;
  static constexpr std::size_t NONCE_SIZE = 12;
  static constexpr std::size_t TAG_SIZE = 16;
  using Key = std::span<const std::uint8_t, KEY_SIZE>;
  using Nonce = std::span<const std::uint8_t, NONCE_SIZE>;
  enum class Maker { BEST, OPENSSL };

  // Of the library's key schedule, of which small packets read the first half.
  struct alignas(64) Schedule {
    std::array<std::uint8_t, 1'024> bytes;
    void prefetch() const {
      for (std::size_t line = 0; line < bytes.size() / 2; line += 64) __builtin_prefetch(bytes.data() + line);
    }
  };

  AesGcm(Key key, Schedule& schedule, Maker maker = Maker::BEST);
  ~AesGcm();
  AesGcm(const AesGcm&) = delete;
  AesGcm& operator=(const AesGcm&) = delete;

  void seal(Nonce nonce, ByteView covered, std::span<std::uint8_t> text,
            std::span<std::uint8_t, TAG_SIZE> tag);
  // Writes text.size() bytes to `out`. False if the tag is wrong: `out` is then worth nothing.
  bool open(Nonce nonce, ByteView covered, ByteView text, std::span<const std::uint8_t, TAG_SIZE> tag,
            std::uint8_t* out);

  static bool has_fast_maker();

 private:
  bool open_by_openssl(Nonce nonce, ByteView covered, ByteView text,
                       std::span<const std::uint8_t, TAG_SIZE> tag, std::uint8_t* out);

  Schedule& schedule_;
  EVP_CIPHER_CTX* openssl_ = nullptr;  // null: the library's schedule is used
};

}  // namespace everframe::transport
