#include "store/records/scan.h"

#include <algorithm>

#include "base/hash.h"

namespace everframe::store::records {

namespace {

constexpr std::uint8_t TOKEN_FORMAT = 1;  // continuations may be kept: persistent
constexpr std::size_t KEY_BYTES_MAX = 10'000;

std::uint64_t hash_of(const ScanPath& path, bool reverse) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.text(path.range.begin);
  out.text(path.range.end);
  out.u8(reverse ? 1 : 0);
  return hash64(bytes);
}

}  // namespace

RowCursor::RowCursor(Transaction& t, const TableCore& table, ScanPath path, ScanOptions options)
    : t_(&t),
      table_(&table),
      path_(std::move(path)),
      options_(std::move(options)),
      query_(hash_of(path_, options_.reverse)) {
  EF_ASSERT(options_.page_rows > 0);
}

// Reads the continuation, if there is one, and asks for the first page.
Result<void> RowCursor::start() {
  started_ = true;
  resume_at_ = (options_.reverse ? path_.range.end : path_.range.begin).substr(path_.prefix.size());
  if (!options_.continuation.empty()) {
    ByteReader in(bytes_of(options_.continuation));
    const std::uint8_t format = in.u8();
    const std::uint64_t query = in.u64();
    const std::string position = path_.prefix + std::string(in.text(KEY_BYTES_MAX));
    const bool within = position >= path_.range.begin && position <= path_.range.end;
    if (!in.done() || format != TOKEN_FORMAT || query != query_ || !within) {
      return fail("the continuation does not belong to this query of table {}", table_->shape().name);
    }
    resume_at_ = position.substr(path_.prefix.size());
    (options_.reverse ? path_.range.end : path_.range.begin) = position;
  }
  ask_ahead();
  return {};
}

Result<void> RowCursor::begin() {
  return started_ ? Result<void>() : start();
}

std::string RowCursor::continuation() const {
  if (!started_) return options_.continuation;
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(TOKEN_FORMAT);
  out.u64(query_);
  out.text(resume_at_);
  return std::string(chars_of(bytes));
}

bool RowCursor::is_finished() const {
  return started_ && asked_all_ && !ahead_ && pending_.empty();
}

bool RowCursor::at_limit() const {
  return (options_.rows_max != 0 && rows_ >= options_.rows_max) ||
         (options_.bytes_max != 0 && bytes_ >= options_.bytes_max);
}

// How many rows of the store the next page is to have.
std::size_t RowCursor::rows_wanted() const {
  if (options_.rows_max == 0) return options_.page_rows;
  const std::size_t had = rows_ + pending_.size();
  const std::size_t left = options_.rows_max > had ? options_.rows_max - had : 0;
  const bool chunks = path_.source == ScanPath::Source::ROWS && table_->shape().style.chunked;
  return chunks && left > 0 ? options_.page_rows : std::min(left, options_.page_rows);
}

void RowCursor::ask_ahead() {
  if (asked_all_ || ahead_ || at_limit()) return;
  const std::size_t wanted = rows_wanted();
  if (wanted == 0) return;
  const RangeOptions options{wanted, options_.reverse, options_.snapshot};
  ahead_.emplace(t_->get_page(path_.range, options, options_.bytes_max));
}

Task<Result<std::optional<FoundRow>>> RowCursor::next() {
  using Found = std::optional<FoundRow>;
  if (auto begun = begin(); !begun) co_return tl::unexpected<Error>(begun.error());
  for (;;) {
    if (at_limit()) co_return Found();
    if (!pending_.empty()) break;
    ask_ahead();
    if (!ahead_) co_return Found();
    if (auto fetched = co_await fetch(); !fetched) co_return tl::unexpected<Error>(fetched.error());
  }
  Pending found = std::move(pending_.front());
  pending_.pop_front();
  if (found.read) {
    auto body = co_await std::move(*found.read);
    if (!body) co_return tl::unexpected<Error>(body.error());
    if (!*body) co_return fail("an index of table {} names a record that is not there", table_->shape().name);
    found.row.body = std::move(**body);
    found.bytes += found.row.body.size();
  }
  ++rows_;
  bytes_ += found.bytes;
  resume_at_ = std::move(found.resume_at);
  co_return std::move(found.row);
}

