// Window: what changed in the last 5 seconds, by version, in memory; a lookup says "this value", "absent",
// or "nothing here changed: ask the base". The base (base.h) holds everything up to the settled version.
//
// Shape: a sorted map of keys, each with its versions, newest first, and an index by hash into it, for what
// is written again and again is found without a walk down the map; and a sorted map of segments, each with
// the versions at which a range clear covered it. A clear also leaves an absent version at every key already
// in the map within it, so the newest version of a key's own chain is always right where there is one.
//
// The versions that one batch wrote lie in the batch's arena and go with it, all at once, when the base holds
// them. No chain is mended then: a version's predecessor is named with its number, and what is numbered at or
// below the floor is gone and never looked at.
//
// Threads: none inside. One writer of new versions, one trimmer, many readers; Storage's lock orders them.
// Limits: Storage refuses commits when bytes() passes WINDOW_BYTES_MAX.
#pragma once
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/assert.h"
#include "embedded/arena.h"
#include "embedded/hash_index.h"
#include "embedded/inline_key.h"
#include "embedded/types.h"

namespace everframe::embedded {

class Window {
 public:
  // What the window knows of one key at a version.
  struct Found {
    bool known = false;  // false: ask the base
    std::optional<std::string> value;
  };
  Found find(std::string_view key, Version at) const;

  // What the window knows of the keys from the start of a range (from its end, if reverse), for about
  // `keys_max` keys: [covered.begin, covered.end) is the part of the range it speaks about.
  struct Slice {
    struct Entry {
      std::string key;
      std::optional<std::string> value;
    };
    KeyRange covered;
    std::vector<Entry> entries;     // ascending
    std::vector<KeyRange> cleared;  // ascending, disjoint, not touching
  };
  Slice slice(std::string_view begin, std::string_view end, Version at, bool reverse,
              std::size_t keys_max) const;

  // Tells that these keys will be set soon: what is known of them is brought near, all at once instead of one
  // after another, which is most of what a commit costs once the window is larger than the processor's
  // caches. Of more than EXPECTED_MAX only the first.
  static constexpr std::size_t EXPECTED_MAX = 128;  // so that it all stays in the first cache
  void expect(std::span<const std::string_view> keys) const;

  // Changes of one version, in their order; versions never fall. Readers below `version` do not see them.
  void set(std::string_view key, std::optional<std::string_view> value, Version version);
  void clear_range(std::string_view begin, std::string_view end, Version version);

  // The oldest sealed versions, as one step into the base: first the clears, then each key's last value. At
  // least one version, if one is as old as `upto`; then more, while their bytes stay under `bytes_max`.
  struct Round {
    Version version = NO_VERSION;  // through this one; NO_VERSION: nothing to do
    std::size_t batches = 0;
    std::vector<KeyRange> clears;
    std::size_t clears_trimmed = 0;           // batches whose clears trim() has forgotten
    std::unordered_set<const void*> visited;  // chains
  };
  Round round(Version upto, std::size_t bytes_max) const;
  // The keys whose last change within the round is batch `index`'s, and their values. From the round's last
  // batch down to its first, and before its trim(). No chain is walked: a key that is written all the time
  // has thousands of versions.
  template <class Visit>
  void visit_changes(Round& round, std::size_t index, Visit visit) const {
    for (const auto& [chain, node] : pending_[index].keys) {
      if (round.visited.insert(&chain->second).second) visit(chain->first.view(), latest(node).value());
    }
  }
  // All keys that batch `index` of the round changed. Before its trim().
  template <class Visit>
  void visit_keys(const Round& round, std::size_t index, Visit visit) const {
    EF_ASSERT(index < round.batches);
    for (const auto& [chain, node] : pending_[index].keys) visit(chain->first.view());
  }
  // Forgets about `steps` of the round's changes, which the base now holds. Call until it gives true. Clears
  // go first: a forgotten key under a remembered clear would read as absent.
  bool trim(Round& round, std::size_t steps);

  Version oldest_pending() const { return pending_.empty() ? NO_VERSION : pending_.front().version; }
  std::size_t bytes() const { return bytes_; }

 private:
  // A version of a key; its value's bytes lie behind it.
  struct Node {
    const Node* older;  // of MOVED: where the batch wrote the key again
    Version older_version;
    std::uint32_t size;
    enum class Kind : std::uint8_t { ABSENT, PRESENT, MOVED } kind;
    std::optional<std::string_view> value() const {
      if (kind == Kind::ABSENT) return std::nullopt;
      return std::string_view(reinterpret_cast<const char*>(this + 1), size);
    }
  };
  struct Chain {
    Node* newest = nullptr;
    Version version = NO_VERSION;  // of the newest
  };
  using Chains = std::map<InlineKey, Chain, InlineKey::Less>;
  // In shards, so that one that grows holds up a commit for a fraction of a millisecond only.
  static constexpr std::size_t INDEX_SHARDS = 64;
  using Index = HashIndex<Chains::iterator>;
  using Segments = std::map<std::string, std::vector<Version>, std::less<>>;  // from key to the next one
  struct Batch {
    explicit Batch(Version at) : version(at) {}
    const Version version;
    Arena arena{2'048};  // its nodes
    struct Written {
      Chains::iterator chain;
      const Node* node;
    };
    std::vector<Written> keys;
    std::vector<KeyRange> clears;
    std::size_t keys_trimmed = 0;
    std::size_t bytes = 0;       // of keys and values, as the base will get them
    std::size_t node_bytes = 0;  // of the arena
  };
  struct Visible {
    const Node* node;
    Version version;  // NO_VERSION: none
  };

  Visible visible(const Chain& chain, Version at) const;
  static const Node& latest(const Node* node) {
    while (node->kind == Node::Kind::MOVED) node = node->older;
    return *node;
  }
  Index& index_of(std::uint64_t hash) { return index_[hash >> 58]; }
  const Index& index_of(std::uint64_t hash) const { return index_[hash >> 58]; }
  Chains::iterator chain_of(std::string_view key);  // made, if there was none
  Segments::iterator split(std::string_view key);
  void push(Chains::iterator chain, std::optional<std::string_view> value, Batch& batch);
  void forget(Chains::iterator chain);
  void trim_clear(const KeyRange& range, Version settled);
  bool is_cleared(std::string_view key, Version at) const;
  Batch& batch_of(Version version);

  Chains chains_;
  std::array<Index, INDEX_SHARDS> index_;
  Segments segments_;  // empty, or begins at ""
  std::deque<Batch> pending_;
  Version floor_ = NO_VERSION;  // nodes of this version and older may be gone
  std::size_t bytes_ = 0;
};

}  // namespace everframe::embedded
