#include "embedded/window.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"

namespace everframe::embedded {

namespace {

// What is counted beyond the bytes themselves.
constexpr std::size_t NODE_BYTES = 40;    // a version of a key: its node, and its place in the batch's list
constexpr std::size_t CHAIN_BYTES = 128;  // a key: its node of the map, its place in the index
constexpr std::size_t CLEAR_BYTES = 128;  // a range clear: nodes and strings of the segments

std::uint64_t hash_of(std::string_view key) {
  return hash64(bytes_of(key), 0);
}

bool covers(const std::vector<Version>& clears, Version at) {
  return !clears.empty() && clears.front() <= at;
}

}  // namespace

Window::Visible Window::visible(const Chain& chain, Version at) const {
  Visible found{chain.newest, chain.version};
  while (found.version > at && found.version > floor_) {
    found = {found.node->older, found.node->older_version};
  }
  return found.version > floor_ ? found : Visible{nullptr, NO_VERSION};
}

bool Window::is_cleared(std::string_view key, Version at) const {
  if (segments_.empty()) return false;
  return covers(std::prev(segments_.upper_bound(key))->second, at);
}

Window::Found Window::find(std::string_view key, Version at) const {
  const std::uint64_t hash = hash_of(key);
  const auto is_it = [key](Chains::iterator chain) { return chain->first.view() == key; };
  if (const auto* chain = index_of(hash).find(hash, is_it)) {
    if (const Node* node = visible((*chain)->second, at).node) {
      const auto value = node->value();
      return {true, value ? std::optional<std::string>(*value) : std::nullopt};
    }
  }
  return {is_cleared(key, at), std::nullopt};
}

Window::Slice Window::slice(std::string_view begin, std::string_view end, Version at, bool reverse,
                            std::size_t keys_max) const {
  Slice out{{std::string(begin), std::string(end)}, {}, {}};
  auto low = chains_.lower_bound(begin);
  auto high = chains_.lower_bound(end);
  std::size_t visited = 0;
  const auto take = [&](Chains::const_iterator chain) {
    ++visited;
    if (const Node* node = visible(chain->second, at).node) {
      const auto value = node->value();
      out.entries.push_back(
          {std::string(chain->first.view()), value ? std::optional<std::string>(*value) : std::nullopt});
    }
  };
  if (reverse) {
    while (high != low && visited < keys_max) take(--high);
    if (high != low) out.covered.begin = high->first.view();
    std::reverse(out.entries.begin(), out.entries.end());
  } else {
    while (low != high && visited < keys_max) take(low++);
    if (low != high) out.covered.end = low->first.view();
  }
  if (segments_.empty() || out.covered.begin >= out.covered.end) return out;
  for (auto segment = std::prev(segments_.upper_bound(out.covered.begin));
       segment != segments_.end() && segment->first < out.covered.end; ++segment) {
    if (!covers(segment->second, at)) continue;
    const auto next = std::next(segment);
    std::string from = std::max(segment->first, out.covered.begin);
    std::string to = next == segments_.end() ? out.covered.end : std::min(next->first, out.covered.end);
    if (!out.cleared.empty() && out.cleared.back().end == from) {
      out.cleared.back().end = std::move(to);
    } else {
      out.cleared.push_back({std::move(from), std::move(to)});
    }
  }
  return out;
}

Window::Batch& Window::batch_of(Version version) {
  if (pending_.empty() || pending_.back().version != version) {
    EF_ASSERT(pending_.empty() || pending_.back().version < version);
    pending_.emplace_back(version);
  }
  return pending_.back();
}

void Window::push(Chains::iterator chain, std::optional<std::string_view> value, Batch& batch) {
  const std::size_t size = value ? value->size() : 0;
  void* place = batch.arena.allocate(sizeof(Node) + size, alignof(Node));
  Chain& versions = chain->second;
  const auto kind = value ? Node::Kind::PRESENT : Node::Kind::ABSENT;
  Node* const node =
      new (place) Node{versions.newest, versions.version, static_cast<std::uint32_t>(size), kind};
  if (size > 0) std::memcpy(static_cast<void*>(node + 1), value->data(), size);
  if (versions.version == batch.version) {  // what the batch wrote before was never seen
    Node& before = *std::exchange(versions.newest, node);
    node->older = before.older;
    node->older_version = before.older_version;
    before.kind = Node::Kind::MOVED;
    before.older = node;
  } else {
    versions = {node, batch.version};
    batch.keys.push_back({chain, node});
    batch.bytes += chain->first.size() + size;
  }
  batch.node_bytes += size + NODE_BYTES;
  bytes_ += size + NODE_BYTES;
}

void Window::expect(std::span<const std::string_view> keys) const {
  std::array<std::uint64_t, EXPECTED_MAX> hashes;
  const std::size_t count = std::min(keys.size(), EXPECTED_MAX);
  for (std::size_t i = 0; i < count; ++i) {
    hashes[i] = hash_of(keys[i]);
    index_of(hashes[i]).prefetch(hashes[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    // By its hash alone: nothing of it is touched yet.
    const auto* chain = index_of(hashes[i]).find(hashes[i], [](Chains::iterator) { return true; });
    if (chain == nullptr) continue;
    __builtin_prefetch(&(*chain)->first);
    __builtin_prefetch(&(*chain)->second);
  }
}

Window::Chains::iterator Window::chain_of(std::string_view key) {
  const std::uint64_t hash = hash_of(key);
  const auto is_it = [key](Chains::iterator chain) { return chain->first.view() == key; };
  Index& index = index_of(hash);
  if (const auto* found = index.find(hash, is_it)) return *found;
  const auto chain = chains_.emplace_hint(chains_.lower_bound(key), key, Chain{});
  index.insert(hash, chain);
  bytes_ += key.size() + CHAIN_BYTES;
  return chain;
}

void Window::set(std::string_view key, std::optional<std::string_view> value, Version version) {
  push(chain_of(key), value, batch_of(version));
}

Window::Segments::iterator Window::split(std::string_view key) {
  auto segment = std::prev(segments_.upper_bound(key));
  if (segment->first == key) return segment;
  return segments_.emplace_hint(std::next(segment), std::string(key), segment->second);
}

void Window::clear_range(std::string_view begin, std::string_view end, Version version) {
  if (begin >= end) return;
  Batch& batch = batch_of(version);
  const auto high = chains_.lower_bound(end);
  for (auto chain = chains_.lower_bound(begin); chain != high; ++chain) {
    const Node* newest = visible(chain->second, version).node;
    if (newest != nullptr && newest->kind == Node::Kind::PRESENT) push(chain, std::nullopt, batch);
  }
  if (segments_.empty()) segments_.emplace("", std::vector<Version>());
  const auto last = split(end);
  for (auto segment = split(begin); segment != last; ++segment) {
    auto& clears = segment->second;
    if (clears.empty() || clears.back() != version) clears.push_back(version);
  }
  batch.clears.push_back({std::string(begin), std::string(end)});
  batch.bytes += begin.size() + end.size();
  bytes_ += begin.size() + end.size() + CLEAR_BYTES;
}

Window::Round Window::round(Version upto, std::size_t bytes_max) const {
  Round out;
  std::size_t bytes = 0;
  for (const Batch& batch : pending_) {
    bytes += batch.bytes;
    if (batch.version > upto || (out.batches > 0 && bytes > bytes_max)) break;
    out.version = batch.version;
    ++out.batches;
    out.clears.insert(out.clears.end(), batch.clears.begin(), batch.clears.end());
  }
  return out;
}

bool Window::trim(Round& round, std::size_t steps) {
  while (round.clears_trimmed < round.batches) {
    const Batch& batch = pending_[round.clears_trimmed++];
    for (const KeyRange& range : batch.clears) trim_clear(range, batch.version);
    if (steps < batch.clears.size() + 1) return false;
    steps -= batch.clears.size() + 1;
  }
  floor_ = std::max(floor_, round.version);
  while (!pending_.empty() && pending_.front().version <= round.version) {
    Batch& batch = pending_.front();
    while (batch.keys_trimmed < batch.keys.size()) {
      if (steps-- == 0) return false;
      const auto chain = batch.keys[batch.keys_trimmed++].chain;
      if (chain->second.version == batch.version) forget(chain);  // else a later batch will
    }
    bytes_ -= batch.node_bytes;
    pending_.pop_front();
  }
  return true;
}

void Window::forget(Chains::iterator chain) {
  bytes_ -= chain->first.size() + CHAIN_BYTES;
  const std::uint64_t hash = hash_of(chain->first);
  index_of(hash).erase(hash, chain);
  chains_.erase(chain);
}

void Window::trim_clear(const KeyRange& range, Version settled) {
  bytes_ -= range.begin.size() + range.end.size() + CLEAR_BYTES;
  auto segment = segments_.lower_bound(range.begin);
  while (segment != segments_.end() && segment->first < range.end) {
    auto& clears = segment->second;
    clears.erase(clears.begin(), std::upper_bound(clears.begin(), clears.end(), settled));
    if (segment != segments_.begin() && std::prev(segment)->second == clears) {
      segment = segments_.erase(segment);
    } else {
      ++segment;
    }
  }
  if (segment != segments_.end() && segment != segments_.begin() &&
      std::prev(segment)->second == segment->second) {
    segments_.erase(segment);
  }
  if (segments_.size() == 1 && segments_.begin()->second.empty()) segments_.clear();
}

}  // namespace everframe::embedded
