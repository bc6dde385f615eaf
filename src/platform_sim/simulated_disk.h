// SimulatedDisk: a disk that keeps only what was synced. It counts operations and cuts the power at a chosen
// one; each sector not yet synced is then old or new, each directory keeps a prefix of its changes, as on a
// journalled file system. It can fail a sync, fill up, be slow, stall, and flip bits. All from one seed.
// What an operation takes is told to `spend`, which a simulation gives to make its caller wait.
//
// Threads: any (one lock). Names are plain; directories are prefixes up to the last slash.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/function.h"
#include "base/random.h"
#include "base/time.h"
#include "platform/disk.h"

namespace everframe::platform_sim {

class SimulatedDisk final : public platform::Disk {
 public:
  static constexpr std::size_t SECTOR = 512;
  static constexpr std::uint64_t NEVER = UINT64_MAX;

  explicit SimulatedDisk(std::uint64_t seed) : dice_(seed) {}

  // Counted from now; the operation with this number finds the power gone, and so do all after it. `on_cut`
  // is called once, within that operation.
  void cut_power_after(std::uint64_t operations, Function<void()> on_cut = {});
  void fail_sync_after(std::uint64_t syncs);
  void set_capacity(std::uint64_t bytes);
  std::uint64_t used() const;  // bytes
  // A torn sector may hold neither the old nor the new bytes (disks that break the promise).
  void tear_inside_sectors(bool on) { tear_inside_ = on; }
  void lie_about_syncs(bool on) { lying_ = on; }

  struct Latency {  // each uniform between its two
    Duration operation_low{0};
    Duration operation_high{0};
    Duration sync_low{0};
    Duration sync_high{0};
    unsigned stall_permille = 0;  // of operations, that take `stall` more
    Duration stall{0};
  };
  void be_slow(const Latency& latency, Function<void(Duration)> spend);

  // The machine, or the process that uses it, is gone: nothing of it reaches the disk any more.
  void stop();
  // It comes back. Unsynced state is decided by dice if power was lost, kept if only the process died. All
  // faults that were planned are off.
  void restart(bool power_lost);

  // Flips a bit of a file whose name ends in `suffix`, of what is stored. False: there is no such byte.
  struct Flip {
    std::string path;
    std::size_t at = 0;
    int bit = 0;
  };
  bool flip(std::string_view suffix, Flip& out);
  void unflip(const Flip& flip);

  Result<std::unique_ptr<platform::File>> open(const std::string& path, Open mode) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<void> make_directory(const std::string& path) override;
  Result<void> remove(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::unique_ptr<platform::DirectoryLock>> lock(const std::string& directory) override;

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
  class OpenFile;
  class Lock;

  enum class Kind { OPERATION, SYNC };
  Result<void> step(Kind kind = Kind::OPERATION);
  Result<void> put(Node& node, std::uint64_t offset, ByteView bytes, const std::string& path);
  Result<void> sync(Node& node, const std::string& path);
  static void store(Node& node, std::size_t sector);
  static void toggle(Node& node, const Flip& flip);
  void apply(const Change& change);
  void lose_unsynced();
  void lose_sectors(Node& node);
  std::uint64_t used_locked() const;
  Duration between(Duration low, Duration high);

  mutable std::mutex mutex_;
  Prng dice_;
  std::map<std::string, std::shared_ptr<Node>> names_;
  std::map<std::string, std::shared_ptr<Node>> stored_names_;
  std::map<std::string, std::vector<Change>> pending_;  // by directory, in order
  std::set<std::string> directories_;
  std::set<std::string> locked_;
  std::uint64_t count_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t cut_at_ = NEVER;
  Function<void()> on_cut_;
  std::uint64_t failing_sync_ = NEVER;
  std::uint64_t capacity_ = NEVER;
  Latency latency_;
  Function<void(Duration)> spend_;
  bool dead_ = false;
  bool tear_inside_ = false;
  bool lying_ = false;
};

}  // namespace everframe::platform_sim
