#include "platform_sim/simulated_disk.h"

#include <algorithm>
#include <cerrno>

namespace everframe::platform_sim {

namespace {

std::string directory_of(const std::string& path) {
  return path.substr(0, path.find_last_of('/'));
}

void add_child(const std::string& path, const std::string& prefix, std::set<std::string>& names) {
  if (!path.starts_with(prefix)) return;
  names.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
}

}  // namespace

class SimulatedDisk::OpenFile final : public platform::File {
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
    return live ? disk_.put(*node_, offset, bytes, path_) : live;
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
    auto live = disk_.step(Kind::SYNC);
    return live ? disk_.sync(*node_, path_) : live;
  }

 private:
  SimulatedDisk& disk_;
  const std::shared_ptr<Node> node_;
  const std::string path_;
};

class SimulatedDisk::Lock final : public platform::DirectoryLock {
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

// ---- faults ----

void SimulatedDisk::cut_power_after(std::uint64_t operations, Function<void()> on_cut) {
  const std::lock_guard lock(mutex_);
  cut_at_ = operations == NEVER ? NEVER : count_ + operations;
  on_cut_ = std::move(on_cut);
}

void SimulatedDisk::fail_sync_after(std::uint64_t syncs) {
  const std::lock_guard lock(mutex_);
  failing_sync_ = syncs == NEVER ? NEVER : syncs_ + syncs;
}

void SimulatedDisk::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

std::uint64_t SimulatedDisk::used() const {
  const std::lock_guard lock(mutex_);
  return used_locked();
}

void SimulatedDisk::be_slow(const Latency& latency, Function<void(Duration)> spend) {
  const std::lock_guard lock(mutex_);
  latency_ = latency;
  spend_ = std::move(spend);
}

void SimulatedDisk::stop() {
  const std::lock_guard lock(mutex_);
  dead_ = true;
}

void SimulatedDisk::restart(bool power_lost) {
  const std::lock_guard lock(mutex_);
  if (power_lost) lose_unsynced();
  locked_.clear();
  cut_at_ = failing_sync_ = capacity_ = NEVER;
  on_cut_ = nullptr;
  dead_ = false;
}

bool SimulatedDisk::flip(std::string_view suffix, Flip& out) {
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

void SimulatedDisk::unflip(const Flip& flip) {
  const std::lock_guard lock(mutex_);
  if (const auto found = names_.find(flip.path); found != names_.end()) toggle(*found->second, flip);
}

void SimulatedDisk::toggle(Node& node, const Flip& flip) {
  const auto mask = static_cast<std::uint8_t>(1U << flip.bit);
  if (flip.at < node.now.size()) node.now[flip.at] ^= mask;
  if (flip.at < node.stored.size()) node.stored[flip.at] ^= mask;
}

// ---- names ----

Result<std::unique_ptr<platform::File>> SimulatedDisk::open(const std::string& path, Open mode) {
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

Result<std::vector<std::string>> SimulatedDisk::list(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  if (auto live = step(); !live) return tl::unexpected(live.error());
  std::set<std::string> names;
  const std::string prefix = directory + "/";
  for (const std::string& path : directories_) add_child(path, prefix, names);
  for (const auto& [path, node] : names_) add_child(path, prefix, names);
  return std::vector<std::string>(names.begin(), names.end());
}

Result<void> SimulatedDisk::make_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  directories_.insert(path);  // durable at once: no test is about directories
  return step();
}

Result<void> SimulatedDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto live = step(); !live) return live;
  if (names_.erase(path) == 0) return fail_with(ENOENT, "cannot remove {}: it does not exist", path);
  pending_[directory_of(path)].push_back({path, nullptr, {}, nullptr});
  return {};
}

Result<void> SimulatedDisk::rename(const std::string& from, const std::string& to) {
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

Result<void> SimulatedDisk::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto live = step(Kind::SYNC); !live) return live;
  auto& changes = pending_[path];
  for (const Change& change : changes) apply(change);
  changes.clear();
  return {};
}

