// Directories: short prefixes for paths, in FoundationDB's published layout, bit for bit
// (bindings/python/fdb/ directory_impl.py, version 1.0.0), so that any language's binding sees the same ones:
//
//   N = FE; the root node is N (FE)                 (in a partition at P: N = P FE, the root N (P FE))
//   node of the directory with prefix p:  N (p)
//     N (p) (0, name)       prefix of the subdirectory `name`
//     N (p) ("layer"), bytes
//   root ("version"), bytes                          1, 0, 0 as three 32-bit numbers, little-endian
//   root ("hca"), bytes, (0, start) and (1, n)        the allocator: counts of windows, and what was given
//   out
//
// The allocator is FoundationDB's high-contention one: windows of 64, 1,024 and 8,192 candidates; it gives
// each prefix once, whoever asks at the same time, and keeps them short. A directory of layer "partition"
// holds a directory layer of its own beneath its prefix; it can be moved and removed as a whole only.
//
// Threads: a Directories belongs to one executor. Ownership: it outlives what is awaited of it; a Directory
// owns what it needs. Errors with code 0 say what is wrong with the request; all others are FoundationDB's.
// Each call that changes something bumps \xff/metadataVersion, which DirectoryCache relies on.
#pragma once
#include <map>
#include <memory>

#include "base/random.h"
#include "store/database.h"
#include "store/subspace.h"

namespace everframe::store {

using DirectoryPath = std::vector<std::string>;
inline constexpr std::string_view PARTITION_LAYER = "partition";

class DirectoryLevel;  // one directory layer: the root's, or a partition's

struct DirectoryOptions {
  Subspace nodes{"\xfe"};
  Subspace contents;             // prefixes are given out beneath it
  bool manual_prefixes = false;  // may create() name a prefix?
};

// A directory that exists, as it was when it was opened.
class Directory {
 public:
  const DirectoryPath& path() const { return path_; }  // from the root
  const std::string& layer() const { return layer_; }
  bool is_partition() const { return layer_ == PARTITION_LAYER; }
  const Subspace& contents() const;  // of a partition: a bug, its keys belong to its directories
  const std::string& prefix() const { return contents_.key(); }
  // The directory layer that it lies in, the root's or a partition's; so many names of path() lead there.
  const DirectoryOptions& level() const { return level_; }
  std::size_t level_depth() const { return level_depth_; }

 private:
  friend class DirectoryLevel;
  friend class DirectoryCache;
  Directory(DirectoryPath path, std::string prefix, std::string layer, DirectoryOptions level,
            std::size_t level_depth)
      : path_(std::move(path)),
        contents_(std::move(prefix)),
        layer_(std::move(layer)),
        level_(std::move(level)),
        level_depth_(level_depth) {}

  DirectoryPath path_;
  Subspace contents_;
  std::string layer_;
  DirectoryOptions level_;
  std::size_t level_depth_;
};

class Directories {
 public:
  // `seed`: of the allocator's choices.
  explicit Directories(std::uint64_t seed, DirectoryOptions options = {});
  ~Directories();

  // `layer`: what program the contents belong to. An existing directory of another layer is refused, unless
  // `layer` is empty. Missing parents are made.
  Task<Result<Directory>> create_or_open(Transaction& transaction, DirectoryPath path,
                                         std::string layer = {});
  Task<Result<Directory>> open(Transaction& transaction, DirectoryPath path, std::string layer = {});
  Task<Result<Directory>> create(Transaction& transaction, DirectoryPath path, std::string layer = {},
                                 std::optional<std::string> prefix = {});
  // The prefix and the contents stay. Not between partitions, and not into itself.
  Task<Result<Directory>> move(Transaction& transaction, DirectoryPath from, DirectoryPath to);
  // With its contents and all subdirectories. False: there was none.
  Task<Result<bool>> remove_if_exists(Transaction& transaction, DirectoryPath path);
  Task<Result<void>> remove(Transaction& transaction, DirectoryPath path);
  Task<Result<bool>> exists(Transaction& transaction, DirectoryPath path);
  Task<Result<std::vector<std::string>>> list(Transaction& transaction, DirectoryPath path = {});

 private:
  const std::unique_ptr<Prng> prng_;
  const std::unique_ptr<const DirectoryLevel> root_;
};

// Opened directories by path, valid as long as \xff/metadataVersion stands still: opening one again costs the
// one read of that key, which with FoundationDB is no request at all. Changes by other languages' bindings do
// not bump it: where they move or remove directories of a running server, do not use this. Limit: PATHS_MAX;
// a full cache starts anew.
class DirectoryCache {
 public:
  static constexpr std::size_t PATHS_MAX = 10'000;
  explicit DirectoryCache(Directories& directories) : directories_(directories) {}

  Task<Result<Directory>> open(Transaction& transaction, DirectoryPath path, std::string layer = {});

 private:
  Directories& directories_;  // outlives this
  std::optional<std::string> valid_at_;
  std::map<DirectoryPath, Directory> by_path_;
};

}  // namespace everframe::store
