// SimulatedDisk: for tests, a disk that keeps only what was synced. It counts operations and cuts the power
// at a chosen one; each sector not yet synced is then old or new, each directory keeps a prefix of its
// changes, as on a journalled file system. It can fail a sync, fill up, and flip bits. All from one seed.
//
// Threads: any (one lock). Names are plain; directories are prefixes up to the last slash.
#pragma once
#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "platform/disk.h"

namespace everframe::embedded {

class SimulatedDisk final : public platform::Disk {
 public:
  static constexpr std::size_t SECTOR = 512;
  static constexpr std::uint64_t NEVER = UINT64_MAX;

  explicit SimulatedDisk(std::uint64_t seed) : dice_(seed) {}

  // Counted from now; the operation with this number finds the power gone, and so do all after it.
  void cut_power_after(std::uint64_t operations) {
    const std::lock_guard lock(mutex_);
    cut_at_ = operations == NEVER ? NEVER : count_ + operations;
  }
  void fail_sync_after(std::uint64_t syncs) {
    const std::lock_guard lock(mutex_);
    failing_sync_ = syncs == NEVER ? NEVER : syncs_ + syncs;
  }
  void set_capacity(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    capacity_ = bytes;
  }
  // A torn sector may hold neither the old nor the new bytes (disks that break the promise).
  void tear_inside_sectors(bool on) { tear_inside_ = on; }
  void lie_about_syncs(bool on) { lying_ = on; }

  // The machine comes back. Unsynced state is decided by dice if power was lost, kept if only the process
  // died.
  void restart(bool power_lost) {
    const std::lock_guard lock(mutex_);
    if (power_lost) lose_unsynced();
    locked_.clear();
    cut_at_ = failing_sync_ = capacity_ = NEVER;
    dead_ = false;
  }

  // Flips a bit of a file whose name ends in `suffix`, of what is stored. False: there is no such byte.
  struct Flip {
    std::string path;
    std::size_t at = 0;
    int bit = 0;
  };
  bool flip(std::string_view suffix, Flip& out) {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> paths;
    for (const auto& [path, node] : names_) {
      if (path.ends_with(suffix) && !node->now.empty()) paths.push_back(path);
    }
    if (paths.empty()) return false;
    out.path = paths[dice_.below(paths.size())];
    Node& node = *names_[out.path];
    // Rather in what is written than in zeros.
    for (int tries = 0; tries < 64; ++tries) {
      out.at = dice_.below(node.now.size());
      if (node.now[out.at] != 0) break;
    }
    out.bit = static_cast<int>(dice_.below(8));
    toggle(node, out);
    return true;
  }
  void unflip(const Flip& flip) {
    const std::lock_guard lock(mutex_);
    if (const auto found = names_.find(flip.path); found != names_.end()) toggle(*found->second, flip);
  }

  Result<std::unique_ptr<platform::File>> open(const std::string& path, Open mode) override {
    const std::lock_guard lock(mutex_);
    if (auto live = step(); !live) return tl::unexpected(live.error());
    auto found = names_.find(path);
    if (found == names_.end()) {
      if (mode == Open::EXISTING) return fail_with(ENOENT, "cannot open {}: it does not exist", path);
      found = names_.emplace(path, std::make_shared<Node>()).first;
      pending_[directory_of(path)].push_back({path, found->second, {}, nullptr});
    }
    return std::make_unique<OpenFile>(*this, found->second, path);
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    const std::lock_guard lock(mutex_);
    if (auto live = step(); !live) return tl::unexpected(live.error());
    std::set<std::string> names;
    const std::string prefix = directory + "/";
    for (const auto* paths : {&directories_}) {
      for (const std::string& path : *paths) add_child(path, prefix, names);
    }
    for (const auto& [path, node] : names_) add_child(path, prefix, names);
    return std::vector<std::string>(names.begin(), names.end());
  }
  Result<void> make_directory(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    directories_.insert(path);  // durable at once: no test is about directories
    return step();
  }
  Result<void> remove(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (auto live = step(); !live) return live;
    if (names_.erase(path) == 0) return fail_with(ENOENT, "cannot remove {}: it does not exist", path);
    pending_[directory_of(path)].push_back({path, nullptr, {}, nullptr});
    return {};
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    if (auto live = step(); !live) return live;
    auto found = names_.find(from);
    if (found == names_.end()) return fail_with(ENOENT, "cannot rename {}: it does not exist", from);
    const auto node = found->second;
    names_.erase(found);
    names_[to] = node;
    pending_[directory_of(from)].push_back({from, nullptr, to, node});
    return {};
  }
  Result<void> sync_directory(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (auto live = step(); !live) return live;
    auto& changes = pending_[path];
    for (const Change& change : changes) apply(change);
    changes.clear();
    return {};
  }
  Result<std::unique_ptr<platform::DirectoryLock>> lock(const std::string& directory) override {
    const std::lock_guard guard(mutex_);
    if (auto live = step(); !live) return tl::unexpected(live.error());
    if (!locked_.insert(directory).second) return fail("{} is in use", directory);
    return std::make_unique<Lock>(*this, directory);
  }

