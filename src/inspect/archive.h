// Archive: a backup's file (grammar: spec/store_format.md, "Backup archive"): rows in key order, in blocks of
// about a megabyte, each compressed (zstd) and checksummed, and a trailer that says how many there are.
// Reading is total: damage, a missing part and an unknown format give an error with file, offset and block.
//
// Threads: one. Memory: a block.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "platform/backup.h"
#include "platform/disk.h"

namespace everframe::inspect {

inline constexpr std::size_t ARCHIVE_BLOCK_BYTES = 1
                                                   << 20;  // before compression; a block has one row at least

class ArchiveWriter {
 public:
  // Makes the file, or empties it.
  static Result<std::unique_ptr<ArchiveWriter>> create(platform::Disk& disk, const std::string& path,
                                                       std::int64_t version);
  Result<void> add(const platform::StoredRow& row);
  Result<void> finish();  // the file is whole and synced
  std::uint64_t rows() const { return rows_; }
  std::uint64_t bytes() const { return place_ + block_.size(); }

 private:
  explicit ArchiveWriter(std::unique_ptr<platform::File> file) : file_(std::move(file)) {}
  Result<void> put(ByteView bytes);
  Result<void> end_block();

  const std::unique_ptr<platform::File> file_;
  std::uint64_t place_ = 0;
  std::uint64_t rows_ = 0;
  std::uint32_t block_rows_ = 0;
  std::uint64_t blocks_ = 0;
  Bytes block_;
};

class ArchiveReader {
 public:
  static Result<std::unique_ptr<ArchiveReader>> open(platform::Disk& disk, const std::string& path);
  std::int64_t version() const { return version_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t place() const { return place_; }
  // The next block's rows; none: the end, and all that was written has been read.
  Result<std::vector<platform::StoredRow>> next();

 private:
  ArchiveReader(std::unique_ptr<platform::File> file, std::string path, std::uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}
  Result<Bytes> take(std::size_t count);
  Result<std::vector<platform::StoredRow>> block(ByteView header);
  Result<std::vector<platform::StoredRow>> trailer();
  tl::unexpected<Error> damaged(std::string_view what) const;

  const std::unique_ptr<platform::File> file_;
  const std::string path_;
  const std::uint64_t size_;
  std::int64_t version_ = 0;
  std::uint64_t place_ = 0;
  std::uint64_t part_ = 0;  // where the part being read begins
  std::uint64_t rows_ = 0;
  std::uint64_t blocks_ = 0;
  std::string last_key_;
  bool ended_ = false;
};

}  // namespace everframe::inspect
