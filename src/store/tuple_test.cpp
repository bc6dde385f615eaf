// What would break these: one byte that differs from FoundationDB's encoding (other bindings could not read
// our keys), an order of keys that is not the order of tuples, bytes accepted that no packer writes.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "store/tuple.h"

using namespace everframe;
using namespace everframe::store;
using namespace std::string_literals;

namespace {

std::string hex(const std::string& bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<std::uint8_t>(c));
  return out;
}

// Of 8 to 11 bytes, so that neighbours in length meet.
Element random_big_integer(Prng& prng) {
  BigInteger value{prng.below(2) == 0, std::string(9 + prng.below(3), '\0')};
  for (char& c : value.magnitude) c = static_cast<char>(prng.below(3) == 0 ? 0xff : prng.below(2));
  value.magnitude[0] = static_cast<char>(1 + prng.below(2) * 0xfe);
  return value;
}

template <std::size_t N>
std::array<std::uint8_t, N> random_bytes(Prng& prng) {
  std::array<std::uint8_t, N> out;
  for (auto& byte : out) byte = static_cast<std::uint8_t>(prng.below(2) == 0 ? 0xff : prng.next());
  return out;
}

Element random_element(Prng& prng, int depth) {
  const auto text = [&] {
    std::string out(prng.below(5), ' ');
    for (char& c : out)
      c = "\0\x01"
          "a\xff"[prng.below(4)];
    return out;
  };
  switch (prng.below(depth > 2 ? 12 : 13)) {
    case 0:
      return Null{};
    case 1:
      return ByteString{text()};
    case 2:
      return text();
    case 3: {
      Integer value(prng.next() >> prng.below(64));
      value.negative = value.magnitude != 0 && prng.below(2) == 0;
      return value;
    }
    case 4:
      return static_cast<float>(prng.between(-1'000, 1'000)) / 8;
    case 5:
      return std::ldexp(static_cast<double>(prng.between(-1'000, 1'000)),
                        static_cast<int>(prng.below(200)) - 100);
    case 6:
      return prng.below(2) == 0;
    case 7:
      return Versionstamp{random_bytes<10>(prng), static_cast<std::uint16_t>(prng.next())};
    case 8:
      return random_big_integer(prng);
    case 9:
      return Uuid{random_bytes<16>(prng)};
    case 10:
      return TransactionStamp{random_bytes<10>(prng)};
    case 11:
      return Identifier{prng.next() >> prng.below(64)};
    default: {
      Tuple inner;
      for (std::uint64_t i = prng.below(4); i > 0; --i) inner.push_back(random_element(prng, depth + 1));
      return inner;
    }
  }
}

Tuple random_tuple(Prng& prng) {
  Tuple out;
  for (std::uint64_t i = prng.below(4); i > 0; --i) out.push_back(random_element(prng, 0));
  if (prng.below(16) == 0) out.push_back(UserType{static_cast<std::uint8_t>(0x40 + prng.below(16)), "x"});
  return out;
}

// The order that tuples have by meaning, written without looking at bytes.
int compare(const Tuple& a, const Tuple& b);

int sign(bool less, bool greater) {
  return less ? -1 : greater ? 1 : 0;
}

// Of numbers: sign, then magnitude as the big-endian bytes that a person would write.
int compare_numbers(const Element& a, const Element& b) {
  const auto magnitude = [](const Element& e) {
    if (const auto* big = std::get_if<BigInteger>(&e)) return std::pair(big->negative, big->magnitude);
    const auto& small = std::get<Integer>(e);
    std::string bytes;
    for (std::uint64_t rest = small.magnitude; rest != 0; rest >>= 8) {
      bytes.insert(bytes.begin(), static_cast<char>(rest));
    }
    return std::pair(small.negative, bytes);
  };
  const auto [a_negative, x] = magnitude(a);
  const auto [b_negative, y] = magnitude(b);
  if (a_negative != b_negative) return a_negative ? -1 : 1;
  const int by_size = x.size() != y.size() ? sign(x.size() < y.size(), x.size() > y.size()) : x.compare(y);
  return a_negative ? -by_size : by_size;
}

