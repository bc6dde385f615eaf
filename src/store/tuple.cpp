#include "store/tuple.h"

#include <fmt/ranges.h>

#include <bit>
#include <cstring>

#include "base/assert.h"
#include "base/bytes.h"

namespace everframe::store {

namespace {

// Type codes; persistent: design/tuple.md.
constexpr std::uint8_t NULL_CODE = 0x00;
constexpr std::uint8_t BYTES_CODE = 0x01;
constexpr std::uint8_t TEXT_CODE = 0x02;
constexpr std::uint8_t NESTED_CODE = 0x05;
constexpr std::uint8_t BIG_NEGATIVE_CODE = 0x0b;
constexpr std::uint8_t INT_ZERO_CODE = 0x14;  // minus or plus the count of bytes
constexpr std::uint8_t BIG_POSITIVE_CODE = 0x1d;
constexpr std::uint8_t FLOAT_CODE = 0x20;
constexpr std::uint8_t DOUBLE_CODE = 0x21;
constexpr std::uint8_t LONG_DOUBLE_CODE = 0x22;
constexpr std::uint8_t FALSE_CODE = 0x26;
constexpr std::uint8_t TRUE_CODE = 0x27;
constexpr std::uint8_t UUID_CODE = 0x30;
constexpr std::uint8_t IDENTIFIER_CODE = 0x31;
constexpr std::uint8_t TRANSACTION_STAMP_CODE = 0x32;
constexpr std::uint8_t VERSIONSTAMP_CODE = 0x33;
constexpr std::uint8_t USER_FIRST = 0x40;
constexpr std::uint8_t USER_LAST = 0x4f;
constexpr char ESCAPE = '\xff';  // behind a zero byte: the zero is a value, not the end
constexpr std::size_t DEPTH_MAX = 64;
constexpr std::size_t SHORT_INT_BYTES = 8;
constexpr std::size_t BIG_INT_BYTES_MAX = 255;  // its length is one byte
constexpr std::uint8_t SIGN_BIT = 0x80;

void put(KeyBytes& out, std::uint8_t byte) {
  out += static_cast<char>(byte);
}
void put_raw(KeyBytes& out, std::span<const std::uint8_t> bytes) {
  out += chars_of(bytes);
}

template <class U>
void put_big_endian(KeyBytes& out, U value, int count) {
  for (int i = count - 1; i >= 0; --i) put(out, static_cast<std::uint8_t>(value >> (8 * i)));
}

void put_escaped(KeyBytes& out, std::string_view value) {
  for (std::size_t zero = 0; (zero = value.find('\0')) != std::string_view::npos;
       value.remove_prefix(zero + 1)) {
    out += value.substr(0, zero + 1);
    out += ESCAPE;
  }
  out += value;
  out += '\0';
}

// IEEE 754 as bytes that sort: all bits flipped of a negative number, the sign bit of others.
template <class U>
U sortable(U bits) {
  constexpr U SIGN = U{1} << (8 * sizeof(U) - 1);
  return (bits & SIGN) != 0 ? ~bits : bits | SIGN;
}
template <class U>
U unsortable(U bits) {
  constexpr U SIGN = U{1} << (8 * sizeof(U) - 1);
  return (bits & SIGN) != 0 ? bits & ~SIGN : ~bits;
}

void flip(std::string& bytes) {
  for (char& c : bytes) c = static_cast<char>(~c);
}

class Unpacker {
 public:
  explicit Unpacker(std::string_view key) : all_(key), rest_(key) {}

  Result<Tuple> tuple() {
    Tuple out;
    while (!rest_.empty()) {
      auto element = next(0);
      if (!element) return tl::unexpected(element.error());
      out.push_back(std::move(*element));
    }
    return out;
  }
  Result<std::string_view> behind(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_.empty()) return broken("fewer elements than there must be");
      if (const auto element = next(0); !element) return tl::unexpected(element.error());
    }
    return rest_;
  }

 private:
  tl::unexpected<Error> broken(const char* why) const {
    return fail("not a tuple: {} at byte {} of {}", why, all_.size() - rest_.size(), all_.size());
  }
  Result<std::string_view> take(std::size_t count) {
    if (rest_.size() < count) return broken("an element is cut short");
    const auto out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return out;
  }
  template <class U>
  Result<U> big_endian(std::size_t count) {
    const auto bytes = take(count);
    if (!bytes) return tl::unexpected(bytes.error());
    U value = 0;
    for (const char c : *bytes) value = static_cast<U>(value << 8 | static_cast<std::uint8_t>(c));
    return value;
  }

  template <class T>
  Result<Element> fixed(T value) {
    const auto bytes = take(value.bytes.size());
    if (!bytes) return tl::unexpected(bytes.error());
    std::memcpy(value.bytes.data(), bytes->data(), bytes->size());
    return Element(value);
  }

