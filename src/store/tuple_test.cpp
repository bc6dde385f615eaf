// What would break these: one byte that differs from FoundationDB's encoding (other bindings could not read
// our keys), an order of keys that is not the order of tuples, bytes accepted that no packer writes.
#include <gtest/gtest.h>

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

Element random_element(Prng& prng, int depth) {
  const auto text = [&] {
    std::string out(prng.below(5), ' ');
    for (char& c : out)
      c = "\0\x01"
          "a\xff"[prng.below(4)];
    return out;
  };
  switch (prng.below(depth > 2 ? 8 : 9)) {
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
    case 7: {
      Versionstamp stamp;
      for (auto& byte : stamp.transaction) byte = static_cast<std::uint8_t>(prng.next());
      stamp.user = static_cast<std::uint16_t>(prng.next());
      return stamp;
    }
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
  return out;
}

// The order that tuples have by meaning, written without looking at bytes.
int compare(const Tuple& a, const Tuple& b);

int sign(bool less, bool greater) {
  return less ? -1 : greater ? 1 : 0;
}

int compare(const Element& a, const Element& b) {
  if (a.index() != b.index()) return sign(a.index() < b.index(), true);
  if (const auto* tuple = std::get_if<Tuple>(&a)) return compare(*tuple, std::get<Tuple>(b));
  if (const auto* x = std::get_if<Integer>(&a)) {
    const auto& y = std::get<Integer>(b);
    if (x->negative != y.negative) return x->negative ? -1 : 1;
    const int by_size = sign(x->magnitude<y.magnitude, x->magnitude> y.magnitude);
    return x->negative ? -by_size : by_size;
  }
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

TEST(Tuple, RoundTripsAndSortsAsItsBytesDo) {
  Prng prng(11);
  for (int i = 0; i < 50'000; ++i) {
    const Tuple a = random_tuple(prng);
    const Tuple b = random_tuple(prng);
    const std::string packed_a = pack(a);
    const std::string packed_b = pack(b);
    const auto back = unpack(packed_a);
    ASSERT_TRUE(back.has_value()) << back.error().text << " in " << to_text(a);
    ASSERT_EQ(compare(*back, a), 0) << to_text(a) << " became " << to_text(*back);
    const int by_bytes = packed_a.compare(packed_b);
    const int by_meaning = compare(a, b);
    ASSERT_EQ(sign(by_bytes<0, by_bytes> 0), sign(by_meaning<0, by_meaning> 0))
        << to_text(a) << " " << to_text(b);
  }
}

TEST(Tuple, RefusesWhatNoPackerWrites) {
  for (const auto& bad : {"\x02"
                          "abc"s,
                          "\x05\x14"s, "\x15"s, "\x16\x00\x01"s, "\x21\x00"s, "\x30"s, "\x99"s, "\x15\x00"s,
                          std::string(200, '\x05')}) {
    EXPECT_FALSE(unpack(bad).has_value()) << hex(bad);
  }
  Prng prng(12);
  for (int i = 0; i < 50'000; ++i) {
    std::string bytes(prng.below(20), ' ');
    for (char& c : bytes) c = static_cast<char>(prng.next());
    if (const auto tuple = unpack(bytes)) {
      EXPECT_EQ(hex(pack(*tuple)), hex(bytes)) << "accepted a second form";
    }
  }
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
