#include "embedded/atomic_ops.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace everframe::embedded {

namespace {

std::uint8_t byte(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0;
}

std::string add(std::string_view existing, std::string_view operand) {
  std::string sum(operand.size(), '\0');
  unsigned carry = 0;
  for (std::size_t i = 0; i < operand.size(); ++i) {
    const unsigned digit = byte(existing, i) + byte(operand, i) + carry;
    sum[i] = static_cast<char>(digit);
    carry = digit >> 8;
  }
  return sum;
}

template <class Combine>
std::string bitwise(std::string_view existing, std::string_view operand, Combine combine) {
  std::string out(operand.size(), '\0');
  for (std::size_t i = 0; i < operand.size(); ++i) {
    out[i] = static_cast<char>(combine(byte(existing, i), byte(operand, i)));
  }
  return out;
}

// Compares as little-endian numbers, `existing` cut or padded to the operand's length.
int compare_numbers(std::string_view existing, std::string_view operand) {
  for (std::size_t i = operand.size(); i-- > 0;) {
    if (byte(existing, i) != byte(operand, i)) return byte(existing, i) < byte(operand, i) ? -1 : 1;
  }
  return 0;
}

std::string resized(std::string_view existing, std::size_t size) {
  std::string out(existing.substr(0, size));
  out.resize(size, '\0');
  return out;
}

std::string append_if_fits(std::string_view existing, std::string_view operand) {
  std::string out(existing);
  if (existing.size() + operand.size() <= VALUE_BYTES_MAX) out.append(operand);
  return out;
}

}  // namespace

bool is_atomic_operation(int operation) {
  switch (static_cast<MutationType>(operation)) {
    case MutationType::ADD:
    case MutationType::BIT_AND:
    case MutationType::BIT_OR:
    case MutationType::BIT_XOR:
    case MutationType::APPEND_IF_FITS:
    case MutationType::MAX:
    case MutationType::MIN:
    case MutationType::SET_VERSIONSTAMPED_KEY:
    case MutationType::SET_VERSIONSTAMPED_VALUE:
    case MutationType::BYTE_MIN:
    case MutationType::BYTE_MAX:
    case MutationType::COMPARE_AND_CLEAR:
      return operation >= 0 && operation <= 255;
    default:
      return false;
  }
}

std::optional<std::string> apply_atomic(MutationType type, const std::optional<std::string>& existing,
                                        std::string_view operand) {
  const std::string_view old = existing ? std::string_view(*existing) : std::string_view();
  const auto operand_as_value = [&] { return std::string(operand); };
  switch (type) {
    case MutationType::ADD:
      return add(old, operand);
    case MutationType::BIT_AND:
      if (!existing) return operand_as_value();
      return bitwise(old, operand, [](unsigned a, unsigned b) { return a & b; });
    case MutationType::BIT_OR:
      return bitwise(old, operand, [](unsigned a, unsigned b) { return a | b; });
    case MutationType::BIT_XOR:
      return bitwise(old, operand, [](unsigned a, unsigned b) { return a ^ b; });
    case MutationType::APPEND_IF_FITS:
      return append_if_fits(old, operand);
    case MutationType::MAX:
      return compare_numbers(old, operand) > 0 ? resized(old, operand.size()) : operand_as_value();
    case MutationType::MIN:
      if (!existing) return operand_as_value();
      return compare_numbers(old, operand) < 0 ? resized(old, operand.size()) : operand_as_value();
    case MutationType::BYTE_MIN:
      return existing && old < operand ? *existing : operand_as_value();
    case MutationType::BYTE_MAX:
      return existing && old > operand ? *existing : operand_as_value();
    case MutationType::COMPARE_AND_CLEAR:
      if (existing && old != operand) return existing;
      return std::nullopt;
    default:
      EF_ASSERT(false);
  }
  return std::nullopt;
}

std::string versionstamp(Version version, std::uint16_t order) {
  std::string stamp(STAMP_BYTES, '\0');
  for (std::size_t i = 0; i < 8; ++i) stamp[i] = static_cast<char>(version >> (8 * (7 - i)));
  stamp[8] = static_cast<char>(order >> 8);
  stamp[9] = static_cast<char>(order);
  return stamp;
}

std::optional<std::size_t> stamp_offset(std::string_view text) {
  if (text.size() < 4 + STAMP_BYTES) return std::nullopt;
  const std::size_t body = text.size() - 4;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < 4; ++i) offset |= std::size_t{byte(text, body + i)} << (8 * i);
  if (offset + STAMP_BYTES > body) return std::nullopt;
  return offset;
}

std::string with_stamp(std::string_view text, std::string_view stamp) {
  EF_ASSERT(stamp.size() == STAMP_BYTES);
  if (text.size() < 4) return std::string(text);
  std::string out(text.substr(0, text.size() - 4));
  if (const auto offset = stamp_offset(text)) out.replace(*offset, STAMP_BYTES, stamp);
  return out;
}

}  // namespace everframe::embedded