 private:
  struct Node {
    Bytes stored;  // what survives a power cut
    Bytes now;
    std::set<std::size_t> dirty;  // sectors of `now` that were not synced
  };
  struct Change {
    std::string path;
    std::shared_ptr<Node> node;  // null: removed
    std::string also;            // a rename's new name
    std::shared_ptr<Node> also_node;
  };

  class OpenFile final : public platform::File {
   public:
    OpenFile(SimulatedDisk& disk, std::shared_ptr<Node> node, std::string path)
        : disk_(disk), node_(std::move(node)), path_(std::move(path)) {}
    Result<std::uint64_t> size() override {
      const std::lock_guard lock(disk_.mutex_);
      return node_->now.size();
    }
    Result<Bytes> read(std::uint64_t offset, std::size_t count) override {
      const std::lock_guard lock(disk_.mutex_);
      if (auto live = disk_.step(); !live) return tl::unexpected(live.error());
      const std::size_t from = std::min<std::size_t>(offset, node_->now.size());
      const std::size_t to = std::min(from + count, node_->now.size());
      return Bytes(node_->now.begin() + static_cast<std::ptrdiff_t>(from),
                   node_->now.begin() + static_cast<std::ptrdiff_t>(to));
    }
    Result<void> write(std::uint64_t offset, ByteView bytes) override {
      const std::lock_guard lock(disk_.mutex_);
      // Power that goes during a write leaves part of it in the cache, as good as none: all dice are thrown
      // later.
      auto live = disk_.step();
      if (live) live = disk_.put(*node_, offset, bytes, path_);
      return live;
    }
    Result<void> preallocate(std::uint64_t size) override {
      const std::lock_guard lock(disk_.mutex_);
      if (auto live = disk_.step(); !live) return live;
      const std::size_t from = node_->now.size();
      if (size <= from) return {};
      return disk_.put(*node_, from, Bytes(size - from), path_);
    }
    Result<void> truncate(std::uint64_t size) override {
      const std::lock_guard lock(disk_.mutex_);
      if (auto live = disk_.step(); !live) return live;
      node_->now.resize(size);
      node_->stored.resize(std::min<std::size_t>(node_->stored.size(), size));
      std::erase_if(node_->dirty, [&](std::size_t sector) { return sector * SECTOR >= size; });
      return {};
    }
    Result<void> sync() override {
      const std::lock_guard lock(disk_.mutex_);
      if (auto live = disk_.step(); !live) return live;
      if (++disk_.syncs_ > disk_.failing_sync_) {
        // As Linux does it: the dirty pages count as clean from now on, and are lost or not.
        for (const std::size_t sector : node_->dirty) {
          if (disk_.dice_.below(2) == 0) disk_.store(*node_, sector);
        }
        node_->dirty.clear();
        return fail_with(EIO, "cannot sync {}: input/output error", path_);
      }
      if (disk_.lying_) return {};
      for (const std::size_t sector : node_->dirty) disk_.store(*node_, sector);
      node_->stored.resize(node_->now.size());
      node_->dirty.clear();
      return {};
    }

