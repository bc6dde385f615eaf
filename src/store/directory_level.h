// DirectoryLevel: one directory layer: the root's, or that of a partition beneath its prefix. What it does
// stands in directory.h, which is what others include. Paths are relative to this level.
#pragma once
#include "store/directory.h"
#include "store/prefix_allocator.h"

namespace everframe::store {

class DirectoryLevel {
 public:
  DirectoryLevel(DirectoryPath base, DirectoryOptions options, Prng& prng);

  struct Request {
    DirectoryPath path;
    std::string layer;
    std::optional<std::string> prefix;
    bool may_create = true;
    bool may_open = true;
  };
  Task<Result<Directory>> create_or_open(Transaction& t, Request request) const;
  Task<Result<Directory>> move(Transaction& t, DirectoryPath from, DirectoryPath to) const;
  Task<Result<bool>> remove(Transaction& t, DirectoryPath path) const;
  Task<Result<bool>> exists(Transaction& t, DirectoryPath path) const;
  Task<Result<std::vector<std::string>>> list(Transaction& t, DirectoryPath path) const;

 private:
  // The last directory on the way to a path: its own, a partition before it, or nothing.
  struct Node {
    std::optional<std::string> prefix;  // none: it does not exist; the root's is nodes_.key()
    std::size_t depth = 0;              // names of the path that lead to it
    std::string layer;
    bool exists() const { return prefix.has_value(); }
    bool leads_into_partition(const DirectoryPath& path) const;
  };
  struct Child {
    std::string name;
    std::string prefix;
  };

  Subspace node_at(std::string_view prefix) const;
  DirectoryLevel partition(const DirectoryPath& path, const Node& node) const;
  Directory directory(const DirectoryPath& path, std::string prefix, std::string layer) const;
  Task<Result<void>> check_version(Transaction& t, bool for_writing) const;
  Task<Result<Node>> find(Transaction& t, DirectoryPath path) const;
  Task<Result<std::vector<Child>>> children(Transaction& t, std::string prefix) const;
  Task<Result<bool>> is_prefix_free(Transaction& t, std::string prefix, bool snapshot) const;
  Task<Result<std::string>> new_prefix(Transaction& t) const;
  Task<Result<Directory>> create(Transaction& t, Request request) const;
  Task<Result<void>> remove_tree(Transaction& t, std::string prefix) const;

  const DirectoryPath base_;
  const Subspace nodes_;
  const Subspace contents_;
  const bool manual_prefixes_;
  const Subspace root_;
  Prng& prng_;
  const PrefixAllocator allocator_;
};

}  // namespace everframe::store