  Result<std::string> escaped() {
    std::string out;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] != '\0') {
        out.push_back(rest_[i]);
      } else if (i + 1 < rest_.size() && rest_[i + 1] == ESCAPE) {
        out.push_back('\0');
        ++i;
      } else {
        rest_.remove_prefix(i + 1);
        return out;
      }
    }
    return broken("a text without an end");
  }

  Result<Element> integer(std::uint8_t code) {
    const bool negative = code < INT_ZERO_CODE;
    const std::size_t count = negative ? INT_ZERO_CODE - code : code - INT_ZERO_CODE;
    const auto bits = big_endian<std::uint64_t>(count);
    if (!bits) return tl::unexpected(bits.error());
    const std::uint64_t mask = count == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * count)) - 1;
    Integer value;
    value.negative = negative;
    value.magnitude = negative ? mask - *bits : *bits;
    if (count > 0 && (value.magnitude == 0 || value.magnitude >> (8 * (count - 1)) == 0)) {
      return broken("an integer that is longer than it must be");
    }
    return Element(value);
  }

  Result<Element> big_integer(bool negative) {
    const auto length = big_endian<std::uint8_t>(1);
    if (!length) return tl::unexpected(length.error());
    const std::size_t count = negative ? *length ^ 0xffU : *length;
    const auto bytes = take(count);
    if (!bytes) return tl::unexpected(bytes.error());
    BigInteger value{negative, std::string(*bytes)};
    if (negative) flip(value.magnitude);
    if (count < SHORT_INT_BYTES || value.magnitude[0] == '\0') {
      return broken("an integer that is longer than it must be");
    }
    if (count > SHORT_INT_BYTES) return Element(std::move(value));
    if (value.magnitude != std::string(SHORT_INT_BYTES, '\xff')) {
      return broken("a long form of a short integer");
    }
    Integer shorter(~std::uint64_t{0});  // Python's form of it
    shorter.negative = negative;
    return Element(shorter);
  }

  Result<Element> long_double() {
    auto element = fixed(LongDouble{});
    if (!element) return element;
    auto& bytes = std::get<LongDouble>(*element).bytes;
    if ((bytes[0] & SIGN_BIT) != 0) {
      bytes[0] ^= SIGN_BIT;
    } else {
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(~byte);
    }
    return element;
  }

  Result<Element> user_type(std::uint8_t code, std::size_t depth) {
    if (depth > 0) return broken("a user's type in a nested tuple");
    UserType value{code, std::string(rest_)};
    rest_ = {};
    return Element(std::move(value));
  }

  Result<Element> nested(std::size_t depth) {
    if (depth >= DEPTH_MAX) return broken("nesting is too deep");
    Tuple out;
    for (;;) {
      if (rest_.empty()) return broken("a nested tuple without an end");
      if (rest_[0] == '\0') {
        const bool null = rest_.size() > 1 && rest_[1] == ESCAPE;
        rest_.remove_prefix(null ? 2 : 1);
        if (!null) return Element(std::move(out));
        out.emplace_back(Null{});
        continue;
      }
      auto element = next(depth + 1);
      if (!element) return element;
      out.push_back(std::move(*element));
    }
  }

  Result<Element> next(std::size_t depth) {
    const auto code = static_cast<std::uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    if (code >= INT_ZERO_CODE - 8 && code <= INT_ZERO_CODE + 8) return integer(code);
    if (code >= USER_FIRST && code <= USER_LAST) return user_type(code, depth);
    switch (code) {
      case NULL_CODE:
        return Element(Null{});
      case BYTES_CODE:
        return escaped().map([](std::string s) { return Element(ByteString{std::move(s)}); });
      case TEXT_CODE:
        return escaped().map([](std::string s) { return Element(std::move(s)); });
      case NESTED_CODE:
        return nested(depth);
      case FLOAT_CODE:
        return big_endian<std::uint32_t>(4).map(
            [](std::uint32_t bits) { return Element(std::bit_cast<float>(unsortable(bits))); });
      case DOUBLE_CODE:
        return big_endian<std::uint64_t>(8).map(
            [](std::uint64_t bits) { return Element(std::bit_cast<double>(unsortable(bits))); });
      case FALSE_CODE:
        return Element(false);
      case TRUE_CODE:
        return Element(true);
      case BIG_NEGATIVE_CODE:
        return big_integer(true);
      case BIG_POSITIVE_CODE:
        return big_integer(false);
      case LONG_DOUBLE_CODE:
        return long_double();
      case UUID_CODE:
        return fixed(Uuid{});
      case IDENTIFIER_CODE:
        return big_endian<std::uint64_t>(8).map([](std::uint64_t id) { return Element(Identifier{id}); });
      case TRANSACTION_STAMP_CODE:
        return fixed(TransactionStamp{});
      case VERSIONSTAMP_CODE:
        return take(12).map([](std::string_view bytes) {
          Versionstamp stamp;
          std::memcpy(stamp.transaction.data(), bytes.data(), stamp.transaction.size());
          stamp.user = static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[10]) << 8 |
                                                  static_cast<std::uint8_t>(bytes[11]));
          return Element(stamp);
        });
      default:
        return broken("an unknown type code");
    }
  }

  const std::string_view all_;
  std::string_view rest_;
};

