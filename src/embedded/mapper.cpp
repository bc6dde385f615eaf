#include "embedded/mapper.h"

#include <charconv>
#include <optional>

#include "embedded/errors.h"

namespace everframe::embedded {

namespace {

// Tuple codes (foundationdb design/tuple.md).
constexpr std::uint8_t NIL = 0x00;
constexpr std::uint8_t BYTES = 0x01;
constexpr std::uint8_t TEXT = 0x02;
constexpr std::uint8_t NESTED = 0x05;
constexpr std::uint8_t BIG_NEGATIVE = 0x0b;
constexpr std::uint8_t INTEGER_MIN = 0x0c;
constexpr std::uint8_t INTEGER_ZERO = 0x14;
constexpr std::uint8_t INTEGER_MAX = 0x1c;
constexpr std::uint8_t BIG_POSITIVE = 0x1d;
constexpr unsigned DEPTH_MAX = 64;  // of nested tuples: what recursion is allowed

std::uint8_t byte(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

// The place behind the string that starts at `at`: its end is a 00 that no FF follows.
std::optional<std::size_t> end_of_string(std::string_view tuple, std::size_t at) {
  for (; at < tuple.size(); ++at) {
    if (byte(tuple, at) != 0) continue;
    if (at + 1 < tuple.size() && byte(tuple, at + 1) == 0xff) {
      ++at;
    } else {
      return at + 1;
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> end_of_element(std::string_view tuple, std::size_t at, unsigned depth);

std::optional<std::size_t> end_of_nested(std::string_view tuple, std::size_t at, unsigned depth) {
  if (depth == DEPTH_MAX) return std::nullopt;
  while (at < tuple.size()) {
    if (byte(tuple, at) == NIL) {
      if (at + 1 >= tuple.size() || byte(tuple, at + 1) != 0xff) return at + 1;
      at += 2;  // a null within
      continue;
    }
    const auto next = end_of_element(tuple, at, depth + 1);
    if (!next) return std::nullopt;
    at = *next;
  }
  return std::nullopt;
}

std::optional<std::size_t> end_of_element(std::string_view tuple, std::size_t at, unsigned depth) {
  const std::uint8_t code = byte(tuple, at++);
  std::size_t length = 0;
  if (code == BYTES || code == TEXT) return end_of_string(tuple, at);
  if (code == NESTED) return end_of_nested(tuple, at, depth);
  if (code >= INTEGER_MIN && code <= INTEGER_MAX) {
    length = code < INTEGER_ZERO ? INTEGER_ZERO - code : code - INTEGER_ZERO;
  } else if (code == BIG_NEGATIVE || code == BIG_POSITIVE) {
    if (at >= tuple.size()) return std::nullopt;
    length = code == BIG_POSITIVE ? byte(tuple, at) : 0xffU - byte(tuple, at);
    ++at;
  } else {
    switch (code) {
      case NIL:
      case 0x26:  // false, true
      case 0x27:
        break;
      case 0x20:  // float
        length = 4;
        break;
      case 0x21:  // double
        length = 8;
        break;
      case 0x30:  // UUID
        length = 16;
        break;
      case 0x32:  // versionstamps
        length = 10;
        break;
      case 0x33:
        length = 12;
        break;
      default:
        return std::nullopt;
    }
  }
  if (length > tuple.size() - at) return std::nullopt;
  return at + length;
}

// The text of a string element, without its code, its end and its escapes.
std::string text_of(std::string_view element) {
  std::string text;
  for (std::size_t i = 1; i + 1 < element.size(); ++i) {
    text.push_back(element[i]);
    if (element[i] == '\0') ++i;
  }
  return text;
}

bool unescape(std::string& text, std::string_view twice) {
  bool found = false;
  for (std::size_t at = 0; (at = text.find(twice, at)) != std::string::npos; ++at) {
    text.erase(at, 1);
    found = true;
  }
  return found;
}

std::string encoded(std::string_view text) {
  std::string out(1, static_cast<char>(BYTES));
  for (const char c : text) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xff');
  }
  out.push_back('\0');
  return out;
}

tl::unexpected<Error> refuse(fdb_error_t code) {
  return fail_with(code, "{}", error::text(code));
}

}  // namespace

std::optional<std::vector<std::string_view>> split_tuple(std::string_view tuple) {
  std::vector<std::string_view> elements;
  for (std::size_t at = 0; at < tuple.size();) {
    const auto end = end_of_element(tuple, at, 0);
    if (!end) return std::nullopt;
    elements.push_back(tuple.substr(at, *end - at));
    at = *end;
  }
  return elements;
}

Result<Mapper> Mapper::parse(std::string_view tuple) {
  const auto elements = split_tuple(tuple);
  if (!elements) return refuse(error::MAPPER_NOT_TUPLE);
  Mapper mapper;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const std::string_view element = (*elements)[i];
    const std::uint8_t code = byte(element, 0);
    Part part{Part::Source::LITERAL, std::string(element), {}};
    if (code == BYTES || code == TEXT) {
      std::string text = text_of(element);
      const bool opened = unescape(text, "{{");
      const bool closed = unescape(text, "}}");
      if (opened || closed) {
        part.bytes = encoded(text);
      } else if (text == "{...}") {
        if (i + 1 != elements->size()) return refuse(error::MAPPER_BAD_RANGE_DESCRIPTOR);
        mapper.is_range_ = true;
        break;
      } else if (text.size() > 5 && (text.starts_with("{K[") || text.starts_with("{V[")) &&
                 text.ends_with("]}")) {
        part.source = text[1] == 'K' ? Part::Source::KEY : Part::Source::VALUE;
        part.index = text.substr(3, text.size() - 5);
      }
    }
    mapper.parts_.push_back(std::move(part));
  }
  return mapper;
}

Result<std::string> Mapper::key_for(std::string_view key, std::string_view value) const {
  std::optional<std::vector<std::string_view>> of_key;
  std::optional<std::vector<std::string_view>> of_value;
  std::string out;
  for (const Part& part : parts_) {
    if (part.source == Part::Source::LITERAL) {
      out += part.bytes;
      continue;
    }
    const bool from_key = part.source == Part::Source::KEY;
    auto& elements = from_key ? of_key : of_value;
    if (!elements) elements = split_tuple(from_key ? key : value);
    if (!elements) return refuse(from_key ? error::KEY_NOT_TUPLE : error::VALUE_NOT_TUPLE);
    std::size_t index = 0;
    const char* end = part.index.data() + part.index.size();
    const auto [stop, problem] = std::from_chars(part.index.data(), end, index);
    if (problem != std::errc() || stop != end || index >= elements->size()) {
      return refuse(error::MAPPER_BAD_INDEX);
    }
    out += (*elements)[index];
  }
  return out;
}

}  // namespace everframe::embedded