bool is_number(const Element& e) {
  return std::holds_alternative<Integer>(e) || std::holds_alternative<BigInteger>(e);
}

int compare(const Element& a, const Element& b) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b);
  if (a.index() != b.index()) return sign(a.index() < b.index(), true);
  if (const auto* tuple = std::get_if<Tuple>(&a)) return compare(*tuple, std::get<Tuple>(b));
  if (const auto* x = std::get_if<Uuid>(&a)) return sign(*x<std::get<Uuid>(b), *x> std::get<Uuid>(b));
  if (const auto* x = std::get_if<Identifier>(&a)) {
    return sign(*x<std::get<Identifier>(b), *x> std::get<Identifier>(b));
  }
  if (const auto* x = std::get_if<TransactionStamp>(&a)) {
    return sign(*x<std::get<TransactionStamp>(b), *x> std::get<TransactionStamp>(b));
  }
  if (const auto* x = std::get_if<UserType>(&a)) return int{x->code} - int{std::get<UserType>(b).code};
  if (const auto* x = std::get_if<ByteString>(&a)) return x->bytes.compare(std::get<ByteString>(b).bytes);
  if (const auto* x = std::get_if<std::string>(&a)) return x->compare(std::get<std::string>(b));
  if (const auto* x = std::get_if<float>(&a)) return sign(*x<std::get<float>(b), *x> std::get<float>(b));
  if (const auto* x = std::get_if<double>(&a)) return sign(*x<std::get<double>(b), *x> std::get<double>(b));
  if (const auto* x = std::get_if<bool>(&a)) return int{*x} - int{std::get<bool>(b)};
  if (const auto* x = std::get_if<Versionstamp>(&a)) {
    const auto& y = std::get<Versionstamp>(b);
    return sign(*x<y, *x> y);
  }
  return 0;
}

int compare(const Tuple& a, const Tuple& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (const int c = compare(a[i], b[i]); c != 0) return c;
  }
  return sign(a.size() < b.size(), a.size() > b.size());
}

}  // namespace

TEST(Tuple, HasFoundationDbsBytes) {
  // The examples of foundationdb design/tuple.md, and the edges of the integers.
  EXPECT_EQ(hex(pack({Null{}})), "00");
  EXPECT_EQ(hex(pack({ByteString{"foo\0bar"s}})), "01666f6f00ff62617200");
  EXPECT_EQ(hex(pack({"F\xc3\x94O\0bar"s})), "0246c3944f00ff62617200");
  EXPECT_EQ(hex(pack({Element(Tuple{ByteString{"foo\0bar"s}, Null{}, Tuple{}}), true})),
            "0501666f6f00ff6261720000ff05000027");
  EXPECT_EQ(hex(pack({Integer(-5551212)})), "11ab4b93");
  EXPECT_EQ(hex(pack({-42.0F})), "203dd7ffff");
  EXPECT_EQ(hex(pack({Integer(0)})), "14");
  EXPECT_EQ(hex(pack({Integer(1), Integer(255), Integer(256)})), "150115ff160100");
  EXPECT_EQ(hex(pack({Integer(-1), Integer(-255), Integer(-256)})), "13fe130012feff");
  EXPECT_EQ(hex(pack({Integer(std::numeric_limits<std::int64_t>::min())})), "0c7fffffffffffffff");
  EXPECT_EQ(hex(pack({Integer(std::numeric_limits<std::uint64_t>::max())})), "1cffffffffffffffff");
  EXPECT_EQ(hex(pack({3.5, false, true})), "21c00c0000000000002627");
  EXPECT_EQ(hex(pack({Versionstamp{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0x0b0c}})), "330102030405060708090a0b0c");
}

