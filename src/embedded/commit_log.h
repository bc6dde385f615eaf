// CommitLog: the durable order of commits. Records are numbered by a serial, 1 2 3 ..., and lie in segment
// files that are zero-filled beforehand, so that a sync has no metadata to write. append() is one write and
// one sync.
//
// After a crash replay() gives back every record that append() acknowledged, and perhaps the one after them.
// What lies behind the last whole record is a torn tail, and is dropped, if each of its sectors is whole; a
// rotten sector where a record should be, a record missing before a later one, or a log that does not reach
// back to the base refuses, with file and offset (1522).
//
// A failed write or sync is final (platform/disk.h): every later append fails. Its error's code says what is
// known: 1021, the record may come back after a restart; 1510, nothing of it was written.
//
// Threads: append on one thread; the rest on one other. Files: DIR/NNNNNNNN.log (the segment's number in
// hex), and DIR/spare.log, the next one being made ready.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "base/function.h"
#include "platform/disk.h"

namespace everframe::embedded {

// Test switches: each takes away one guarantee, and a test must notice. All false in a running server.
struct LogFaults {
  bool skip_sync = false;           // written, never synced
  bool answer_before_sync = false;  // the sync of a record happens when the next one is appended
  bool ignore_failed_sync = false;  // a commit whose sync failed is answered, and later ones go on
  bool skip_checksums = false;      // whatever a sector's bytes are, they are believed
};

class CommitLog {
 public:
  struct Options {
    platform::Disk* disk = nullptr;
    std::string directory;
    std::size_t segment_bytes = 16 << 20;  // zero-filled in about 30 ms; two or three are kept
    LogFaults faults;
  };
  explicit CommitLog(Options options) : options_(std::move(options)) {}

  // Calls `visit` for each record behind `settled`, the last serial that the base holds; gives the last
  // serial. Before begin().
  using Visit = Function<Result<void>(std::uint64_t serial, ByteView record)>;
  Result<std::uint64_t> replay(std::uint64_t settled, const Visit& visit);

  // Starts a new segment behind serial `last`, and removes all earlier ones: the base holds them durably.
  Result<void> begin(std::uint64_t last);

  Result<void> append(ByteView record);
  std::uint64_t last_serial() const { return serial_; }  // on the appending thread

  // Full segments that end at or before `serial`.
  std::size_t full_segments(std::uint64_t serial) const;
  bool has_spare() const;
  // The base holds everything through `serial` durably: segments that end there are reused or removed.
  Result<void> release(std::uint64_t serial);
  // Makes the next segment ready, so that append() need not.
  Result<void> prepare();

 private:
  struct Segment {
    std::uint32_t number;
    std::uint64_t last_serial;
  };
  struct Scan;

  std::string path(std::uint32_t number) const;
  std::string spare_path() const { return options_.directory + "/spare.log"; }
  Result<std::vector<std::uint32_t>> segment_numbers() const;
  Result<void> replay_segment(std::uint32_t number, Scan& scan, const Visit& visit);
  Result<std::unique_ptr<platform::File>> make(const std::string& path, std::size_t bytes);
  Result<void> roll(std::size_t record_bytes);

  const Options options_;

  // The appending thread's:
  std::unique_ptr<platform::File> file_;
  std::uint32_t number_ = 0;
  std::uint64_t serial_ = 0;
  std::uint64_t place_ = 0;   // of the next sector
  std::uint64_t places_ = 0;  // in the segment
  bool failed_ = false;
  Bytes buffer_;

  mutable std::mutex mutex_;  // guards what follows
  std::deque<Segment> full_;
  bool spare_ready_ = false;
};

}  // namespace everframe::embedded
