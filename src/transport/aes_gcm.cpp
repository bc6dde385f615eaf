#include "transport/aes_gcm.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#ifdef EVERFRAME_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

#include "base/assert.h"

namespace everframe::transport {

namespace {

#ifdef EVERFRAME_IPSEC_MB
// The library's table of functions for this processor; one for all threads, since nothing in it changes.
// Null where the processor lacks the instructions (the library would then emulate them by tables, slowly and
// in a time that tells of the key), or where the library's self test fails.
IMB_MGR* functions() {
  static IMB_MGR* const made = []() -> IMB_MGR* {
    IMB_MGR* const manager = alloc_mb_mgr(0);
    if (manager == nullptr) return nullptr;
    init_mb_mgr_auto(manager, nullptr);
    constexpr std::uint64_t NEEDED =
        IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS | IMB_FEATURE_SAFE_DATA;
    if (imb_get_errno(manager) == 0 && (manager->features & NEEDED) == NEEDED) return manager;
    free_mb_mgr(manager);
    return nullptr;
  }();
  return made;
}

const gcm_key_data* key_of(const std::uint8_t* schedule) {
  return reinterpret_cast<const gcm_key_data*>(schedule);
}
#endif

int length_of(ByteView bytes) {
  return static_cast<int>(bytes.size());
}

}  // namespace

bool AesGcm::has_fast_maker() {
#ifdef EVERFRAME_IPSEC_MB
  return functions() != nullptr;
#else
  return false;
#endif
}

AesGcm::AesGcm(Key key, Schedule& schedule, Maker maker) : schedule_(schedule) {
#ifdef EVERFRAME_IPSEC_MB
  static_assert(sizeof(gcm_key_data) <= sizeof(Schedule) && alignof(gcm_key_data) <= alignof(Schedule));
  if (maker == Maker::BEST && has_fast_maker()) {
    IMB_AES128_GCM_PRE(functions(), key.data(), reinterpret_cast<gcm_key_data*>(schedule_.bytes.data()));
    return;
  }
#else
  static_cast<void>(maker);
#endif
  openssl_ = EVP_CIPHER_CTX_new();
  EF_ASSERT(openssl_ != nullptr);
  EF_ASSERT(EVP_CipherInit_ex(openssl_, EVP_aes_128_gcm(), nullptr, key.data(), nullptr, 1) == 1);
}

AesGcm::~AesGcm() {
  if (openssl_ == nullptr) OPENSSL_cleanse(&schedule_, sizeof schedule_);
  EVP_CIPHER_CTX_free(openssl_);  // wipes its key
}

void AesGcm::seal(Nonce nonce, ByteView covered, std::span<std::uint8_t> text,
                  std::span<std::uint8_t, TAG_SIZE> tag) {
#ifdef EVERFRAME_IPSEC_MB
  if (openssl_ == nullptr) {
    gcm_context_data context;
    IMB_AES128_GCM_ENC(functions(), key_of(schedule_.bytes.data()), &context, text.data(), text.data(),
                       text.size(), nonce.data(), covered.data(), covered.size(), tag.data(), TAG_SIZE);
    return;
  }
#endif
  int size = 0;
  bool good = EVP_CipherInit_ex(openssl_, nullptr, nullptr, nullptr, nonce.data(), 1) == 1;
  good = good && EVP_CipherUpdate(openssl_, nullptr, &size, covered.data(), length_of(covered)) == 1;
  good = good && EVP_CipherUpdate(openssl_, text.data(), &size, text.data(), length_of(text)) == 1;
  good = good && EVP_CipherFinal_ex(openssl_, text.data() + text.size(), &size) == 1;
  good = good && EVP_CIPHER_CTX_ctrl(openssl_, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag.data()) == 1;
  EF_ASSERT(good);
}

bool AesGcm::open(Nonce nonce, ByteView covered, ByteView text, std::span<const std::uint8_t, TAG_SIZE> tag,
                  std::uint8_t* out) {
#ifdef EVERFRAME_IPSEC_MB
  if (openssl_ == nullptr) {
    gcm_context_data context;
    std::uint8_t right[TAG_SIZE];
    IMB_AES128_GCM_DEC(functions(), key_of(schedule_.bytes.data()), &context, out, text.data(), text.size(),
                       nonce.data(), covered.data(), covered.size(), right, TAG_SIZE);
    return CRYPTO_memcmp(right, tag.data(), TAG_SIZE) == 0;
  }
#endif
  return open_by_openssl(nonce, covered, text, tag, out);
}

bool AesGcm::open_by_openssl(Nonce nonce, ByteView covered, ByteView text,
                             std::span<const std::uint8_t, TAG_SIZE> tag, std::uint8_t* out) {
  int size = 0;
  bool good = EVP_CipherInit_ex(openssl_, nullptr, nullptr, nullptr, nonce.data(), 0) == 1;
  good = good && EVP_CipherUpdate(openssl_, nullptr, &size, covered.data(), length_of(covered)) == 1;
  good = good && EVP_CipherUpdate(openssl_, out, &size, text.data(), length_of(text)) == 1;
  good = good && EVP_CIPHER_CTX_ctrl(openssl_, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE,
                                     const_cast<std::uint8_t*>(tag.data())) == 1;
  return good && EVP_CipherFinal_ex(openssl_, out + text.size(), &size) == 1;
}

}  // namespace everframe::transport
