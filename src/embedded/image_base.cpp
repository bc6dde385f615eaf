#include "embedded/image_base.h"

#include <algorithm>
#include <shared_mutex>

#include "base/codec.h"
#include "base/hash.h"
#include "embedded/errors.h"

namespace everframe::embedded {

namespace {

constexpr std::string_view MAGIC = "everframe-image 1\n";
constexpr std::size_t SUM_BYTES = 8;

}  // namespace

Result<std::unique_ptr<Base>> ImageBase::open(platform::Disk& disk, const std::string& directory) {
  std::unique_ptr<ImageBase> base(new ImageBase(disk, directory));
  const auto names = disk.list(directory);
  if (!names) return tl::unexpected(names.error());
  if (std::find(names->begin(), names->end(), "image") == names->end()) return base;
  auto file = disk.open(base->path(), platform::Disk::Open::EXISTING);
  if (!file) return tl::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return tl::unexpected(size.error());
  const auto bytes = (*file)->read(0, *size);
  if (!bytes) return tl::unexpected(bytes.error());
  if (auto read = base->read(*bytes); !read) return tl::unexpected(read.error());
  return base;
}

Result<void> ImageBase::read(ByteView bytes) {
  const auto damaged = [this] { return fail_with(error::FILE_CORRUPT, "{} is damaged", path()); };
  if (bytes.size() < MAGIC.size() + SUM_BYTES || chars_of(bytes.first(MAGIC.size())) != MAGIC)
    return damaged();
  const ByteView body = bytes.first(bytes.size() - SUM_BYTES);
  if (ByteReader(bytes.last(SUM_BYTES)).u64() != hash64(body)) return damaged();
  ByteReader in(body.subspan(MAGIC.size()));
  mark_.version = static_cast<Version>(in.u64());
  mark_.serial = in.u64();
  const std::uint64_t rows = in.u64();
  for (std::uint64_t i = 0; i < rows && in.ok(); ++i) {
    const std::string key(in.text(in.remaining()));
    map_.emplace_hint(map_.end(), key, in.text(in.remaining()));
  }
  return in.done() ? Result<void>() : damaged();
}

Result<Mark> ImageBase::make_durable() {
  Bytes bytes;
  ByteWriter out(bytes);
  out.raw_bytes(bytes_of(MAGIC));
  const Mark durable = mark();
  out.u64(static_cast<std::uint64_t>(durable.version));
  out.u64(durable.serial);
  {
    const std::shared_lock lock(mutex_);
    out.u64(map_.size());
    for (const auto& [key, value] : map_) {
      out.text(key);
      out.text(value);
    }
  }
  out.u64(hash64(bytes));
  const std::string fresh = path() + ".new";
  auto file = disk_.open(fresh, platform::Disk::Open::CREATE);
  if (!file) return tl::unexpected(file.error());
  if (auto emptied = (*file)->truncate(0); !emptied) return tl::unexpected(emptied.error());
  if (auto written = (*file)->write(0, bytes); !written) return tl::unexpected(written.error());
  if (auto synced = (*file)->sync(); !synced) return tl::unexpected(synced.error());
  if (auto renamed = disk_.rename(fresh, path()); !renamed) return tl::unexpected(renamed.error());
  if (auto named = disk_.sync_directory(directory_); !named) return tl::unexpected(named.error());
  return durable;
}

}  // namespace everframe::embedded
