// Transaction's questions about the database's shape: addresses, sizes, split points. They see the database
// as it is now, not at the read version, and not this transaction's writes. A size is an estimate beyond a
// few rows, as FoundationDB's is; split points are counted, so they cost a read of the range.
#include "embedded/errors.h"
#include "embedded/transaction.h"

namespace everframe::embedded {

namespace {

// Split points of a range are counted piece by piece, so that a large one holds little memory.
constexpr std::int64_t PIECE_BYTES = 1 << 20;

// Visits every row of [begin, end) as of `at`.
template <class Visit>
Result<void> each_row(const Storage& storage, std::string begin, std::string_view end, Version at,
                      Visit visit) {
  for (;;) {
    Rows rows;
    ReadLimits limits{ReadLimits::UNLIMITED, PIECE_BYTES};
    const auto more = storage.range(begin, end, at, false, limits, rows);
    if (!more) return tl::unexpected<Error>(more.error());
    for (std::size_t i = 0; i < rows.size(); ++i) visit(rows.key(i), rows.value(i));
    if (!*more || rows.empty()) return {};
    begin = key_after(rows.key(rows.size() - 1));
  }
}

}  // namespace

// One process serves every key.
FutureRef Transaction::addresses_for_key() {
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  return Future::make_ready(0, Future::Strings{{"127.0.0.1:4500"}});
}

FutureRef Transaction::estimated_bytes(std::string_view begin, std::string_view end) {
  if (begin > end) return Future::make_ready(error::INVERTED_RANGE);
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  const auto bytes = database_.storage().bytes_estimate(begin, end, database_.read_version());
  if (!bytes) return Future::make_ready(bytes.error().code);
  return Future::make_ready(0, *bytes);
}

FutureRef Transaction::split_points(std::string_view begin, std::string_view end, std::int64_t chunk_bytes) {
  if (begin > end) return Future::make_ready(error::INVERTED_RANGE);
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  if (begin > max_read_key() || end > max_read_key()) {
    return Future::make_ready(error::KEY_OUTSIDE_LEGAL_RANGE);
  }
  Future::Keys points{{std::string(begin)}};
  std::int64_t bytes = 0;
  const auto counted = each_row(database_.storage(), std::string(begin), end, database_.read_version(),
                                [&](std::string_view key, std::string_view value) {
                                  if (chunk_bytes > 0 && bytes >= chunk_bytes) {
                                    points.keys.emplace_back(key);
                                    bytes = 0;
                                  }
                                  bytes += static_cast<std::int64_t>(key.size() + value.size());
                                });
  if (!counted) return Future::make_ready(counted.error().code);
  if (points.keys.back() != end) points.keys.emplace_back(end);
  return Future::make_ready(0, std::move(points));
}

}  // namespace everframe::embedded
