// The reference pack as the tests and the benchmark read it. Not part of the room.
#pragma once
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "world/content.h"

namespace everframe::world {

inline std::vector<ContentFile> survival_files() {  // run from the project's root, as ctest does
  std::vector<ContentFile> files;
  for (const char* name : {"world.toml", "items.toml", "entities.toml", "recipes.toml"}) {
    std::ifstream in(std::string("content/survival/") + name);
    if (!in)
      throw std::runtime_error(std::string("content/survival/") + name + ": run from the project's root");
    std::stringstream text;
    text << in.rdbuf();
    files.push_back({name, text.str()});
  }
  return files;
}

inline const Content& survival() {
  static const Content content = [] {
    Result<Content> parsed = parse_content(survival_files());
    if (!parsed) throw std::runtime_error(parsed.error().text);
    return std::move(*parsed);
  }();
  return content;
}

inline ItemType item_named(const Content& content, std::string_view key) {
  for (std::size_t i = 0; i < content.items.size(); ++i) {
    if (content.items[i].key == key) return ItemType{static_cast<std::uint16_t>(i)};
  }
  throw std::runtime_error("no item " + std::string(key));
}
inline EntityType entity_named(const Content& content, std::string_view key) {
  for (std::size_t i = 0; i < content.entities.size(); ++i) {
    if (content.entities[i].key == key) return EntityType{static_cast<std::uint16_t>(i)};
  }
  throw std::runtime_error("no entity " + std::string(key));
}
inline RecipeId recipe_named(const Content& content, std::string_view key) {
  for (std::size_t i = 0; i < content.recipes.size(); ++i) {
    if (content.recipes[i].key == key) return RecipeId{static_cast<std::uint16_t>(i)};
  }
  throw std::runtime_error("no recipe " + std::string(key));
}

}  // namespace everframe::world
