#include "transport/sctp/crc32c.h"

#include <nmmintrin.h>

#include <array>
#include <cstring>

namespace everframe::transport::sctp {

namespace {

constexpr std::uint32_t POLYNOMIAL = 0x82f63b78;  // reflected

constexpr auto make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
    table[i] = crc;
  }
  return table;
}
constexpr auto TABLE = make_table();

std::uint32_t by_table(ByteView bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 0xff];
  return ~crc;
}

__attribute__((target("sse4.2"))) std::uint32_t by_instruction(ByteView bytes) {
  std::uint64_t crc = 0xffffffff;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto tail = static_cast<std::uint32_t>(crc);
  for (; i < bytes.size(); ++i) tail = _mm_crc32_u8(tail, bytes[i]);
  return ~tail;
}

const bool HAS_INSTRUCTION = __builtin_cpu_supports("sse4.2");

}  // namespace

std::uint32_t crc32c(ByteView bytes) {
  return HAS_INSTRUCTION ? by_instruction(bytes) : by_table(bytes);
}

}  // namespace everframe::transport::sctp