void append_text(std::string& out, const Tuple& tuple);

void append_quoted(std::string& out, std::string_view value, bool ascii_only) {
  out += '"';
  for (const char c : value) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f || (ascii_only && byte > 0x7f)) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

template <class T>
void append_hex(std::string& out, const T& bytes) {
  for (const std::uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
}

struct TextVisitor {
  std::string& out;
  void operator()(const Null&) const { out += "null"; }
  void operator()(const ByteString& v) const {
    out += 'b';
    append_quoted(out, v.bytes, true);
  }
  void operator()(const std::string& v) const { append_quoted(out, v, false); }
  void operator()(const Tuple& v) const { append_text(out, v); }
  void operator()(const Integer& v) const { out += fmt::format("{}{}", v.negative ? "-" : "", v.magnitude); }
  void operator()(const BigInteger& v) const {
    out += v.negative ? "-0x" : "0x";
    append_hex(out, bytes_of(v.magnitude));
  }
  void operator()(float v) const { out += fmt::format("{}f", v); }
  void operator()(double v) const { out += fmt::format("{}", v); }
  void operator()(const LongDouble& v) const {
    out += "long double:";
    append_hex(out, v.bytes);
  }
  void operator()(bool v) const { out += v ? "true" : "false"; }
  void operator()(const Uuid& v) const {
    out += "uuid:";
    append_hex(out, v.bytes);
  }
  void operator()(const Identifier& v) const { out += fmt::format("id:{}", v.value); }
  void operator()(const TransactionStamp& v) const {
    out += "stamp:";
    append_hex(out, v.bytes);
  }
  void operator()(const Versionstamp& v) const {
    out += "stamp:";
    append_hex(out, v.transaction);
    out += fmt::format(":{}", v.user);
  }
  void operator()(const UserType& v) const {
    out += fmt::format("user {:02x}:", v.code);
    append_hex(out, bytes_of(v.bytes));
  }
};

void append_text(std::string& out, const Tuple& tuple) {
  out += '(';
  for (std::size_t i = 0; i < tuple.size(); ++i) {
    if (i > 0) out += ", ";
    std::visit(TextVisitor{out}, tuple[i]);
  }
  out += ')';
}

}  // namespace

TuplePacker& TuplePacker::null() {
  return put(key_, NULL_CODE), *this;
}

TuplePacker& TuplePacker::bytes(std::string_view value) {
  put(key_, BYTES_CODE);
  put_escaped(key_, value);
  return *this;
}

TuplePacker& TuplePacker::text(std::string_view value) {
  put(key_, TEXT_CODE);
  put_escaped(key_, value);
  return *this;
}

TuplePacker& TuplePacker::integer(Integer value) {
  const int count = (std::bit_width(value.magnitude) + 7) / 8;
  put(key_, static_cast<std::uint8_t>(value.negative ? INT_ZERO_CODE - count : INT_ZERO_CODE + count));
  put_big_endian(key_, value.negative ? ~value.magnitude : value.magnitude, count);
  return *this;
}

TuplePacker& TuplePacker::integer(const BigInteger& value) {
  const std::size_t count = value.magnitude.size();
  EF_ASSERT(count > SHORT_INT_BYTES && count <= BIG_INT_BYTES_MAX && value.magnitude[0] != '\0');
  put(key_, value.negative ? BIG_NEGATIVE_CODE : BIG_POSITIVE_CODE);
  put(key_, static_cast<std::uint8_t>(value.negative ? count ^ 0xffU : count));
  std::string bytes = value.magnitude;
  if (value.negative) flip(bytes);
  key_ += bytes;
  return *this;
}

TuplePacker& TuplePacker::single(float value) {
  put(key_, FLOAT_CODE);
  put_big_endian(key_, sortable(std::bit_cast<std::uint32_t>(value)), 4);
  return *this;
}

TuplePacker& TuplePacker::real(double value) {
  put(key_, DOUBLE_CODE);
  put_big_endian(key_, sortable(std::bit_cast<std::uint64_t>(value)), 8);
  return *this;
}

TuplePacker& TuplePacker::boolean(bool value) {
  return put(key_, value ? TRUE_CODE : FALSE_CODE), *this;
}

TuplePacker& TuplePacker::uuid(const Uuid& value) {
  put(key_, UUID_CODE);
  put_raw(key_, value.bytes);
  return *this;
}

