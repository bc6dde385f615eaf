// Kinds of messages: of a std::variant its alternatives, of any other type itself. For figures and reports.
#pragma once
#include <array>
#include <string_view>
#include <variant>

namespace everframe::actor::detail {

// "Act" of everframe::region::Act, as the compiler spells it.
template <class T>
constexpr std::string_view type_name() {
  std::string_view text = __PRETTY_FUNCTION__;  // … [with T = everframe::region::Act; …]
  text.remove_prefix(text.find("T = ") + 4);
  text = text.substr(0, text.find_first_of(";]"));
  const std::string_view plain = text.substr(0, text.find('<'));
  const std::size_t scope = plain.rfind("::");
  return scope == std::string_view::npos ? plain : plain.substr(scope + 2);
}

template <class Message>
struct Kinds {
  static constexpr std::size_t COUNT = 1;
  static constexpr std::array<std::string_view, 1> NAMES{type_name<Message>()};
  static std::size_t of(const Message&) { return 0; }
};
template <class... Alternatives>
struct Kinds<std::variant<Alternatives...>> {
  static constexpr std::size_t COUNT = sizeof...(Alternatives);
  static constexpr std::array<std::string_view, COUNT> NAMES{type_name<Alternatives>()...};
  static std::size_t of(const std::variant<Alternatives...>& message) { return message.index(); }
};

}  // namespace everframe::actor::detail
