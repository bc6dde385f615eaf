// spec/vectors/store/tuple.jsonl: tuples and their bytes, computed from FoundationDB's specification alone
// (their format: spec/vectors/README.md). What would break these: one byte that differs from what
// FoundationDB's own bindings write or read.
#include <gtest/gtest.h>

#include <bit>
#include <boost/json.hpp>
#include <charconv>
#include <fstream>

#include "base/bytes.h"
#include "store/tuple.h"

namespace everframe::store {
namespace {

namespace json = boost::json;

std::string text_of(const json::value& value) {
  return std::string(std::string_view(value.as_string()));
}
std::string unhex(const std::string& digits) {
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  }
  return out;
}
std::string hex(std::string_view bytes) {
  return fmt::format("{:02x}", fmt::join(bytes_of(bytes), ""));
}
template <class T>
T filled(const std::string& digits) {
  T out;
  const std::string bytes = unhex(digits);
  EXPECT_EQ(bytes.size(), out.bytes.size());
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return out;
}

// Decimal, or 0x and the big-endian bytes of one that does not fit in 64 bits.
Element integer(std::string digits) {
  const bool negative = digits.starts_with('-');
  if (negative) digits.erase(0, 1);
  if (digits.starts_with("0x")) {
    digits.erase(0, 2);
    if (digits.size() % 2 == 1) digits.insert(0, "0");
    return BigInteger{negative, unhex(digits)};
  }
  Integer out;
  std::from_chars(digits.data(), digits.data() + digits.size(), out.magnitude);
  out.negative = negative;
  return out;
}

Tuple tuple_of(const json::array& list);

Element element_of(const json::value& value) {
  if (value.is_null()) return Null{};
  if (value.is_bool()) return value.as_bool();
  const json::object& object = value.as_object();
  const auto text = [&](const char* key) { return text_of(object.at(key)); };
  if (object.contains("code")) {
    return UserType{static_cast<std::uint8_t>(object.at("code").as_int64()), unhex(text("bytes"))};
  }
  if (object.contains("bytes")) return ByteString{unhex(text("bytes"))};
  if (object.contains("text")) return text("text");
  if (object.contains("int")) return integer(text("int"));
  if (object.contains("float")) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(std::stoul(text("float"), nullptr, 16)));
  }
  if (object.contains("double")) {
    return std::bit_cast<double>(std::uint64_t{std::stoull(text("double"), nullptr, 16)});
  }
  if (object.contains("long_double")) return filled<LongDouble>(text("long_double"));
  if (object.contains("uuid")) return filled<Uuid>(text("uuid"));
  if (object.contains("id")) return Identifier{std::stoull(text("id"))};
  if (object.contains("stamp80")) return filled<TransactionStamp>(text("stamp80"));
  if (object.contains("stamp")) {
    return Versionstamp{filled<TransactionStamp>(text("stamp")).bytes,
                        static_cast<std::uint16_t>(object.at("user_order").as_int64())};
  }
  return tuple_of(object.at("nested").as_array());
}

Tuple tuple_of(const json::array& list) {
  Tuple out;
  for (const json::value& value : list) out.push_back(element_of(value));
  return out;
}

std::vector<json::object> lines() {
  std::ifstream in("spec/vectors/store/tuple.jsonl");
  std::vector<json::object> out;
  for (std::string line; std::getline(in, line);) out.push_back(json::parse(line).as_object());
  EXPECT_GT(out.size(), 50U) << "the tests run in the repository's folder";
  return out;
}

TEST(TupleVectors, AreWrittenAndReadBitForBit) {
  for (const json::object& line : lines()) {
    if (line.contains("refused")) continue;
    SCOPED_TRACE(text_of(line.at("name")));
    const Tuple tuple = tuple_of(line.at("tuple").as_array());
    const std::string bytes = text_of(line.at("bytes"));
    EXPECT_EQ(hex(pack(tuple)), bytes);
    const auto back = unpack(unhex(bytes));
    ASSERT_TRUE(back.has_value()) << back.error().text;
    EXPECT_EQ(hex(pack(*back)), bytes);
    EXPECT_EQ(to_text(*back), to_text(tuple));
  }
}

TEST(TupleVectors, TellWhereAVersionstampIsToBePut) {
  int seen = 0;
  for (const json::object& line : lines()) {
    if (line.contains("refused")) continue;
    SCOPED_TRACE(text_of(line.at("name")));
    const auto key = pack_versionstamped(tuple_of(line.at("tuple").as_array()));
    ASSERT_EQ(key.has_value(), line.contains("stamp_at"));
    if (!key) continue;
    ++seen;
    const std::string_view bytes = *key;
    const auto at = static_cast<std::uint8_t>(bytes[bytes.size() - 4]);
    EXPECT_EQ(at, line.at("stamp_at").as_int64());
    EXPECT_EQ(bytes.substr(at, 10), std::string(10, '\xff'));
  }
  EXPECT_GT(seen, 1);
}

TEST(TupleVectors, ThatAreNoTuplesAreRefused) {
  for (const json::object& line : lines()) {
    if (!line.contains("refused")) continue;
    EXPECT_FALSE(unpack(unhex(text_of(line.at("bytes")))).has_value()) << text_of(line.at("refused"));
  }
}

}  // namespace
}  // namespace everframe::store
