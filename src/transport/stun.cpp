#include "transport/stun.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>

#include "base/assert.h"
#include "transport/network_order.h"

namespace everframe::transport {

namespace {

constexpr std::size_t HEADER_SIZE = 20;
constexpr std::uint32_t MAGIC_COOKIE = 0x2112a442;
constexpr std::uint16_t BINDING = 0x0001;
constexpr std::uint16_t CLASS_MASK = 0x0110;
constexpr std::size_t INTEGRITY_SIZE = 20;  // HMAC-SHA1
constexpr std::uint32_t FINGERPRINT_XOR = 0x5354554e;

enum class Attribute : std::uint16_t {
  USERNAME = 0x0006,
  MESSAGE_INTEGRITY = 0x0008,
  ERROR_CODE = 0x0009,
  XOR_MAPPED_ADDRESS = 0x0020,
  PRIORITY = 0x0024,
  USE_CANDIDATE = 0x0025,
  FINGERPRINT = 0x8028,
  ICE_CONTROLLED = 0x8029,
  ICE_CONTROLLING = 0x802a,
};

// CRC-32 of ISO 3309, bit by bit: checks are rare (RFC 8489 section 14.7).
std::uint32_t crc32(ByteView bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0);
  }
  return ~crc;
}

std::array<std::uint8_t, INTEGRITY_SIZE> hmac(ByteView bytes, std::string_view password) {
  std::array<std::uint8_t, INTEGRITY_SIZE> out{};
  unsigned length = 0;
  const auto* made = HMAC(EVP_sha1(), password.data(), static_cast<int>(password.size()), bytes.data(),
                          bytes.size(), out.data(), &length);
  EF_ASSERT(made != nullptr && length == INTEGRITY_SIZE);
  return out;
}

struct RawAttribute {
  std::uint16_t type;
  ByteView value;
  std::size_t offset;  // of its header, in the datagram
};

// Calls `each` for every attribute, in order, until it says false. False if the list is malformed.
template <class Each>
bool walk(ByteView datagram, Each each) {
  std::size_t at = HEADER_SIZE;
  while (at < datagram.size()) {
    if (datagram.size() - at < 4) return false;
    const std::size_t length = read_u16(datagram.data() + at + 2);
    const std::size_t padded = (length + 3) & ~std::size_t{3};
    if (padded > datagram.size() - at - 4) return false;
    if (!each(RawAttribute{read_u16(datagram.data() + at), datagram.subspan(at + 4, length), at}))
      return true;
    at += 4 + padded;
  }
  return true;
}

// The bytes up to an attribute, with the header's length as if the message ended behind that attribute.
Bytes signed_part(ByteView datagram, std::size_t offset, std::size_t attribute_size) {
  Bytes part(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(offset));
  const std::size_t length = offset - HEADER_SIZE + 4 + attribute_size;
  part[2] = static_cast<std::uint8_t>(length >> 8);
  part[3] = static_cast<std::uint8_t>(length);
  return part;
}

std::optional<Address> read_xor_address(ByteView value, ByteView datagram) {
  if (value.size() < 8) return std::nullopt;
  const bool v4 = value[1] == 1;
  const std::size_t count = v4 ? 4 : 16;
  if ((!v4 && value[1] != 2) || value.size() != 4 + count) return std::nullopt;
  Address address;
  address.port = static_cast<std::uint16_t>(read_u16(value.data() + 2) ^ (MAGIC_COOKIE >> 16));
  if (v4) address.ip[10] = address.ip[11] = 0xff;
  // The mask is the cookie and the transaction id: bytes 4 to 19 of the message.
  for (std::size_t i = 0; i < count; ++i) address.ip[16 - count + i] = value[4 + i] ^ datagram[4 + i];
  return address;
}

// False if the attribute makes the whole message unusable.
bool take(StunMessage& message, const RawAttribute& attribute, ByteView datagram) {
  const ByteView value = attribute.value;
  switch (static_cast<Attribute>(attribute.type)) {
    case Attribute::USERNAME:
      message.username = chars_of(value);
      return value.size() <= 513;
    case Attribute::XOR_MAPPED_ADDRESS:
      message.mapped = read_xor_address(value, datagram);
      return message.mapped.has_value();
    case Attribute::ERROR_CODE:
      if (value.size() < 4) return false;
      message.error = static_cast<std::uint16_t>((value[2] & 7) * 100 + value[3]);
      return true;
    case Attribute::PRIORITY:
      if (value.size() != 4) return false;
      message.priority = read_u32(value.data());
      return true;
    case Attribute::USE_CANDIDATE:
      message.use_candidate = true;
      return value.empty();
    case Attribute::ICE_CONTROLLING:
    case Attribute::ICE_CONTROLLED: {
      if (value.size() != 8) return false;
      const std::uint64_t breaker = std::uint64_t{read_u32(value.data())} << 32 | read_u32(value.data() + 4);
      const bool controlling = static_cast<Attribute>(attribute.type) == Attribute::ICE_CONTROLLING;
      (controlling ? message.controlling : message.controlled) = breaker;
      return true;
    }
    case Attribute::MESSAGE_INTEGRITY:
    case Attribute::FINGERPRINT:
      return true;
  }
  if (attribute.type < 0x8000 && !message.unknown_required) message.unknown_required = attribute.type;
  return true;
}

