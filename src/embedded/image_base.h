// ImageBase: a base in memory whose durable form is one file on a Disk, written anew each time. For small
// databases in simulations, where RocksDB's own files would be out of the simulated disk's reach.
//
//   DIR/image: "everframe-image 1\n", version, serial, rows: 8 bytes each, little-endian; per row key and
//   value, each behind its length as a varint; the XXH64 of all that, 8 bytes
#pragma once
#include "embedded/memory_base.h"
#include "platform/disk.h"

namespace everframe::embedded {

class ImageBase final : public MemoryBase {
 public:
  // `disk` outlives it. An image that is not what was written is refused (1522).
  static Result<std::unique_ptr<Base>> open(platform::Disk& disk, const std::string& directory);
  Result<Mark> make_durable() override;

 private:
  ImageBase(platform::Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}
  Result<void> read(ByteView bytes);
  std::string path() const { return directory_ + "/image"; }

  platform::Disk& disk_;
  const std::string directory_;
};

}  // namespace everframe::embedded
