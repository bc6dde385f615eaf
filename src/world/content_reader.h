// ContentReader: reads one TOML table of a content pack field by field. Private to the room. The first
// complaint is kept, with file and line; after it everything reads as its default, so that a caller checks
// once, at the end. Borrows the table and the complaint.
// Keys: names of items and the like, in the order of their indexes, with the nearest one for a wrong name.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "world/content.h"
#include "world/toml.h"

namespace everframe::world {

using Complaint = std::optional<Error>;

class Keys {
 public:
  explicit Keys(std::string what) : what_(std::move(what)) {}  // "item": for errors

  bool add(const std::string& key);  // false: it is there already
  std::optional<std::size_t> find(const std::string& key) const;
  std::size_t size() const { return in_order_.size(); }
  std::string unknown(const std::string& key) const;  // "no item \"wod\"; did you mean \"wood\"?"

 private:
  std::string what_;
  std::vector<std::string> in_order_;
  std::unordered_map<std::string, std::size_t> places_;  // only looked up
};

class ContentReader {
 public:
  // `what` names the table in errors: "[[item]]".
  ContentReader(const std::string& file, const toml::table& table, std::string what, Complaint& complaint);

  bool has(std::string_view field);
  std::string text(std::string_view field);  // required, not empty
  std::string text_or(std::string_view field, std::string_view otherwise);
  std::string key();  // the field "key": lower-case letters, digits, underscores
  std::int64_t integer(std::string_view field, std::int64_t low, std::int64_t high);
  std::int64_t integer_or(std::string_view field, std::int64_t low, std::int64_t high,
                          std::int64_t otherwise);
  bool boolean_or(std::string_view field, bool otherwise);
  // A number from 0 to DENSITY_MAX with at most three decimals.
  double density(std::string_view field);
  // One of `names`, as its index.
  std::size_t choice(std::string_view field, const Keys& names);
  // { wood = 4 }
  std::vector<ItemCount> counts(std::string_view field, const Keys& items);
  // { wood = 4, resin = [0, 2] }
  std::vector<Yield> yields(std::string_view field, const Keys& items);
  std::optional<ContentReader> table(std::string_view field, std::string what);
  // Each of [[field]].
  std::vector<ContentReader> tables(std::string_view field, std::string what);

  // Complains about fields that nobody has asked for.
  void finish();
  void complain(const std::string& text);  // at the table's line
  void complain_at(std::string_view field, const std::string& text);
  bool ok() const { return !*complaint_; }

 private:
  const toml::node* node(std::string_view field);
  const toml::node* required(std::string_view field);
  void complain(const toml::node& where, const std::string& text);
  std::int64_t integer(const toml::node& node, std::string_view field, std::int64_t low, std::int64_t high);
  const toml::table* inline_table(std::string_view field, const char* example);
  std::optional<ItemType> item(const toml::node& where, const std::string& key, const Keys& items);

  std::string file_;
  const toml::table* table_;
  std::string what_;
  Complaint* complaint_;
  Keys asked_{"field"};
};

}  // namespace everframe::world
