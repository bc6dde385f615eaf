// parse_content: files in the order of their names; first all keys, so that a file may name what a later one
// defines, then everything that refers to them, then what must hold for the pack as a whole.
#include <algorithm>
#include <set>

#include "base/codec.h"
#include "base/hash.h"
#include "world/content.h"
#include "world/content_reader.h"
#include "world/stacks.h"

namespace everframe::world {

namespace {

constexpr std::size_t FILES_MAX = 64;
constexpr std::size_t FILE_BYTES_MAX = 4 << 20;
constexpr std::uint64_t HASH_SALT = 0x636f6e74656e74ULL;  // persistent: content hashes
constexpr EntityKind KIND_LAST = EntityKind::BODY;
constexpr Ground GROUND_LAST = Ground::ROCKY;

bool holds_stacks(EntityKind kind) {
  return kind == EntityKind::CONTAINER || kind == EntityKind::ITEM_PILE || kind == EntityKind::BODY;
}

class PackParser {
 public:
  PackParser();
  Result<Content> parse(std::vector<ContentFile> files);

 private:
  struct File {
    std::string name;
    toml::table root;
  };
  struct PendingEntity {
    ContentReader reader;
    std::size_t index;
  };

  void read_file(const ContentFile& file);
  void top_level(ContentReader& reader);
  void item(ContentReader& reader);
  void entity_key(ContentReader reader);
  void entity(ContentReader& reader, EntityDef& def);
  Harvesting harvesting(ContentReader& reader);
  void check_entity(ContentReader& reader, const EntityDef& def);
  void recipe(ContentReader& reader);
  void rules(ContentReader& reader);
  void check_pack();
  void only_one(EntityKind kind, EntityType& type);
  void new_key(Keys& keys, ContentReader& reader, const std::string& key, std::size_t limit);

