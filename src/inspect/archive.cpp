#include "inspect/archive.h"

#include <zstd.h>

#include "base/codec.h"
#include "base/hash.h"

namespace everframe::inspect {

namespace {

// All persistent.
constexpr std::string_view MAGIC = "EVFBACKUP";
constexpr std::uint32_t FORMAT = 1;
constexpr std::size_t HEADER_BYTES = 9 + 4 + 8 + 8;
constexpr std::uint8_t BLOCK = 1;
constexpr std::uint8_t TRAILER = 2;
constexpr std::size_t BLOCK_HEADER_BYTES = 1 + 4 + 4 + 8;
constexpr std::size_t TRAILER_BYTES = 1 + 8 + 8 + 8;
constexpr std::uint64_t HEADER_SEED = 0x686561646572;     // "header"
constexpr std::uint64_t TRAILER_SEED = 0x747261696c6572;  // "trailer"

constexpr int COMPRESSION_LEVEL = 3;
constexpr std::size_t KEY_BYTES_MAX = 30'000;
constexpr std::size_t VALUE_BYTES_MAX = 100'000;
// One row that does not fit behind a nearly full block, and zstd's worst case.
constexpr std::size_t BLOCK_BYTES_MAX = 2 * ARCHIVE_BLOCK_BYTES;

void put_u64(Bytes& out, std::uint64_t value) {
  ByteWriter(out).u64(value);
}

}  // namespace

Result<std::unique_ptr<ArchiveWriter>> ArchiveWriter::create(platform::Disk& disk, const std::string& path,
                                                             std::int64_t version) {
  auto file = disk.open(path, platform::Disk::Open::CREATE);
  if (!file) return tl::unexpected<Error>(file.error());
  if (auto emptied = (*file)->truncate(0); !emptied) return tl::unexpected<Error>(emptied.error());
  std::unique_ptr<ArchiveWriter> writer(new ArchiveWriter(std::move(*file)));
  Bytes header;
  ByteWriter out(header);
  out.raw_bytes(bytes_of(MAGIC));
  out.u32(FORMAT);
  out.u64(static_cast<std::uint64_t>(version));
  put_u64(header, hash64(header, HEADER_SEED));
  if (auto written = writer->put(header); !written) return tl::unexpected<Error>(written.error());
  return writer;
}

Result<void> ArchiveWriter::put(ByteView bytes) {
  auto written = file_->write(place_, bytes);
  if (written) place_ += bytes.size();
  return written;
}

Result<void> ArchiveWriter::add(const platform::StoredRow& row) {
  ByteWriter out(block_);
  out.text(row.key);
  out.text(row.value);
  ++rows_;
  ++block_rows_;
  return block_.size() < ARCHIVE_BLOCK_BYTES ? Result<void>() : end_block();
}

Result<void> ArchiveWriter::end_block() {
  if (block_rows_ == 0) return {};
  Bytes packed(ZSTD_compressBound(block_.size()));
  const std::size_t size =
      ZSTD_compress(packed.data(), packed.size(), block_.data(), block_.size(), COMPRESSION_LEVEL);
  if (ZSTD_isError(size) != 0) return fail("zstd: {}", ZSTD_getErrorName(size));
  packed.resize(size);
  Bytes part;
  ByteWriter out(part);
  out.u8(BLOCK);
  out.u32(static_cast<std::uint32_t>(size));
  out.u32(block_rows_);
  out.u64(hash64(packed, blocks_));
  out.raw_bytes(packed);
  ++blocks_;
  block_rows_ = 0;
  block_.clear();
  return put(part);
}

Result<void> ArchiveWriter::finish() {
  if (auto ended = end_block(); !ended) return ended;
  Bytes part;
  ByteWriter out(part);
  out.u8(TRAILER);
  out.u64(blocks_);
  out.u64(rows_);
  put_u64(part, hash64(part, TRAILER_SEED));
  if (auto written = put(part); !written) return written;
  return file_->sync();
}

tl::unexpected<Error> ArchiveReader::damaged(std::string_view what) const {
  return fail("{} at offset {} (block {}): {}", path_, part_, blocks_, what);
}

Result<Bytes> ArchiveReader::take(std::size_t count) {
  auto bytes = file_->read(place_, count);
  if (!bytes) return bytes;
  if (bytes->size() < count) return damaged("the file ends in the middle: it was cut off");
  place_ += count;
  return bytes;
}

Result<std::unique_ptr<ArchiveReader>> ArchiveReader::open(platform::Disk& disk, const std::string& path) {
  auto file = disk.open(path, platform::Disk::Open::EXISTING);
  if (!file) return tl::unexpected<Error>(file.error());
  const auto size = (*file)->size();
  if (!size) return tl::unexpected<Error>(size.error());
  std::unique_ptr<ArchiveReader> reader(new ArchiveReader(std::move(*file), path, *size));
  const auto header = reader->take(HEADER_BYTES);
  if (!header) return tl::unexpected<Error>(header.error());
  ByteReader in(*header);
  if (chars_of(in.raw_bytes(MAGIC.size())) != MAGIC) return fail("{} is no backup of a store", path);
  const std::uint32_t format = in.u32();
  reader->version_ = static_cast<std::int64_t>(in.u64());
  if (in.u64() != hash64(ByteView(*header).first(HEADER_BYTES - 8), HEADER_SEED)) {
    return reader->damaged("the header is damaged (checksum)");
  }
  if (format != FORMAT) {
    return fail("{} is a backup of format {}; this program reads format {}: use a newer one", path, format,
                FORMAT);
  }
  return reader;
}

Result<std::vector<platform::StoredRow>> ArchiveReader::next() {
  if (ended_) return std::vector<platform::StoredRow>();
  part_ = place_;
  const auto tag = take(1);
  if (!tag) return tl::unexpected<Error>(tag.error());
  if (tag->front() == TRAILER) return trailer();
  if (tag->front() != BLOCK) return damaged("neither a block nor the end begins here");
  const auto header = take(BLOCK_HEADER_BYTES - 1);
  if (!header) return tl::unexpected<Error>(header.error());
  return block(*header);
}

Result<std::vector<platform::StoredRow>> ArchiveReader::block(ByteView header) {
  ByteReader in(header);
  const std::uint32_t size = in.u32();
  const std::uint32_t count = in.u32();
  const std::uint64_t sum = in.u64();
  if (size > ZSTD_compressBound(BLOCK_BYTES_MAX))
    return damaged("a block larger than any: its header is damaged");
  const auto packed = take(size);
  if (!packed) return tl::unexpected<Error>(packed.error());
  if (hash64(*packed, blocks_) != sum) return damaged("damaged (checksum)");
  const auto whole = ZSTD_getFrameContentSize(packed->data(), packed->size());
  if (whole > BLOCK_BYTES_MAX) return damaged("not compressed as a block is");
  Bytes plain(static_cast<std::size_t>(whole));
  const std::size_t got = ZSTD_decompress(plain.data(), plain.size(), packed->data(), packed->size());
  if (ZSTD_isError(got) != 0 || got != plain.size()) return damaged("does not decompress");
  std::vector<platform::StoredRow> rows;
  ByteReader reader(plain);
  while (reader.ok() && reader.remaining() > 0) {
    std::string key(reader.text(KEY_BYTES_MAX));
    std::string value(reader.text(VALUE_BYTES_MAX));
    if (rows_ + rows.size() > 0 && key <= last_key_) return damaged("its rows are not in key order");
    last_key_ = key;
    rows.push_back({std::move(key), std::move(value)});
  }
  if (!reader.ok() || rows.empty() || rows.size() != count) return damaged("its rows do not parse");
  ++blocks_;
  rows_ += rows.size();
  return rows;
}

Result<std::vector<platform::StoredRow>> ArchiveReader::trailer() {
  const auto rest = take(TRAILER_BYTES - 1);
  if (!rest) return tl::unexpected<Error>(rest.error());
  Bytes part{TRAILER};
  part.insert(part.end(), rest->begin(), rest->end());
  ByteReader in(ByteView(part).subspan(1));
  const std::uint64_t blocks = in.u64();
  const std::uint64_t rows = in.u64();
  if (in.u64() != hash64(ByteView(part).first(TRAILER_BYTES - 8), TRAILER_SEED)) {
    return damaged("the end is damaged (checksum)");
  }
  if (blocks != blocks_ || rows != rows_) {
    return damaged(
        fmt::format("{} blocks and {} rows were written; {} and {} are there", blocks, rows, blocks_, rows_));
  }
  if (place_ != size_) return damaged("something follows the end");
  ended_ = true;
  return std::vector<platform::StoredRow>();
}

}  // namespace everframe::inspect
