// Subspace: all keys that begin with one prefix, as tuples behind it (FoundationDB's "Developer Guide",
// Subspaces). A value; owns its prefix.
#pragma once
#include "store/tuple.h"

namespace everframe::store {

// The first key behind all that begin with `prefix`; "\xff" if there is none below it.
std::string end_of_prefix(std::string_view prefix);
KeyRange keys_starting_with(std::string_view prefix);

class Subspace {
 public:
  Subspace() = default;  // of all keys
  explicit Subspace(std::string raw_prefix) : prefix_(std::move(raw_prefix)) {}

  const std::string& key() const { return prefix_; }
  TuplePacker packer() const { return TuplePacker(prefix_); }
  std::string pack(const Tuple& tuple) const;
  Result<Tuple> unpack(std::string_view key) const;  // an Error if it is not within
  bool contains(std::string_view key) const { return key.starts_with(prefix_); }
  KeyRange range(const Tuple& tuple = {}) const;  // all longer tuples that begin with it
  Subspace operator[](const Element& element) const;

  bool operator==(const Subspace&) const = default;

 private:
  std::string prefix_;
};

}  // namespace everframe::store
