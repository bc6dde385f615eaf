// Plans: a query is an equality prefix and at most one range, along the primary key or an index, so that it
// is one get or one get_range. Which one is found when it is compiled; a query that none can serve does not
// compile.
//
//   rows.scan(eq<&Thing::kind>(3u))                          along the first index that begins with kind
//   rows.scan(eq<&Thing::region>(7), between<&Thing::id>(10, 20))
//   rows.scan(along<"kind">())                               all, in the order of that index
#pragma once
#include "store/records/body.h"

namespace everframe::store::records {

namespace detail {

template <class M>
struct MemberTraits;
template <class T, class V>
struct MemberTraits<V T::*> {
  using Value = V;
};
template <auto MEMBER>
using ValueOf = typename MemberTraits<std::remove_const_t<decltype(MEMBER)>>::Value;

enum class TermKind { EQUAL, RANGE, ALONG };

template <class T>
concept QueryTerm = requires {
  { T::KIND } -> std::same_as<const TermKind&>;
};

}  // namespace detail

template <auto MEMBER>
struct Equal {
  static constexpr auto KIND = detail::TermKind::EQUAL;
  static constexpr auto member = MEMBER;
  detail::ValueOf<MEMBER> value;
};
// low <= field < high; either may be open.
template <auto MEMBER>
struct Range {
  static constexpr auto KIND = detail::TermKind::RANGE;
  static constexpr auto member = MEMBER;
  std::optional<detail::ValueOf<MEMBER>> low;
  std::optional<detail::ValueOf<MEMBER>> high;
};
template <Name NAME>
struct Along {
  static constexpr auto KIND = detail::TermKind::ALONG;
  static constexpr std::string_view name = NAME.view();
};

template <auto MEMBER>
Equal<MEMBER> eq(std::type_identity_t<detail::ValueOf<MEMBER>> value) {
  return {std::move(value)};
}
template <auto MEMBER>
Range<MEMBER> between(detail::ValueOf<MEMBER> low, detail::ValueOf<MEMBER> high) {
  return {std::move(low), std::move(high)};
}
template <auto MEMBER>
Range<MEMBER> at_least(detail::ValueOf<MEMBER> low) {
  return {std::move(low), {}};
}
template <auto MEMBER>
Range<MEMBER> below(detail::ValueOf<MEMBER> high) {
  return {{}, std::move(high)};
}
template <Name NAME>
Along<NAME> along() {
  return {};
}

inline constexpr std::size_t PRIMARY = SIZE_MAX - 1;  // the path of a plan along the primary key

struct Plan {
  std::size_t path = NO_POSITION;  // PRIMARY, the number of an index, or NO_POSITION: there is none
  std::size_t equal = 0;           // fields that the equality prefix binds
  bool whole_key = false;          // it binds all fields of the path
};

namespace detail {

template <class... Terms>
inline constexpr std::size_t EQUAL_COUNT = ((Terms::KIND == TermKind::EQUAL ? 1 : 0) + ... + 0);
template <class... Terms>
inline constexpr std::size_t RANGE_COUNT = ((Terms::KIND == TermKind::RANGE ? 1 : 0) + ... + 0);
template <class... Terms>
inline constexpr std::size_t ALONG_COUNT = ((Terms::KIND == TermKind::ALONG ? 1 : 0) + ... + 0);

template <class Member, class Term>
constexpr bool names(Member member, TermKind kind) {
  if constexpr (Term::KIND == TermKind::ALONG) {
    return false;
  } else {
    return Term::KIND == kind && same_member(member, Term::member);
  }
}

// Can a path along these members serve the terms? Its first members are just those of eq, the next that of
// the range.
template <class... Terms, class Members>
constexpr bool serves(const Members& members) {
  std::size_t at = 0;
  bool fits = true;
  const auto one = [&](auto member) {
    const bool equal = (names<decltype(member), Terms>(member, TermKind::EQUAL) || ... || false);
    const bool range = (names<decltype(member), Terms>(member, TermKind::RANGE) || ... || false);
    if (at < EQUAL_COUNT<Terms...>) fits = fits && equal;
    if (at == EQUAL_COUNT<Terms...> && RANGE_COUNT<Terms...> == 1) fits = fits && range;
    ++at;
  };
  std::apply([&](auto... m) { (one(m), ...); }, members);
  return fits && at >= EQUAL_COUNT<Terms...> + RANGE_COUNT<Terms...>;
}

template <class... Terms>
constexpr std::string_view along_name() {
  std::string_view name;
  [[maybe_unused]] const auto one = [&]<class Term>() {
    if constexpr (Term::KIND == TermKind::ALONG) name = Term::name;
  };
  (one.template operator()<Terms>(), ...);
  return name;
}

}  // namespace detail

template <const auto& SCHEMA, class... Terms>
consteval Plan plan_of() {
  using namespace detail;
  if (RANGE_COUNT < Terms... >> 1 || ALONG_COUNT < Terms... >> 1) return {};
  constexpr std::string_view wanted = along_name<Terms...>();
  Plan plan;
  plan.equal = EQUAL_COUNT<Terms...>;
  std::size_t at = 0;
  const auto index = [&](const auto& i) {
    const bool ordered = i.kind == IndexKind::VALUE || i.kind == IndexKind::UNIQUE;
    const bool named = wanted.empty() || wanted == i.name;
    if (plan.path == NO_POSITION && ordered && named && serves<Terms...>(i.keyed)) {
      plan.path = at;
      plan.whole_key = std::tuple_size_v<std::remove_cvref_t<decltype(i.keyed)>> == plan.equal;
    }
    ++at;
  };
  if (wanted.empty() && serves<Terms...>(SCHEMA.key)) {
    plan.path = PRIMARY;
    plan.whole_key = std::remove_cvref_t<decltype(SCHEMA)>::KEY_COUNT == plan.equal;
    return plan;
  }
  std::apply([&](const auto&... i) { (index(i), ...); }, SCHEMA.indexes);
  return plan;
}

// A query that the primary key or an index serves with one read.
template <const auto& SCHEMA, class... Terms>
concept Indexed = (detail::QueryTerm<Terms> && ...) && (plan_of<SCHEMA, Terms...>().path != NO_POSITION);

namespace detail {

template <class Member, class Term>
void put_equal(TuplePacker& packer, Member member, const Term& term) {
  if constexpr (Term::KIND == TermKind::EQUAL) {
    if constexpr (std::is_same_v<Member, std::remove_const_t<decltype(Term::member)>>) {
      if (member == Term::member) KeyType<ValueOf<Term::member>>::put(packer, term.value);
    }
  }
}

template <class Term>
void put_bounds(KeyRange& range, const TuplePacker& prefix, const Term& term) {
  if constexpr (Term::KIND == TermKind::RANGE) {
    using Type = KeyType<ValueOf<Term::member>>;
    if (term.low) {
      TuplePacker low = prefix;
      Type::put(low, *term.low);
      range.begin = std::move(low).key();
    }
    if (term.high) {
      TuplePacker high = prefix;
      Type::put(high, *term.high);
      range.end = std::move(high).key();
    }
  }
}

}  // namespace detail

// The keys of a path that begins with `prefix`, along `members`, for which the terms hold: all that begin
// with the equality prefix, with or without more elements behind it.
template <class Members, class... Terms>
KeyRange range_for(const std::string& prefix, const Members& members, const Terms&... terms) {
  TuplePacker equal{prefix};
  const auto one = [&]([[maybe_unused]] auto member) { (detail::put_equal(equal, member, terms), ...); };
  std::apply([&](auto... m) { (one(m), ...); }, members);
  KeyRange range{equal.key(), equal.key() + '\xff'};
  (detail::put_bounds(range, equal, terms), ...);
  return range;
}

}  // namespace everframe::store::records