  Complaint complaint_;
  Content content_;
  Keys items_{"item"};
  Keys entities_{"entity"};
  Keys recipes_{"recipe"};
  Keys kinds_{"kind"};
  Keys grounds_{"ground"};
  std::set<std::string> tools_;
  std::vector<File> files_;  // never grows once readers borrow from it
  std::vector<ContentReader> tops_;
  std::vector<PendingEntity> pending_entities_;
  std::vector<ContentReader> pending_recipes_;
  std::optional<ContentReader> pending_rules_;
};

PackParser::PackParser() {
  for (int kind = 0; kind <= static_cast<int>(KIND_LAST); ++kind) {
    kinds_.add(std::string(kind_name(static_cast<EntityKind>(kind))));
  }
  for (int ground = 0; ground <= static_cast<int>(GROUND_LAST); ++ground) {
    grounds_.add(std::string(ground_name(static_cast<Ground>(ground))));
  }
}

Result<Content> PackParser::parse(std::vector<ContentFile> files) {
  if (files.size() > FILES_MAX)
    return fail("content: {} files; a pack has at most {}", files.size(), FILES_MAX);
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  files_.reserve(files.size());
  for (const ContentFile& file : files) read_file(file);
  for (File& file : files_) tops_.emplace_back(file.name, file.root, "the file", complaint_);
  for (ContentReader& top : tops_) top_level(top);
  for (PendingEntity& each : pending_entities_) entity(each.reader, content_.entities[each.index]);
  for (ContentReader& each : pending_recipes_) recipe(each);
  if (pending_rules_) rules(*pending_rules_);
  if (!complaint_) check_pack();
  if (complaint_) return tl::unexpected<Error>(*complaint_);
  return std::move(content_);
}

void PackParser::read_file(const ContentFile& file) {
  if (complaint_) return;
  if (file.text.size() > FILE_BYTES_MAX) {
    complaint_ = Error{
        fmt::format("{}:1: {} bytes; a file has at most {}", file.name, file.text.size(), FILE_BYTES_MAX)};
    return;
  }
  toml::parse_result parsed = toml::parse(file.text);
  if (!parsed) {
    complaint_ = Error{fmt::format("{}:{}: {}", file.name, parsed.error().source().begin.line,
                                   parsed.error().description())};
    return;
  }
  files_.push_back({file.name, std::move(parsed).table()});
}

void PackParser::top_level(ContentReader& reader) {
  if (reader.has("name")) {
    if (!content_.name.empty()) reader.complain_at("name", "the pack has a name already, in another file");
    content_.name = reader.text("name");
  }
  for (ContentReader& each : reader.tables("item", "[[item]]")) item(each);
  for (ContentReader& each : reader.tables("entity", "[[entity]]")) entity_key(std::move(each));
  for (ContentReader& each : reader.tables("recipe", "[[recipe]]"))
    pending_recipes_.push_back(std::move(each));
  if (auto found = reader.table("rules", "[rules]")) {
    if (pending_rules_) found->complain("the pack has rules already, in another file");
    pending_rules_ = std::move(found);
  }
  reader.finish();
}

void PackParser::new_key(Keys& keys, ContentReader& reader, const std::string& key, std::size_t limit) {
  if (!reader.ok()) return;
  if (keys.size() >= limit) reader.complain(fmt::format("a pack has at most {} of them", limit));
  if (!keys.add(key)) reader.complain_at("key", fmt::format("\"{}\" is there twice", key));
}

void PackParser::item(ContentReader& reader) {
  ItemDef def;
  def.key = reader.key();
  def.name = reader.text("name");
  def.stack_max = static_cast<std::uint64_t>(reader.integer_or("stack_max", 1, STACK_COUNT_MAX, 1));
  if (auto tool = reader.table("tool", "tool")) {
    def.tool = tool->text("class");
    def.tool_power = static_cast<std::int32_t>(tool->integer("power", 1, HP_MAX));
    tool->finish();
    tools_.insert(def.tool);
  }
  reader.finish();
  new_key(items_, reader, def.key, ITEM_TYPES_MAX);
  content_.items.push_back(std::move(def));
}

void PackParser::entity_key(ContentReader reader) {
  EntityDef def;
  def.key = reader.key();
  new_key(entities_, reader, def.key, ENTITY_TYPES_MAX);
  content_.entities.push_back(std::move(def));
  pending_entities_.push_back({std::move(reader), content_.entities.size() - 1});
}

void PackParser::entity(ContentReader& reader, EntityDef& def) {
  def.name = reader.text("name");
  def.kind = static_cast<EntityKind>(reader.choice("kind", kinds_));
  def.hp = static_cast<std::int32_t>(reader.integer_or("hp", 1, HP_MAX, 1));
  def.radius_mm = static_cast<std::int32_t>(reader.integer("radius_mm", 0, RADIUS_MM_MAX));
  def.height_mm = static_cast<std::int32_t>(reader.integer("height_mm", 0, HEIGHT_MM_MAX));
  if (auto table = reader.table("harvesting", "[entity.harvesting]")) def.harvesting = harvesting(*table);
  def.collectable = reader.has("collected");
  def.collected = reader.counts("collected", items_);
  if (reader.has("build_cost")) def.build_cost = reader.counts("build_cost", items_);
  def.slots = static_cast<std::size_t>(reader.integer_or("slots", 1, SLOTS_MAX, 0));
  def.toggles = reader.boolean_or("toggles", false);
  def.density = reader.density("density");
  if (reader.has("grows_in")) def.grows_in = static_cast<Ground>(reader.choice("grows_in", grounds_));
  reader.finish();
  if (reader.ok()) check_entity(reader, def);
}

Harvesting PackParser::harvesting(ContentReader& reader) {
  Harvesting out;
  out.tool = reader.text_or("tool", "");
  out.tool_required = reader.boolean_or("tool_required", false);
  out.hand_power = static_cast<std::int32_t>(reader.integer_or("hand_power", 1, HP_MAX, 0));
  out.per_hit = reader.yields("per_hit", items_);
  out.at_end = reader.yields("at_end", items_);
  out.regrow_ms = 1000 * reader.integer_or("regrow_s", 1, REGROW_S_MAX, 0);
  reader.finish();
  if (!out.tool.empty() && !tools_.contains(out.tool)) {
    reader.complain_at("tool", fmt::format("no item is a tool of class \"{}\"", out.tool));
  }
  if (out.tool_required && out.tool.empty()) reader.complain("tool_required needs a tool");
  if (out.tool_required && out.hand_power > 0) reader.complain("a required tool leaves hand_power no use");
  if (!out.tool_required && out.hand_power == 0) reader.complain("needs hand_power, or tool_required = true");
  return out;
}

void PackParser::check_entity(ContentReader& reader, const EntityDef& def) {
  const bool openable = def.kind == EntityKind::STRUCTURE || def.kind == EntityKind::CONTAINER;
  const bool singular = def.kind == EntityKind::BODY || def.kind == EntityKind::ITEM_PILE;
  const std::string_view kind = kind_name(def.kind);
  if (holds_stacks(def.kind) && def.slots == 0) reader.complain(fmt::format("a {} needs slots", kind));
  if (!holds_stacks(def.kind) && def.slots > 0)
    reader.complain_at("slots", fmt::format("a {} has none", kind));
  if (def.toggles && !openable && def.kind != EntityKind::FIRE) {
    reader.complain_at("toggles", fmt::format("a {} neither opens nor burns", kind));
  }
  if (def.harvesting && def.slots > 0) {
    reader.complain_at("harvesting", "what it holds would be lost: give it `collected` instead");
  }
  if (singular && (def.collectable || def.build_cost || def.density > 0)) {
    reader.complain(fmt::format("a {} comes about by the rules: no collected, build_cost or density", kind));
  }
}

void PackParser::recipe(ContentReader& reader) {
  RecipeDef def;
  def.key = reader.key();
  def.name = reader.text("name");
  def.inputs = reader.counts("inputs", items_);
  def.outputs = reader.counts("outputs", items_);
  if (reader.has("station")) {
    const std::size_t index = reader.choice("station", entities_);
    def.station = EntityType{static_cast<std::uint16_t>(index)};
    if (reader.ok() && content_.entities[index].kind != EntityKind::STATION &&
        content_.entities[index].kind != EntityKind::FIRE) {
      reader.complain_at("station", "must be of kind station or fire");
    }
  }
  def.times_max = static_cast<std::uint64_t>(reader.integer_or("times_max", 1, CRAFT_TIMES_MAX, 100));
  reader.finish();
  if (def.inputs.empty()) reader.complain("needs inputs: items come from somewhere");
  if (def.outputs.empty()) reader.complain("needs outputs");
  new_key(recipes_, reader, def.key, RECIPES_MAX);
  content_.recipes.push_back(std::move(def));
}

void PackParser::rules(ContentReader& reader) {
  Rules& out = content_.rules;
  out.reach_mm = static_cast<std::int32_t>(reader.integer_or("reach_mm", 100, REACH_MM_MAX, out.reach_mm));
  out.speed_mm_s = static_cast<std::int32_t>(reader.integer_or("speed_mm_s", 100, 1'000'000, out.speed_mm_s));
  out.world_size_mm = static_cast<std::int32_t>(
      reader.integer_or("world_size_mm", 2 * CHUNK_SIZE_MM, WORLD_SIZE_MM_MAX, out.world_size_mm));
  out.starting_items = reader.counts("starting_items", items_);
  reader.finish();
}

void PackParser::only_one(EntityKind kind, EntityType& type) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < content_.entities.size(); ++i) {
    if (content_.entities[i].kind != kind) continue;
    type = EntityType{static_cast<std::uint16_t>(i)};
    ++found;
  }
  if (found == 1 || complaint_) return;
  complaint_ = Error{
      fmt::format("content: {} entities of kind \"{}\"; a pack has exactly one", found, kind_name(kind))};
}

