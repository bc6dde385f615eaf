// A record's bytes: fields, values, chunks, positions as codes. What would break these: a byte of the
// persistent format, damage that is taken for a record, a field of a newer program that gets lost.
#include "store/records/body.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "base/random.h"
#include "store/records/morton.h"
#include "store/records/row_format.h"

namespace everframe::store::records {
namespace {

using namespace std::string_literals;

enum class Colour : std::uint8_t { RED = 1, BLUE = 2 };

struct All {
  std::uint32_t key = 0;
  bool flag = false;
  std::uint16_t small = 0;
  std::int64_t wide = 0;
  Colour colour = Colour::RED;
  float single = 0;
  double real = 0;
  std::string text;
  Bytes bytes;
  Uuid uuid;
  Versionstamp stamp;
  Vec3 place;
  std::vector<std::vector<std::string>> lists;
  std::optional<std::int32_t> maybe;
  bool operator==(const All&) const = default;
};
inline constexpr auto ALL = schema<All>(
    "all", 3, field<1>(&All::key), field<2>(&All::flag), field<3>(&All::small), field<4>(&All::wide),
    field<5>(&All::colour), field<6>(&All::single), field<7>(&All::real), field<8>(&All::text),
    field<9>(&All::bytes), field<10>(&All::uuid), field<11>(&All::stamp), field<12>(&All::place),
    field<13>(&All::lists), field<14>(&All::maybe), primary_key(&All::key));

struct Fewer {
  std::uint32_t key = 0;
  bool flag = false;
  double real = 0;
  std::int32_t added = 7;
};
inline constexpr auto FEWER =
    schema<Fewer>("all", 2, field<1>(&Fewer::key), field<2>(&Fewer::flag), field<7>(&Fewer::real),
                  field<20>(&Fewer::added), primary_key(&Fewer::key));

std::string hex(std::string_view bytes) {
  return fmt::format("{:02x}", fmt::join(bytes_of(bytes), ""));
}

All sample() {
  All all;
  all.key = 300;
  all.flag = true;
  all.small = 65'535;
  all.wide = -2;
  all.colour = Colour::BLUE;
  all.single = 1.5F;
  all.real = -0.25;
  all.text = "a\0b"s;
  all.bytes = {0, 255};
  all.uuid.bytes[15] = 9;
  all.stamp = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0x0b0c};
  all.place = {1, -2, 3};
  all.lists = {{"x"}, {}};
  all.maybe = -1;
  return all;
}

TEST(Body, HasTheBytesOfTheSpecification) {
  EXPECT_EQ(hex(write_key<ALL>(sample())), "16012c");
  EXPECT_EQ(hex(write_body<ALL>(sample())),
            "03"  // version
            "1001"
            "18ffff03"
            "2103"
            "2802"  // flag, small, wide, colour
            "330000c03f"
            "3c000000000000d0bf"  // single, real
            "4203610062"
            "4a0200ff"                              // text, bytes
            "521000000000000000000000000000000009"  // uuid
            "5a0c0102030405060708090a0c0b"          // stamp
            "6206"
            "0902"
            "1103"
            "1906"  // place: a group of three
            "6a07"
            "02"
            "03020178"
            "0102"    // lists: of lists of text
            "7101");  // maybe
  All empty;
  const std::string body = write_body<ALL>(empty);
  EXPECT_EQ(body.find('\x71'), std::string::npos) << "an optional that holds nothing is not written";
}

TEST(Body, ComesBackAsItWasWritten) {
  const auto back = read_record<ALL>(write_key<ALL>(sample()), write_body<ALL>(sample()));
  ASSERT_TRUE(back.has_value()) << back.error().text;
  EXPECT_TRUE(*back == sample());
  All edges;
  edges.wide = std::numeric_limits<std::int64_t>::min();
  edges.key = std::numeric_limits<std::uint32_t>::max();
  edges.single = -std::numeric_limits<float>::infinity();
  const auto edges_back = read_record<ALL>(write_key<ALL>(edges), write_body<ALL>(edges));
  ASSERT_TRUE(edges_back.has_value());
  EXPECT_TRUE(*edges_back == edges);
}

TEST(Body, FieldsOfOtherVersionsAreSkippedAndKept) {
  const std::string newer = write_body<ALL>(sample());
  auto old_view = read_record<FEWER>(write_key<ALL>(sample()), newer);
  ASSERT_TRUE(old_view.has_value()) << old_view.error().text;
  EXPECT_TRUE(old_view->flag);
  EXPECT_EQ(old_view->real, -0.25);
  EXPECT_EQ(old_view->added, 7) << "not there: as in a new one";

  old_view->real = 2;
  const auto kept = unknown_fields(newer, {1, 2, 7, 20});
  ASSERT_TRUE(kept.has_value());
  const auto again = read_record<ALL>(write_key<ALL>(sample()), write_body<FEWER>(*old_view) + *kept);
  ASSERT_TRUE(again.has_value()) << again.error().text;
  All expected = sample();
  expected.real = 2;
  EXPECT_TRUE(*again == expected);
}

RC_GTEST_PROP(Body, OfHostileBytesIsRefusedOrReadWithoutHarm, (std::uint64_t seed)) {
  Prng prng(seed);
  const std::string key = write_key<ALL>(sample());
  const std::string good = write_body<ALL>(sample());
  for (int i = 0; i < 300; ++i) {
    std::string bytes = good;
    for (std::uint64_t hits = 1 + prng.below(3); hits > 0; --hits) {
      bytes[prng.below(bytes.size())] = static_cast<char>(prng.next());
    }
    bytes.resize(prng.below(bytes.size() + 1));
    if (const auto read = read_record<ALL>(key, bytes)) {
      RC_ASSERT(read_record<ALL>(key, write_body<ALL>(*read)).has_value());
    }
    (void)unknown_fields(bytes, {1});
    (void)unseal(bytes, {});
  }
  RC_ASSERT(!read_record<ALL>("\x02"
                              "x"s,
                              good)
                 .has_value());
  RC_ASSERT(!read_record<ALL>("", good).has_value());
}

TEST(RowFormat, SplitsLargeBodiesAndPutsThemTogetherAgain) {
  RowStyle style;
  style.checked = true;
  for (const std::size_t size : {0U, 1U, 89'990U, 90'001U, 250'000U}) {
    std::string body(size, 'x');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 7);
    style.chunked = size > 80'000;
    const auto row = seal(style, body);
    ASSERT_TRUE(row.has_value()) << row.error().text;
    EXPECT_EQ(row->chunks.size(), size <= CHUNK_BYTES ? 0U : (size + CHUNK_BYTES - 1) / CHUNK_BYTES);
    EXPECT_EQ(chunk_count_of(row->head).value(), row->chunks.size());
    EXPECT_EQ(unseal(row->head, row->chunks).value(), body);
  }
  style.chunked = false;
  EXPECT_FALSE(seal(style, std::string(90'001, 'x')).has_value()) << "the schema did not say chunked()";
  style.chunked = true;
  EXPECT_FALSE(seal(style, std::string(RECORD_BYTES_MAX + 1, 'x')).has_value());
}

TEST(RowFormat, CompressesWhatGetsShorter) {
  RowStyle style;
  style.compress_above = 100;
  const auto shorter = seal(style, std::string(50'000, 'x'));
  ASSERT_TRUE(shorter.has_value());
  EXPECT_LT(shorter->head.size(), 1'000U);
  EXPECT_EQ(unseal(shorter->head, {}).value(), std::string(50'000, 'x'));
  const auto small = seal(style, "abc");
  EXPECT_EQ(hex(small->head), "01616263");
}

TEST(RowFormat, NoticesEveryFlippedBitOfACheckedRow) {
  RowStyle style;
  style.checked = true;
  const std::string body = "some body";
  const auto row = seal(style, body);
  for (std::size_t bit = 0; bit < 8 * row->head.size(); ++bit) {
    std::string bad = row->head;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    if (bit == 6) continue;  // the bit that says that it is checked
    EXPECT_FALSE(unseal(bad, {}).has_value()) << bit;
  }
}

RC_GTEST_PROP(Morton, RangesOfABoxHoldAllOfItsCells, (std::uint64_t seed)) {
  Prng prng(seed);
  const auto cell_mm = static_cast<std::int32_t>(1 + prng.below(50'000));
  const auto coordinate = [&] { return static_cast<std::int32_t>(prng.between(-2'000'000, 2'000'000)); };
  Box box{coordinate(), coordinate(), 0, 0};
  box.x_high = box.x_low + static_cast<std::int32_t>(prng.below(500'000));
  box.z_high = box.z_low + static_cast<std::int32_t>(prng.below(500'000));
  const auto ranges = ranges_of(box, cell_mm, 16);
  RC_ASSERT(!ranges.empty());
  RC_ASSERT(ranges.size() <= 16U);
  for (std::size_t i = 1; i < ranges.size(); ++i) RC_ASSERT(ranges[i - 1].last < ranges[i].first);
  for (int i = 0; i < 100; ++i) {
    const Vec3 inside{static_cast<std::int32_t>(prng.between(box.x_low, box.x_high)), 0,
                      static_cast<std::int32_t>(prng.between(box.z_low, box.z_high))};
    const std::uint64_t code = morton_of(inside, cell_mm);
    RC_ASSERT(std::any_of(ranges.begin(), ranges.end(),
                          [&](const CodeRange& r) { return code >= r.first && code <= r.last; }));
  }
}

TEST(Morton, ABoxOfOneCellIsOneCodeAndExtremesHold) {
  const auto one = ranges_of({0, 0, 999, 999}, 1'000, 16);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].first, one[0].last);
  EXPECT_EQ(one[0].first, morton_of({500, 7, 500}, 1'000));
  EXPECT_NE(one[0].first, morton_of({-1, 0, 500}, 1'000));
  constexpr std::int32_t LOW = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t HIGH = std::numeric_limits<std::int32_t>::max();
  const auto all = ranges_of({LOW, LOW, HIGH, HIGH}, 1, 16);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].last, ~std::uint64_t{0});
  EXPECT_TRUE(ranges_of({1, 1, 0, 0}, 1, 16).empty());
}

}  // namespace
}  // namespace everframe::store::records
