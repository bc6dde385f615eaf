#include "world/content_reader.h"

#include <algorithm>
#include <cmath>

namespace everframe::world {

namespace {

// Levenshtein's distance, row by row.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

constexpr std::size_t KEY_MAX = 64;    // characters of a key
constexpr std::size_t TEXT_MAX = 256;  // bytes of a text

}  // namespace

bool Keys::add(const std::string& key) {
  if (!places_.emplace(key, in_order_.size()).second) return false;
  in_order_.push_back(key);
  return true;
}

std::optional<std::size_t> Keys::find(const std::string& key) const {
  const auto found = places_.find(key);
  if (found == places_.end()) return std::nullopt;
  return found->second;
}

std::string Keys::unknown(const std::string& key) const {
  const std::string shown = key.substr(0, KEY_MAX);
  const std::string* nearest = nullptr;
  std::size_t fewest = shown.size() / 2 + 2;  // beyond that it is no likeness
  for (const std::string& each : in_order_) {
    const std::size_t edits = edits_between(shown, each);
    if (edits >= fewest) continue;
    fewest = edits;
    nearest = &each;
  }
  if (nearest == nullptr) return fmt::format("no {} \"{}\"", what_, shown);
  return fmt::format("no {} \"{}\"; did you mean \"{}\"?", what_, shown, *nearest);
}

ContentReader::ContentReader(const std::string& file, const toml::table& table, std::string what,
                             Complaint& complaint)
    : file_(file), table_(&table), what_(std::move(what)), complaint_(&complaint) {}

void ContentReader::complain(const toml::node& where, const std::string& text) {
  if (*complaint_) return;
  *complaint_ = Error{fmt::format("{}:{}: {}", file_, where.source().begin.line, text)};
}

void ContentReader::complain(const std::string& text) {
  complain(*table_, fmt::format("{}: {}", what_, text));
}

void ContentReader::complain_at(std::string_view field, const std::string& text) {
  const toml::node* there = table_->get(field);
  complain(there != nullptr ? *there : *table_, fmt::format("{}: {}: {}", what_, field, text));
}

const toml::node* ContentReader::node(std::string_view field) {
  asked_.add(std::string(field));
  return ok() ? table_->get(field) : nullptr;
}

const toml::node* ContentReader::required(std::string_view field) {
  const toml::node* found = node(field);
  if (found == nullptr) complain(fmt::format("the field \"{}\" is missing", field));
  return found;
}

bool ContentReader::has(std::string_view field) {
  return node(field) != nullptr;
}

std::string ContentReader::text(std::string_view field) {
  const toml::node* found = required(field);
  if (found == nullptr) return {};
  const auto* value = found->as_string();
  if (value == nullptr) return complain_at(field, "must be a text in quotes"), std::string{};
  const std::string& text = value->get();
  if (text.empty() || text.size() > TEXT_MAX) {
    complain_at(field, fmt::format("must have 1 to {} bytes", TEXT_MAX));
  }
  return text;
}

std::string ContentReader::text_or(std::string_view field, std::string_view otherwise) {
  return has(field) ? text(field) : std::string(otherwise);
}

std::string ContentReader::key() {
  std::string key = text("key");
  const auto is_fine = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (key.size() > KEY_MAX || !std::all_of(key.begin(), key.end(), is_fine)) {
    complain_at("key", fmt::format("must be up to {} of a to z, 0 to 9 and _", KEY_MAX));
  }
  return key;
}

std::int64_t ContentReader::integer(const toml::node& node, std::string_view field, std::int64_t low,
                                    std::int64_t high) {
  const auto* value = node.as_integer();
  if (value == nullptr) {
    complain(node, fmt::format("{}: {}: must be a whole number from {} to {}", what_, field, low, high));
    return low;
  }
  const std::int64_t number = value->get();
  if (number < low || number > high) {
    complain(node, fmt::format("{}: {}: {} is out of range: {} to {}", what_, field, number, low, high));
    return low;
  }
  return number;
}

std::int64_t ContentReader::integer(std::string_view field, std::int64_t low, std::int64_t high) {
  const toml::node* found = required(field);
  return found == nullptr ? low : integer(*found, field, low, high);
}

std::int64_t ContentReader::integer_or(std::string_view field, std::int64_t low, std::int64_t high,
                                       std::int64_t otherwise) {
  const toml::node* found = node(field);
  return found == nullptr ? otherwise : integer(*found, field, low, high);
}

bool ContentReader::boolean_or(std::string_view field, bool otherwise) {
  const toml::node* found = node(field);
  if (found == nullptr) return otherwise;
  const auto* value = found->as_boolean();
  if (value == nullptr) return complain_at(field, "must be true or false"), otherwise;
  return value->get();
}

double ContentReader::density(std::string_view field) {
  const toml::node* found = node(field);
  if (found == nullptr) return 0;
  const std::optional<double> value = found->value<double>();
  if (!found->is_number() || !value || !(*value >= 0 && *value <= static_cast<double>(DENSITY_MAX))) {
    complain_at(field, fmt::format("must be a number a hectare from 0 to {}", DENSITY_MAX));
    return 0;
  }
  return std::round(*value * 1000) / 1000;
}

std::size_t ContentReader::choice(std::string_view field, const Keys& names) {
  const std::string name = text(field);
  if (!ok()) return 0;
  const auto index = names.find(name);
  if (!index) complain_at(field, names.unknown(name));
  return index.value_or(0);
}

const toml::table* ContentReader::inline_table(std::string_view field, const char* example) {
  const toml::node* found = node(field);
  if (found == nullptr) return nullptr;
  const toml::table* table = found->as_table();
  if (table == nullptr) complain_at(field, fmt::format("must be a table such as {}", example));
  return table;
}

std::optional<ItemType> ContentReader::item(const toml::node& where, const std::string& key,
                                            const Keys& items) {
  const auto index = items.find(key);
  if (!index) {
    complain(where, fmt::format("{}: {}", what_, items.unknown(key)));
    return std::nullopt;
  }
  return ItemType{static_cast<std::uint16_t>(*index)};
}

std::vector<ItemCount> ContentReader::counts(std::string_view field, const Keys& items) {
  std::vector<ItemCount> out;
  const toml::table* table = inline_table(field, "{ wood = 4 }");
  if (table == nullptr) return out;
  for (const auto& [key, value] : *table) {
    const std::string name(key.str());
    const auto type = item(value, name, items);
    if (!type) return {};
    out.push_back({*type, static_cast<std::uint64_t>(integer(value, name, 1, STACK_COUNT_MAX))});
  }
  return out;
}

std::vector<Yield> ContentReader::yields(std::string_view field, const Keys& items) {
  std::vector<Yield> out;
  const toml::table* table = inline_table(field, "{ wood = 4, resin = [0, 2] }");
  if (table == nullptr) return out;
  for (const auto& [key, value] : *table) {
    const std::string name(key.str());
    const auto type = item(value, name, items);
    if (!type) return {};
    const toml::array* range = value.as_array();
    if (range != nullptr && range->size() != 2) {
      complain(value, fmt::format("{}: {}: a range is [fewest, most]", what_, name));
      return {};
    }
    const toml::node& fewest = range != nullptr ? *range->get(0) : value;
    const toml::node& most = range != nullptr ? *range->get(1) : value;
    const std::int64_t low = integer(fewest, name, 0, STACK_COUNT_MAX);
    const std::int64_t high = integer(most, name, std::max<std::int64_t>(low, 1), STACK_COUNT_MAX);
    out.push_back({*type, static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high)});
  }
  return out;
}

std::optional<ContentReader> ContentReader::table(std::string_view field, std::string what) {
  const toml::node* found = node(field);
  if (found == nullptr) return std::nullopt;
  const toml::table* table = found->as_table();
  if (table == nullptr) return complain_at(field, "must be a table"), std::nullopt;
  return ContentReader(file_, *table, std::move(what), *complaint_);
}

std::vector<ContentReader> ContentReader::tables(std::string_view field, std::string what) {
  std::vector<ContentReader> out;
  const toml::node* found = node(field);
  if (found == nullptr) return out;
  const toml::array* array = found->as_array();
  if (array == nullptr) return complain_at(field, fmt::format("is written {}", what)), out;
  for (const toml::node& each : *array) {
    const toml::table* table = each.as_table();
    if (table == nullptr) return complain(each, fmt::format("{}: must be a table", what)), out;
    out.emplace_back(file_, *table, what, *complaint_);
  }
  return out;
}

void ContentReader::finish() {
  for (const auto& [key, value] : *table_) {
    const std::string name(key.str());
    if (!asked_.find(name)) complain(value, fmt::format("{}: {}", what_, asked_.unknown(name)));
  }
}

}  // namespace everframe::world
