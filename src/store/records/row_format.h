// Row format: how a record's body (its fields, see body.h) stands in the store's values: with a checksum if
// the schema says so, compressed if that is shorter, split into chunks if it is too large for one value.
//
//   value = u8 head, [u32 checksum], [varint raw_size], [varint chunk_count], rest
//   head    bits 0-3: format, 1; 10 compressed (raw_size follows); 20 chunked (chunk_count follows, the rest
//   lies in
//           the chunks, rows of their own behind this one); 40 checked (the lower half of the body's XXH64
//           follows)
//
// Persistent: spec/store_format.md. Limits: RECORD_BYTES_MAX a body, as a transaction holds 10 MB;
// CHUNK_BYTES a chunk, as a value holds 100,000 bytes.
#pragma once
#include <string>
#include <vector>

#include "store/records/schema.h"

namespace everframe::store::records {

inline constexpr std::size_t CHUNK_BYTES = 90'000;
inline constexpr std::size_t RECORD_BYTES_MAX = 8'000'000;

struct StoredRow {
  std::string head;
  std::vector<std::string> chunks;
};

// An Error if the body is too large: for one value without chunks, or at all.
Result<StoredRow> seal(const RowStyle& style, std::string_view body);

// How many chunks belong to a head.
Result<std::size_t> chunk_count_of(std::string_view head);
// The body again. An Error for damage.
Result<std::string> unseal(std::string_view head, const std::vector<std::string>& chunks);

}  // namespace everframe::store::records
