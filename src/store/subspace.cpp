#include "store/subspace.h"

namespace everframe::store {

std::string end_of_prefix(std::string_view prefix) {
  const std::size_t last = prefix.find_last_not_of('\xff');
  if (last == std::string_view::npos) return "\xff";
  std::string out(prefix.substr(0, last + 1));
  ++out.back();
  return out;
}

KeyRange keys_starting_with(std::string_view prefix) {
  return {std::string(prefix), end_of_prefix(prefix)};
}

std::string Subspace::pack(const Tuple& tuple) const {
  TuplePacker out = packer();
  for (const Element& element : tuple) out.element(element);
  return std::move(out).key();
}

Result<Tuple> Subspace::unpack(std::string_view key) const {
  if (!contains(key)) return fail("a key of {} bytes does not lie in this subspace", key.size());
  return store::unpack(key.substr(prefix_.size()));
}

KeyRange Subspace::range(const Tuple& tuple) const {
  return range_of(pack(tuple));
}

Subspace Subspace::operator[](const Element& element) const {
  return Subspace(std::move(packer().element(element)).key());
}

}  // namespace everframe::store
