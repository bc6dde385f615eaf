// Disk: files as a log needs them. Blocking; call from a thread that may wait (the engine's commit thread,
// start-up). Contract: written bytes survive a power cut only after File::sync(); a created, renamed or
// removed name only after Disk::sync_directory(). A failed sync means that nothing since the last good one
// can be trusted: never retry it.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace everframe::platform {

class File {
 public:
  virtual ~File() = default;
  virtual Result<std::uint64_t> size() = 0;
  virtual Result<Bytes> read(std::uint64_t offset,
                             std::size_t count) = 0;  // shorter only at the end of the file
  virtual Result<void> write(std::uint64_t offset, ByteView bytes) = 0;
  virtual Result<void> preallocate(
      std::uint64_t size) = 0;  // zero-filled, so that sync() has no metadata to write
  virtual Result<void> truncate(std::uint64_t size) = 0;
  virtual Result<void> sync() = 0;  // fdatasync
};

// Held while a process owns a directory; released by its destruction, or by the process's death.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

class Disk {
 public:
  virtual ~Disk() = default;
  enum class Open { EXISTING, CREATE };
  virtual Result<std::unique_ptr<File>> open(const std::string& path, Open mode) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;  // names, sorted
  virtual Result<void> make_directory(const std::string& path) = 0;  // and its parents; existing is fine
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> sync_directory(const std::string& path) = 0;
  virtual Result<std::unique_ptr<DirectoryLock>> lock(
      const std::string& directory) = 0;  // refused if held elsewhere
};

}  // namespace everframe::platform
