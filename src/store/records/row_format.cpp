#include "store/records/row_format.h"

#include <zstd.h>

#include "base/hash.h"

namespace everframe::store::records {

namespace {

// Persistent.
constexpr std::uint8_t FORMAT = 1;
constexpr std::uint8_t FORMAT_MASK = 0x0f;
constexpr std::uint8_t COMPRESSED = 0x10;
constexpr std::uint8_t CHUNKED = 0x20;
constexpr std::uint8_t CHECKED = 0x40;

constexpr int COMPRESSION_LEVEL = 3;  // zstd's own default
constexpr std::size_t CHUNKS_MAX = RECORD_BYTES_MAX / CHUNK_BYTES + 1;

std::uint32_t checksum_of(std::string_view body) {
  return static_cast<std::uint32_t>(hash64(bytes_of(body)));
}

// Empty if that is not shorter.
std::string compress(std::string_view body) {
  std::string out(ZSTD_compressBound(body.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), body.data(), body.size(), COMPRESSION_LEVEL);
  if (ZSTD_isError(size) != 0 || size >= body.size()) return {};
  out.resize(size);
  return out;
}

struct Head {
  std::uint8_t flags = 0;
  std::uint32_t checksum = 0;
  std::size_t raw_size = 0;
  std::size_t chunk_count = 0;
  std::string_view rest;
};

Result<Head> read_head(std::string_view value) {
  ByteReader in(bytes_of(value));
  Head head;
  head.flags = in.u8();
  if (in.ok() && (head.flags & FORMAT_MASK) != FORMAT) {
    return fail("a record has format {}, this program reads {}", head.flags & FORMAT_MASK, FORMAT);
  }
  if ((head.flags & CHECKED) != 0) head.checksum = in.u32();
  if ((head.flags & COMPRESSED) != 0) head.raw_size = in.varint_up_to(RECORD_BYTES_MAX);
  if ((head.flags & CHUNKED) != 0) head.chunk_count = in.varint_up_to(CHUNKS_MAX);
  if (!in.ok() || (head.flags & 0x80) != 0)
    return fail("a record's value of {} bytes is damaged", value.size());
  head.rest = chars_of(in.raw_bytes(in.remaining()));
  return head;
}

}  // namespace

Result<StoredRow> seal(const RowStyle& style, std::string_view body) {
  if (body.size() > RECORD_BYTES_MAX) {
    return fail("a record of {} bytes is too large: {} at most", body.size(), RECORD_BYTES_MAX);
  }
  std::string compressed;
  if (body.size() > style.compress_above) compressed = compress(body);
  const std::string_view rest = compressed.empty() ? body : std::string_view(compressed);
  const bool in_chunks = rest.size() > CHUNK_BYTES;
  if (in_chunks && !style.chunked) {
    return fail("a record of {} bytes does not fit in a value of {}: its schema may say chunked()",
                rest.size(), CHUNK_BYTES);
  }
  std::uint8_t flags = FORMAT;
  if (style.checked) flags |= CHECKED;
  if (!compressed.empty()) flags |= COMPRESSED;
  if (in_chunks) flags |= CHUNKED;
  Bytes head;
  ByteWriter out(head);
  out.u8(flags);
  if (style.checked) out.u32(checksum_of(body));
  if (!compressed.empty()) out.varint(body.size());
  StoredRow row;
  if (in_chunks) {
    for (std::size_t at = 0; at < rest.size(); at += CHUNK_BYTES)
      row.chunks.emplace_back(rest.substr(at, CHUNK_BYTES));
    out.varint(row.chunks.size());
  } else {
    out.raw_bytes(bytes_of(rest));
  }
  row.head = chars_of(head);
  return row;
}

Result<std::size_t> chunk_count_of(std::string_view value) {
  return read_head(value).map([](const Head& head) { return head.chunk_count; });
}

Result<std::string> unseal(std::string_view value, const std::vector<std::string>& chunks) {
  const auto head = read_head(value);
  if (!head) return tl::unexpected(head.error());
  if (chunks.size() != head->chunk_count) {
    return fail("a record is damaged: {} chunks, its head says {}", chunks.size(), head->chunk_count);
  }
  std::string body(head->rest);
  for (const std::string& chunk : chunks) body += chunk;
  if ((head->flags & COMPRESSED) != 0) {
    std::string raw(head->raw_size, '\0');
    const std::size_t size = ZSTD_decompress(raw.data(), raw.size(), body.data(), body.size());
    if (ZSTD_isError(size) != 0 || size != raw.size())
      return fail("a record is damaged: it cannot be decompressed");
    body = std::move(raw);
  }
  if ((head->flags & CHECKED) != 0 && checksum_of(body) != head->checksum) {
    return fail("a record of {} bytes is damaged: its checksum is wrong", body.size());
  }
  return body;
}

}  // namespace everframe::store::records