TuplePacker& TuplePacker::versionstamp(const Versionstamp& value) {
  put(key_, VERSIONSTAMP_CODE);
  if (!value.is_complete()) {
    ++incomplete_;
    stamp_at_ = key_.size();
  }
  put_raw(key_, value.transaction);
  put_big_endian(key_, value.user, 2);
  return *this;
}

TuplePacker& TuplePacker::user_type(const UserType& value) {
  EF_ASSERT(value.code >= USER_FIRST && value.code <= USER_LAST);
  put(key_, value.code);
  key_ += value.bytes;
  return *this;
}

Result<KeyBytes> TuplePacker::versionstamped_key() && {
  if (incomplete_ != 1)
    return fail("a key to be stamped has one incomplete versionstamp, this has {}", incomplete_);
  for (std::size_t i = 0; i < 4; ++i) put(key_, static_cast<std::uint8_t>(stamp_at_ >> (8 * i)));
  return std::move(key_);
}

TuplePacker& TuplePacker::nested(const Tuple& value) {
  put(key_, NESTED_CODE);
  for (const Element& inner : value) element_in(inner, true);
  key_ += '\0';
  return *this;
}

TuplePacker& TuplePacker::element(const Element& value) {
  element_in(value, false);
  return *this;
}

void TuplePacker::element_in(const Element& value, bool inside) {
  struct Visitor {
    TuplePacker& packer;
    bool inside;
    void operator()(const Null&) const {
      packer.null();
      if (inside) packer.key_ += ESCAPE;  // a bare zero would end the nested tuple
    }
    void operator()(const ByteString& v) const { packer.bytes(v.bytes); }
    void operator()(const std::string& v) const { packer.text(v); }
    void operator()(const Tuple& v) const { packer.nested(v); }
    void operator()(const Integer& v) const { packer.integer(v); }
    void operator()(const BigInteger& v) const { packer.integer(v); }
    void operator()(float v) const { packer.single(v); }
    void operator()(double v) const { packer.real(v); }
    void operator()(const LongDouble& v) const {
      put(packer.key_, LONG_DOUBLE_CODE);
      const bool negative = (v.bytes[0] & SIGN_BIT) != 0;
      put(packer.key_, static_cast<std::uint8_t>(negative ? ~v.bytes[0] : v.bytes[0] | SIGN_BIT));
      for (std::size_t i = 1; i < v.bytes.size(); ++i) {
        put(packer.key_, static_cast<std::uint8_t>(negative ? ~v.bytes[i] : v.bytes[i]));
      }
    }
    void operator()(bool v) const { packer.boolean(v); }
    void operator()(const Uuid& v) const { packer.uuid(v); }
    void operator()(const Identifier& v) const {
      put(packer.key_, IDENTIFIER_CODE);
      put_big_endian(packer.key_, v.value, 8);
    }
    void operator()(const TransactionStamp& v) const {
      put(packer.key_, TRANSACTION_STAMP_CODE);
      put_raw(packer.key_, v.bytes);
    }
    void operator()(const UserType& v) const {
      EF_ASSERT(!inside);
      packer.user_type(v);
    }
    void operator()(const Versionstamp& v) const { packer.versionstamp(v); }
  };
  std::visit(Visitor{*this, inside}, value);
}

Versionstamp Versionstamp::incomplete(std::uint16_t user) {
  Versionstamp stamp;
  stamp.transaction.fill(0xff);
  stamp.user = user;
  return stamp;
}
bool Versionstamp::is_complete() const {
  return transaction != incomplete().transaction;
}

Result<KeyBytes> pack_versionstamped(const Tuple& tuple, KeyBytes prefix) {
  TuplePacker packer(std::move(prefix));
  for (const Element& element : tuple) packer.element(element);
  return std::move(packer).versionstamped_key();
}

Result<std::string_view> skip_elements(std::string_view packed, std::size_t count) {
  return Unpacker(packed).behind(count);
}

std::string pack(const Tuple& tuple) {
  TuplePacker packer;
  for (const Element& element : tuple) packer.element(element);
  return std::move(packer).key();
}

Result<Tuple> unpack(std::string_view key) {
  return Unpacker(key).tuple();
}

KeyRange range_of(std::string_view packed_prefix) {
  KeyRange range{std::string(packed_prefix), std::string(packed_prefix)};
  range.begin.push_back('\0');
  range.end.push_back('\xff');
  return range;
}

std::string to_text(const Tuple& tuple) {
  std::string out;
  append_text(out, tuple);
  return out;
}

std::string key_text(std::string_view key) {
  if (const auto tuple = unpack(key)) return to_text(*tuple);
  return fmt::format("{:02x}", fmt::join(bytes_of(key), ""));
}

}  // namespace everframe::store