   private:
    SimulatedDisk& disk_;
    const std::shared_ptr<Node> node_;
    const std::string path_;
  };

  class Lock final : public platform::DirectoryLock {
   public:
    Lock(SimulatedDisk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}
    ~Lock() override {
      const std::lock_guard guard(disk_.mutex_);
      disk_.locked_.erase(directory_);
    }

   private:
    SimulatedDisk& disk_;
    const std::string directory_;
  };

  static std::string directory_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }
  static void add_child(const std::string& path, const std::string& prefix, std::set<std::string>& names) {
    if (!path.starts_with(prefix)) return;
    names.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
  }
  static void toggle(Node& node, const Flip& flip) {
    const auto mask = static_cast<std::uint8_t>(1U << flip.bit);
    if (flip.at < node.now.size()) node.now[flip.at] ^= mask;
    if (flip.at < node.stored.size()) node.stored[flip.at] ^= mask;
  }

  Result<void> step() {
    if (++count_ > cut_at_) dead_ = true;
    return dead_ ? fail_with(EIO, "the power is gone") : Result<void>();
  }
  Result<void> put(Node& node, std::uint64_t offset, ByteView bytes, const std::string& path) {
    const std::size_t end = static_cast<std::size_t>(offset) + bytes.size();
    if (end > node.now.size()) {
      std::uint64_t used = end - node.now.size();
      for (const auto& [name, other] : names_) used += other->now.size();
      if (used > capacity_) return fail_with(ENOSPC, "cannot write {}: no space left on the disk", path);
      node.now.resize(end);
    }
    std::copy(bytes.begin(), bytes.end(), node.now.begin() + static_cast<std::ptrdiff_t>(offset));
    for (std::size_t s = offset / SECTOR; s * SECTOR < end; ++s) node.dirty.insert(s);
    return {};
  }
  void store(Node& node, std::size_t sector) {
    const std::size_t from = sector * SECTOR;
    if (from >= node.now.size()) return;
    const std::size_t to = std::min(from + SECTOR, node.now.size());
    if (node.stored.size() < to) node.stored.resize(to);
    std::copy(node.now.begin() + static_cast<std::ptrdiff_t>(from),
              node.now.begin() + static_cast<std::ptrdiff_t>(to),
              node.stored.begin() + static_cast<std::ptrdiff_t>(from));
  }
  void apply(const Change& change) {
    if (change.node != nullptr) {
      stored_names_[change.path] = change.node;
    } else {
      stored_names_.erase(change.path);
    }
    if (change.also_node != nullptr) stored_names_[change.also] = change.also_node;
  }
  void lose_unsynced() {
    for (auto& [directory, changes] : pending_) {
      const std::size_t kept = dice_.below(changes.size() + 1);
      for (std::size_t i = 0; i < kept; ++i) apply(changes[i]);
      changes.clear();
    }
    for (auto& [path, node] : names_) lose_sectors(*node);
    for (auto& [path, node] : stored_names_) lose_sectors(*node);
    names_ = stored_names_;
  }
  void lose_sectors(Node& node) {
    for (const std::size_t sector : node.dirty) {
      if (dice_.below(2) == 0) continue;
      store(node, sector);
      if (!tear_inside_ || dice_.below(8) != 0) continue;
      const std::size_t at = sector * SECTOR + dice_.below(SECTOR);
      if (at < node.stored.size()) node.stored[at] = static_cast<std::uint8_t>(dice_.next());
    }
    node.dirty.clear();
    node.now = node.stored;
  }

  std::mutex mutex_;
  Prng dice_;
  std::map<std::string, std::shared_ptr<Node>> names_;
  std::map<std::string, std::shared_ptr<Node>> stored_names_;
  std::map<std::string, std::vector<Change>> pending_;  // by directory, in order
  std::set<std::string> directories_;
  std::set<std::string> locked_;
  std::uint64_t count_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t cut_at_ = NEVER;
  std::uint64_t failing_sync_ = NEVER;
  std::uint64_t capacity_ = NEVER;
  bool dead_ = false;
  bool tear_inside_ = false;
  bool lying_ = false;
};

}  // namespace everframe::embedded
