// Transaction's get_mapped_range: a range of an index, and for each of its rows what it points to. As in
// FoundationDB: serializable, forwards, with read-your-writes enabled, over what this transaction has not
// written (2039 otherwise).
#include "embedded/errors.h"
#include "embedded/mapper.h"
#include "embedded/transaction.h"

namespace everframe::embedded {

namespace {

// FoundationDB's QUICK_GET_KEY_VALUES_LIMIT and _LIMIT_BYTES: what one row may lead to.
constexpr std::int64_t MAPPED_ROWS_MAX = 2'000;
constexpr std::int64_t MAPPED_BYTES_MAX = 10'000'000;

// The first key behind all that begin with `prefix`.
std::string behind_prefix(std::string_view prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.remove_suffix(1);
  std::string out(prefix);
  if (out.empty()) return "\xff";
  out.back() = static_cast<char>(static_cast<std::uint8_t>(out.back()) + 1);
  return out;
}

}  // namespace

Result<Future::MappedRow> Transaction::map_row(std::string_view key, std::string_view value,
                                               const Mapper& mapper) {
  const auto refuse = [](fdb_error_t code) { return fail_with(code, "{}", error::text(code)); };
  auto mapped = mapper.key_for(key, value);
  if (!mapped) return tl::unexpected<Error>(mapped.error());
  Future::MappedRow out{std::string(key), std::string(value), *mapped, {}, mapper.is_range(), {}};
  out.end = mapper.is_range() ? behind_prefix(*mapped) : key_after(*mapped);
  if (out.begin > max_read_key() || out.end > max_read_key()) return refuse(error::KEY_OUTSIDE_LEGAL_RANGE);
  if (written_->writes.touches(out.begin, out.end)) return refuse(error::MAPPED_RANGE_READS_YOUR_WRITES);
  ReadLimits limits{MAPPED_ROWS_MAX, MAPPED_BYTES_MAX};
  const auto more = read_range(out.begin, out.end, false, false, limits, out.rows);
  if (!more) return tl::unexpected<Error>(more.error());
  if (*more) return refuse(error::MAPPED_RANGE_HAS_MORE);
  add_read_conflict(out.begin, out.end);
  return out;
}

FutureRef Transaction::get_mapped_range(const RangeRequest& request, std::string_view mapper_tuple) {
  if (deferred_ != 0) return Future::make_ready(deferred_);
  if (request.begin.key.starts_with("\xff\xff")) return Future::make_ready(error::CLIENT_INVALID_OPERATION);
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  if (request.begin.key > max_read_key() || request.end.key > max_read_key()) {
    return Future::make_ready(error::KEY_OUTSIDE_LEGAL_RANGE);
  }
  if (request.snapshot || request.reverse || options_.read_your_writes_disabled) {
    return Future::make_ready(error::UNSUPPORTED_OPERATION);
  }
  const auto mapper = Mapper::parse(mapper_tuple);
  if (!mapper) return failed(mapper.error());
  const bool is_first = read_version_ == NO_VERSION;
  RangeRequest plain = request;
  plain.snapshot = true;  // the conflict range is added below, once it is known to be unwritten
  auto index = read_range_request(plain);
  if (!index) return failed(index.error());
  Future::MappedRange out;
  out.more = index->more;
  for (std::size_t i = 0; i < index->rows.size(); ++i) {
    const std::string_view key = index->rows.key(i);
    if (written_->writes.touches(key, key_after(key))) {
      return failed(Error{"", error::MAPPED_RANGE_READS_YOUR_WRITES});
    }
    auto row = map_row(key, index->rows.value(i), *mapper);
    if (!row) return failed(row.error());
    out.rows.push_back(std::move(*row));
  }
  plain.snapshot = false;
  if (auto conflicts = read_range_request(plain); !conflicts) return failed(conflicts.error());
  return answer_read(Future::make_ready(0, std::move(out)), is_first);
}

}  // namespace everframe::embedded