class Writer {
 public:
  Writer(StunClass kind, const StunTransaction& transaction) {
    const unsigned bits = static_cast<unsigned>(kind);
    put_u16(out_, static_cast<std::uint16_t>(BINDING | (bits & 1) << 4 | (bits & 2) << 7));
    put_u16(out_, 0);
    put_u32(out_, MAGIC_COOKIE);
    out_.insert(out_.end(), transaction.begin(), transaction.end());
  }
  void add(Attribute type, ByteView value) {
    put_u16(out_, static_cast<std::uint16_t>(type));
    put_u16(out_, static_cast<std::uint16_t>(value.size()));
    out_.insert(out_.end(), value.begin(), value.end());
    out_.resize((out_.size() + 3) & ~std::size_t{3});
  }
  Bytes finish(std::string_view password) && {
    const auto integrity = hmac(signed_part(out_, out_.size(), INTEGRITY_SIZE), password);
    add(Attribute::MESSAGE_INTEGRITY, integrity);
    Bytes fingerprint;
    put_u32(fingerprint, crc32(signed_part(out_, out_.size(), 4)) ^ FINGERPRINT_XOR);
    add(Attribute::FINGERPRINT, fingerprint);
    const std::size_t length = out_.size() - HEADER_SIZE;
    out_[2] = static_cast<std::uint8_t>(length >> 8);
    out_[3] = static_cast<std::uint8_t>(length);
    return std::move(out_);
  }
  const Bytes& out() const { return out_; }

 private:
  Bytes out_;
};

}  // namespace

std::optional<StunMessage> read_stun(ByteView datagram) {
  if (datagram.size() < HEADER_SIZE || datagram.size() % 4 != 0) return std::nullopt;
  const std::uint16_t type = read_u16(datagram.data());
  if ((type & ~CLASS_MASK) != BINDING || read_u32(datagram.data() + 4) != MAGIC_COOKIE) return std::nullopt;
  if (read_u16(datagram.data() + 2) + HEADER_SIZE != datagram.size()) return std::nullopt;
  StunMessage message;
  message.kind = static_cast<StunClass>((type >> 4 & 1) | (type >> 7 & 2));
  std::memcpy(message.transaction.data(), datagram.data() + 8, message.transaction.size());
  bool usable = true;
  bool is_signed = false;
  bool fingerprinted = false;
  const bool well_formed = walk(datagram, [&](const RawAttribute& attribute) {
    const auto kind = static_cast<Attribute>(attribute.type);
    if (kind == Attribute::FINGERPRINT) {
      const bool last = attribute.offset + 8 == datagram.size();
      fingerprinted = last && attribute.value.size() == 4 &&
                      read_u32(attribute.value.data()) ==
                          (crc32(signed_part(datagram, attribute.offset, 4)) ^ FINGERPRINT_XOR);
      return false;
    }
    if (!is_signed)
      usable = usable && take(message, attribute, datagram);  // what follows the signature is unsigned
    is_signed = is_signed || kind == Attribute::MESSAGE_INTEGRITY;
    return true;
  });
  if (!well_formed || !usable || !fingerprinted) return std::nullopt;
  return message;
}

bool has_integrity(ByteView datagram, std::string_view password) {
  if (datagram.size() < HEADER_SIZE) return false;
  bool right = false;
  walk(datagram, [&](const RawAttribute& attribute) {
    if (static_cast<Attribute>(attribute.type) != Attribute::MESSAGE_INTEGRITY) return true;
    const auto expected = hmac(signed_part(datagram, attribute.offset, INTEGRITY_SIZE), password);
    right = attribute.value.size() == INTEGRITY_SIZE &&
            CRYPTO_memcmp(attribute.value.data(), expected.data(), INTEGRITY_SIZE) == 0;
    return false;
  });
  return right;
}

Bytes write_stun_request(const StunTransaction& transaction, std::string_view username,
                         std::string_view password, std::uint32_t priority, std::uint64_t controlling,
                         bool use_candidate) {
  Writer writer(StunClass::REQUEST, transaction);
  writer.add(Attribute::USERNAME, bytes_of(username));
  Bytes value;
  put_u32(value, priority);
  writer.add(Attribute::PRIORITY, value);
  value.clear();
  put_u32(value, static_cast<std::uint32_t>(controlling >> 32));
  put_u32(value, static_cast<std::uint32_t>(controlling));
  writer.add(Attribute::ICE_CONTROLLING, value);
  if (use_candidate) writer.add(Attribute::USE_CANDIDATE, {});
  return std::move(writer).finish(password);
}

Bytes write_stun_success(const StunTransaction& transaction, const Address& mapped,
                         std::string_view password) {
  Writer writer(StunClass::SUCCESS, transaction);
  const std::size_t count = mapped.is_v4() ? 4 : 16;
  Bytes value = {0, static_cast<std::uint8_t>(mapped.is_v4() ? 1 : 2)};
  put_u16(value, static_cast<std::uint16_t>(mapped.port ^ (MAGIC_COOKIE >> 16)));
  for (std::size_t i = 0; i < count; ++i) {
    value.push_back(static_cast<std::uint8_t>(mapped.ip[16 - count + i] ^ writer.out()[4 + i]));
  }
  writer.add(Attribute::XOR_MAPPED_ADDRESS, value);
  return std::move(writer).finish(password);
}

Bytes write_stun_error(const StunTransaction& transaction, std::uint16_t code, std::string_view reason,
                       std::string_view password) {
  Writer writer(StunClass::ERROR, transaction);
  Bytes value = {0, 0, static_cast<std::uint8_t>(code / 100), static_cast<std::uint8_t>(code % 100)};
  value.insert(value.end(), reason.begin(), reason.end());
  writer.add(Attribute::ERROR_CODE, value);
  return std::move(writer).finish(password);
}

}  // namespace everframe::transport