Task<Result<void>> RowCursor::fetch() {
  Started<Result<Page>> asked = std::move(*ahead_);
  ahead_.reset();
  auto page = co_await std::move(asked);
  if (!page) co_return tl::unexpected<Error>(page.error());
  asked_all_ = !page->more;
  if (!page->rows.empty()) {
    std::string last(page->rows.back().key);
    if (!options_.reverse) last += '\0';
    (options_.reverse ? path_.range.end : path_.range.begin) = std::move(last);
  }
  if (auto taken = take(page->rows); !taken) co_return taken;
  if (asked_all_ && partial_) co_return fail("a record of table {} is cut short", table_->shape().name);
  if (options_.prefetch) ask_ahead();
  co_return Result<void>{};
}

Result<void> RowCursor::take(const KeyValues& rows) {
  for (const KeyValue& row : rows) {
    auto taken = path_.source == ScanPath::Source::ROWS ? take_row(row) : take_entry(row);
    if (!taken) return taken;
  }
  return {};
}

Result<void> RowCursor::take_entry(const KeyValue& row) {
  Pending entry;
  entry.bytes = row.key.size() + row.value.size();
  entry.row.entry_key = row.key.substr(path_.prefix.size());
  entry.resume_at = entry.row.entry_key;
  if (!options_.reverse) entry.resume_at += '\0';
  if (path_.source == ScanPath::Source::UNIQUE_ENTRIES) {
    entry.row.packed_key = row.value;
  } else {
    const auto key = skip_elements(entry.row.entry_key, path_.keyed);
    if (!key) return tl::unexpected(key.error());
    entry.row.packed_key = *key;
    entry.row.body = row.value;
  }
  if (!path_.covered) {
    entry.read.emplace(table_->read_row(*t_, table_->layout().row(entry.row.packed_key), options_.snapshot));
  }
  pending_.push_back(std::move(entry));
  return {};
}

// Chunks come behind their record's head, or before it in reverse.
Result<void> RowCursor::take_row(const KeyValue& row) {
  const std::size_t bytes = row.key.size() + row.value.size();
  std::string_view packed_key = row.key.substr(path_.prefix.size());
  if (!table_->shape().style.chunked) {
    auto body = unseal(row.value, {});
    if (!body) return tl::unexpected(body.error());
    deliver_row(packed_key, std::move(*body), bytes);
    return {};
  }
  const auto rest = skip_elements(packed_key, table_->shape().description.key.size());
  if (!rest) return tl::unexpected(rest.error());
  const bool is_head = rest->empty();
  packed_key.remove_suffix(rest->size());
  if (!partial_) partial_ = Partial{packed_key, std::nullopt, {}};
  if (partial_->packed_key != packed_key)
    return fail("a record of table {} is cut short", table_->shape().name);
  if (is_head) {
    partial_->head = row.value;
  } else {
    partial_->chunks.emplace_back(row.value);
  }
  if (!partial_->head) return {};
  const auto expected = chunk_count_of(*partial_->head);
  if (!expected) return tl::unexpected(expected.error());
  if (partial_->chunks.size() < *expected) return {};
  if (options_.reverse) std::reverse(partial_->chunks.begin(), partial_->chunks.end());
  auto body = unseal(*partial_->head, partial_->chunks);
  if (!body) return tl::unexpected(body.error());
  partial_.reset();
  const std::size_t size = packed_key.size() + body->size();
  deliver_row(packed_key, std::move(*body), size);
  return {};
}

void RowCursor::deliver_row(KeyBytes packed_key, std::string body, std::size_t bytes) {
  Pending row;
  row.resume_at = packed_key;
  if (!options_.reverse) row.resume_at += '\xff';
  row.row.packed_key = std::move(packed_key);
  row.row.body = std::move(body);
  row.bytes = bytes;
  pending_.push_back(std::move(row));
}

}  // namespace everframe::store::records