Result<std::unique_ptr<platform::DirectoryLock>> SimulatedDisk::lock(const std::string& directory) {
  const std::lock_guard guard(mutex_);
  if (auto live = step(); !live) return tl::unexpected(live.error());
  if (!locked_.insert(directory).second) return fail("{} is in use", directory);
  return std::make_unique<Lock>(*this, directory);
}

// ---- what is where ----

Duration SimulatedDisk::between(Duration low, Duration high) {
  return high <= low ? low : Duration(dice_.between(low.count(), high.count()));
}

Result<void> SimulatedDisk::step(Kind kind) {
  if (!dead_ && ++count_ > cut_at_) {
    dead_ = true;
    if (on_cut_) std::exchange(on_cut_, nullptr)();
  }
  if (dead_) return fail_with(EIO, "the power is gone");
  if (spend_) {
    Duration taken = kind == Kind::SYNC ? between(latency_.sync_low, latency_.sync_high)
                                        : between(latency_.operation_low, latency_.operation_high);
    if (latency_.stall_permille > 0 && dice_.below(1'000) < latency_.stall_permille) taken += latency_.stall;
    spend_(taken);
  }
  return {};
}

std::uint64_t SimulatedDisk::used_locked() const {
  std::uint64_t used = 0;
  for (const auto& [name, node] : names_) used += node->now.size();
  return used;
}

Result<void> SimulatedDisk::put(Node& node, std::uint64_t offset, ByteView bytes, const std::string& path) {
  const std::size_t end = static_cast<std::size_t>(offset) + bytes.size();
  if (end > node.now.size()) {
    if (used_locked() + end - node.now.size() > capacity_)
      return fail_with(ENOSPC, "cannot write {}: no space left on the disk", path);
    node.now.resize(end);
  }
  std::copy(bytes.begin(), bytes.end(), node.now.begin() + static_cast<std::ptrdiff_t>(offset));
  for (std::size_t s = offset / SECTOR; s * SECTOR < end; ++s) node.dirty.insert(s);
  return {};
}

Result<void> SimulatedDisk::sync(Node& node, const std::string& path) {
  if (++syncs_ > failing_sync_) {
    // As Linux does it: the dirty pages count as clean from now on, and are lost or not.
    for (const std::size_t sector : node.dirty) {
      if (dice_.below(2) == 0) store(node, sector);
    }
    node.dirty.clear();
    return fail_with(EIO, "cannot sync {}: input/output error", path);
  }
  if (lying_) return {};
  for (const std::size_t sector : node.dirty) store(node, sector);
  node.stored.resize(node.now.size());
  node.dirty.clear();
  return {};
}

void SimulatedDisk::store(Node& node, std::size_t sector) {
  const std::size_t from = sector * SECTOR;
  if (from >= node.now.size()) return;
  const std::size_t to = std::min(from + SECTOR, node.now.size());
  if (node.stored.size() < to) node.stored.resize(to);
  std::copy(node.now.begin() + static_cast<std::ptrdiff_t>(from),
            node.now.begin() + static_cast<std::ptrdiff_t>(to),
            node.stored.begin() + static_cast<std::ptrdiff_t>(from));
}

void SimulatedDisk::apply(const Change& change) {
  if (change.node != nullptr) {
    stored_names_[change.path] = change.node;
  } else {
    stored_names_.erase(change.path);
  }
  if (change.also_node != nullptr) stored_names_[change.also] = change.also_node;
}

void SimulatedDisk::lose_unsynced() {
  for (auto& [directory, changes] : pending_) {
    const std::size_t kept = dice_.below(changes.size() + 1);
    for (std::size_t i = 0; i < kept; ++i) apply(changes[i]);
    changes.clear();
  }
  for (auto& [path, node] : names_) lose_sectors(*node);
  for (auto& [path, node] : stored_names_) lose_sectors(*node);
  names_ = stored_names_;
}

void SimulatedDisk::lose_sectors(Node& node) {
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

}  // namespace everframe::platform_sim
