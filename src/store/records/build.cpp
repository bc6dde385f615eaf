#include "store/records/build.h"

#include "store/records/scan.h"

namespace everframe::store::records {

namespace {

using Value = std::optional<std::string>;

// Persistent: who builds, until when (WallMs).
struct Claim {
  std::uint64_t builder = 0;
  std::int64_t until_ms = 0;
};
Claim read_claim(const Value& value) {
  ByteReader in(bytes_of(value ? std::string_view(*value) : std::string_view()));
  Claim claim;
  claim.builder = in.u64();
  claim.until_ms = static_cast<std::int64_t>(in.u64());
  return in.done() ? claim : Claim{};  // a damaged one holds nobody up
}

}  // namespace

IndexBuild::IndexBuild(const TableCore& table, Database& database, platform::Executor& executor,
                       std::string index, std::uint64_t builder, BuildOptions options)
    : table_(table),
      database_(database),
      executor_(executor),
      index_(std::move(index)),
      builder_(builder),
      options_(options),
      number_(table_.index_number(index_)) {
  EF_ASSERT(builder != 0);
}

std::string IndexBuild::claim(std::int64_t until_ms) const {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u64(builder_);
  out.u64(static_cast<std::uint64_t>(until_ms));
  return std::string(chars_of(bytes));
}

Task<Result<IndexBuild::Standing>> IndexBuild::standing(Transaction& t) const {
  const Layout& layout = table_.layout();
  std::vector<Task<Result<Value>>> asked;
  asked.push_back(t.get(layout.state(index_)));
  asked.push_back(t.get(layout.progress(index_)));
  asked.push_back(t.get(layout.claim(index_)));
  const auto answers = co_await when_all(std::move(asked));
  for (const auto& answer : answers) {
    if (!answer) co_return tl::unexpected<Error>(answer.error());
  }
  Standing out;
  const Value& state = *answers[0];
  if (state && state->size() == 1) out.state = static_cast<IndexState>((*state)[0]);
  out.progress = *answers[1];
  const Claim held = read_claim(*answers[2]);
  const std::int64_t now = raw(executor_.clock().wall());
  if (held.builder != 0 && held.builder != builder_ && held.until_ms > now) {
    co_return fail("index {} of table {} is being built by builder {} for another {} ms", index_,
                   table_.shape().name, held.builder, held.until_ms - now);
  }
  co_return out;
}

Task<Result<IndexBuild::Step>> IndexBuild::step() {
  if (number_ == NO_POSITION) co_return fail("table {} has no index {}", table_.shape().name, index_);
  Function<Task<Result<Step>>(Transaction&)> body = [this](Transaction& t) { return step_in(t); };
  co_return co_await database_.run<Step>(executor_, std::move(body));
}

Task<Result<std::size_t>> IndexBuild::run() {
  std::size_t rows = 0;
  for (;;) {
    const auto one = co_await step();
    if (!one) co_return tl::unexpected<Error>(one.error());
    rows += one->rows;
    if (one->done) co_return rows;
  }
}

Task<Result<IndexBuild::Step>> IndexBuild::step_in(Transaction& t) const {
  t.use_batch_priority();
  auto at = co_await standing(t);
  if (!at) co_return tl::unexpected<Error>(at.error());
  if (at->state == IndexState::READABLE) co_return Step{true, 0};
  const Layout& layout = table_.layout();
  if (at->state == IndexState::DISABLED) {
    t.clear(keys_starting_with(layout.index(number_)));
    t.clear(layout.progress(index_));
    at->progress.reset();
    table_.set_state(t, index_, IndexState::WRITE_ONLY);
  }
  ScanOptions scan;
  scan.rows_max = options_.rows_a_step;
  scan.bytes_max = options_.bytes_a_step;
  ScanPath path;
  path.prefix = layout.rows();
  path.range = {layout.rows() + (at->progress ? *at->progress + '\xff' : std::string()),
                layout.rows() + '\xff'};
  RowCursor cursor(t, table_, path, scan);
  Step step;
  KeyBytes last;
  for (;;) {
    auto row = co_await cursor.next();
    if (!row) co_return tl::unexpected<Error>(row.error());
    if (!*row) break;
    ++step.rows;
    last = (*row)->packed_key;
    const auto added = co_await add(t, last, std::move((*row)->body));
    if (!added) co_return tl::unexpected<Error>(added.error());
  }
  step.done = cursor.is_finished();
  if (step.done) {
    t.clear(layout.progress(index_));
    t.clear(layout.claim(index_));
    table_.set_state(t, index_, IndexState::READABLE);
  } else {
    t.set(layout.progress(index_), last);
    t.set(layout.claim(index_), claim(raw(executor_.clock().wall()) + options_.claim_ms));
  }
  co_return step;
}

// What one record has in this index.
Task<Result<void>> IndexBuild::add(Transaction& t, KeyBytes packed_key, std::string body) const {
  const auto derived = table_.shape().derive(table_.layout(), packed_key, body);
  if (!derived) co_return tl::unexpected<Error>(derived.error());
  for (const Entry& entry : derived->entries) {
    if (entry.index != number_) continue;
    if (entry.unique) {
      const auto owner = co_await t.get(entry.key);
      if (!owner) co_return tl::unexpected<Error>(owner.error());
      if (*owner && **owner != packed_key) {
        const auto mine = unpack(packed_key);
        const auto other = unpack(**owner);
        co_return fail("index {} of table {} cannot be built: records {} and {} have the same", index_,
                       table_.shape().name, mine ? to_text(*mine) : "?", other ? to_text(*other) : "?");
      }
    }
    t.set(entry.key, entry.value);
  }
  for (const Amount& amount : derived->amounts) {
    if (amount.index == number_) put_amount(t, amount, true);
  }
  co_return Result<void>{};
}

Task<Result<void>> IndexBuild::disable() {
  if (number_ == NO_POSITION) co_return fail("table {} has no index {}", table_.shape().name, index_);
  Function<Task<Result<bool>>(Transaction&)> body = [this](Transaction& t) -> Task<Result<bool>> {
    t.clear(keys_starting_with(table_.layout().index(number_)));
    t.clear(table_.layout().progress(index_));
    t.clear(table_.layout().claim(index_));
    table_.set_state(t, index_, IndexState::DISABLED);
    co_return true;
  };
  const auto done = co_await database_.run<bool>(executor_, std::move(body));
  if (!done) co_return tl::unexpected<Error>(done.error());
  co_return Result<void>{};
}

}  // namespace everframe::store::records