// The hash is of this: everything that parse_content made, in the order of the headers.
class CanonicalBytes {
 public:
  explicit CanonicalBytes(const Content& content);
  ByteView bytes() const { return bytes_; }

 private:
  template <class T>
  void number(T v) {
    out_.zigzag(static_cast<std::int64_t>(v));
  }
  void counts(const std::vector<ItemCount>& counts);
  void yields(const std::vector<Yield>& yields);
  void item(const ItemDef& def);
  void entity(const EntityDef& def);
  void recipe(const RecipeDef& def);

  Bytes bytes_;
  ByteWriter out_{bytes_};
};

CanonicalBytes::CanonicalBytes(const Content& content) {
  out_.text(content.name);
  number(content.items.size());
  for (const ItemDef& def : content.items) item(def);
  number(content.entities.size());
  for (const EntityDef& def : content.entities) entity(def);
  number(content.recipes.size());
  for (const RecipeDef& def : content.recipes) recipe(def);
  number(content.rules.reach_mm);
  number(content.rules.speed_mm_s);
  number(content.rules.world_size_mm);
  counts(content.rules.starting_items);
}

void CanonicalBytes::counts(const std::vector<ItemCount>& counts) {
  number(counts.size());
  for (const ItemCount& each : counts) {
    number(each.item);
    number(each.count);
  }
}

void CanonicalBytes::yields(const std::vector<Yield>& yields) {
  number(yields.size());
  for (const Yield& each : yields) {
    number(each.item);
    number(each.count_min);
    number(each.count_max);
  }
}

void CanonicalBytes::item(const ItemDef& def) {
  out_.text(def.key);
  out_.text(def.name);
  number(def.stack_max);
  out_.text(def.tool);
  number(def.tool_power);
}

void CanonicalBytes::entity(const EntityDef& def) {
  out_.text(def.key);
  out_.text(def.name);
  number(def.kind);
  number(def.hp);
  number(def.radius_mm);
  number(def.height_mm);
  number(def.harvesting.has_value());
  if (def.harvesting) {
    out_.text(def.harvesting->tool);
    number(def.harvesting->tool_required);
    number(def.harvesting->hand_power);
    yields(def.harvesting->per_hit);
    yields(def.harvesting->at_end);
    number(def.harvesting->regrow_ms);
  }
  number(def.collectable);
  counts(def.collected);
  number(def.build_cost.has_value());
  if (def.build_cost) counts(*def.build_cost);
  number(def.slots);
  number(def.toggles);
  number(def.density * 1000 + 0.5);
  number(def.grows_in);
}

void CanonicalBytes::recipe(const RecipeDef& def) {
  out_.text(def.key);
  out_.text(def.name);
  counts(def.inputs);
  counts(def.outputs);
  number(def.station.has_value());
  if (def.station) number(*def.station);
  number(def.times_max);
}

void PackParser::check_pack() {
  if (content_.name.empty()) complaint_ = Error{"content: no file gives the pack a name: name = \"...\""};
  only_one(EntityKind::BODY, content_.body);
  only_one(EntityKind::ITEM_PILE, content_.item_pile);
  if (complaint_) return;
  Stacks stacks;
  if (!add_all(stacks, content_.rules.starting_items, content_.entity(content_.body)->slots, content_)) {
    pending_rules_->complain_at("starting_items", "do not fit into the body's slots");
  }
  content_.hash = hash64(CanonicalBytes(content_).bytes(), HASH_SALT);
}

}  // namespace

Result<Content> parse_content(const std::vector<ContentFile>& files) {
  return PackParser().parse(files);
}

}  // namespace everframe::world