RC_GTEST_PROP(Tuple, RoundTripsAndSortsAsItsBytesDo, (std::uint64_t seed)) {
  Prng prng(seed);
  for (int i = 0; i < 500; ++i) {
    const Tuple a = random_tuple(prng);
    const Tuple b = random_tuple(prng);
    const std::string packed_a = pack(a);
    const std::string packed_b = pack(b);
    const auto back = unpack(packed_a);
    RC_ASSERT(back.has_value());
    RC_ASSERT(compare(*back, a) == 0);
    RC_ASSERT(pack(*back) == packed_a);
    const int by_bytes = packed_a.compare(packed_b);
    const int by_meaning = compare(a, b);
    if (sign(by_bytes<0, by_bytes> 0) != sign(by_meaning<0, by_meaning> 0)) {
      RC_FAIL(to_text(a) + " " + to_text(b));
    }
    for (std::size_t n = 0; n <= a.size(); ++n) {
      const auto rest = skip_elements(packed_a, n);
      RC_ASSERT(rest.has_value());
      RC_ASSERT(*rest == pack(Tuple(a.begin() + static_cast<std::ptrdiff_t>(n), a.end())));
    }
  }
}

// Bytes that were a tuple once, so that damage reaches every branch.
RC_GTEST_PROP(Tuple, IsReadFromHostileBytesWithoutHarmAndInOneFormOnly, (std::uint64_t seed)) {
  Prng prng(seed);
  for (int i = 0; i < 500; ++i) {
    std::string bytes = pack(random_tuple(prng));
    for (std::uint64_t hits = prng.below(4); hits > 0 && !bytes.empty(); --hits) {
      bytes[prng.below(bytes.size())] =
          static_cast<char>(prng.below(2) == 0 ? prng.next() : prng.below(0x50));
    }
    bytes.resize(prng.below(bytes.size() + 1));
    const auto tuple = unpack(bytes);
    if (!tuple || pack(*tuple) == bytes) continue;
    // The one exception: Python's long form of 2^64 - 1.
    RC_ASSERT(bytes.find("\x1d\x08") != std::string::npos || bytes.find("\x0b\xf7") != std::string::npos);
  }
}

TEST(Tuple, ReadsPythonsLongFormOfTheLargestShortInteger) {
  const auto read = unpack("\x1d\x08\xff\xff\xff\xff\xff\xff\xff\xff\x0b\xf7\0\0\0\0\0\0\0\0"s);
  ASSERT_TRUE(read.has_value()) << read.error().text;
  EXPECT_EQ(to_text(*read), "(18446744073709551615, -18446744073709551615)");
}

TEST(Tuple, AStampedKeyNeedsExactlyOneIncompleteVersionstamp) {
  const auto key = pack_versionstamped({"a"s, Versionstamp::incomplete(7)}, "prefix");
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(hex(*key), hex("prefix"s) + "026100" + "33" + "ffffffffffffffffffff" + "0007" + "0a000000");
  EXPECT_FALSE(pack_versionstamped({"a"s}).has_value());
  EXPECT_FALSE(pack_versionstamped({Versionstamp{}}).has_value());
  EXPECT_FALSE(
      pack_versionstamped({Versionstamp::incomplete(), Tuple{Versionstamp::incomplete()}}).has_value());
}

TEST(Tuple, ARangeHoldsExactlyTheLongerTuples) {
  const auto range = range_of(pack({"W"s, Integer(7)}));
  for (const Tuple& inside : {Tuple{"W"s, Integer(7), Null{}}, Tuple{"W"s, Integer(7), Versionstamp{}}}) {
    EXPECT_GE(pack(inside), range.begin);
    EXPECT_LT(pack(inside), range.end);
  }
  for (const Tuple& outside :
       {Tuple{"W"s, Integer(7)}, Tuple{"W"s, Integer(8)}, Tuple{"W"s, Integer(6), true}}) {
    const std::string key = pack(outside);
    EXPECT_TRUE(key < range.begin || key >= range.end) << to_text(outside);
  }
}

TEST(Tuple, ReadsWellForPeople) {
  EXPECT_EQ(to_text({"W"s, Integer(-3), ByteString{"a\0\xff"s}, Tuple{Null{}, true}, 0.5}),
            R"(("W", -3, b"a\x00\xff", (null, true), 0.5))");
}
