// Cursor and Either: the records that a query of Rows<SCHEMA> (rows.h) finds, one by one.
// Threads: belong to the transaction's executor. Ownership: the transaction and the table outlive them, and
// they outlive what is awaited of them.
#pragma once
#include <set>

#include "store/records/plan.h"
#include "store/records/scan.h"

namespace everframe::store::records {

namespace detail {

// All that are left.
template <class Record, class Records>
Task<Result<std::vector<Record>>> drain(Records& from) {
  std::vector<Record> out;
  for (;;) {
    auto record = co_await from.next();
    if (!record) co_return tl::unexpected<Error>(record.error());
    if (!*record) co_return std::move(out);
    out.push_back(std::move(**record));
  }
}

}  // namespace detail

// The records of a scan, in order. PLAN is what the query was compiled to; COVERED: records have the fields
// of the index and of the primary key only.
template <const auto& SCHEMA, Plan PLAN, bool COVERED>
class Cursor {
 public:
  using Record = RecordOf<SCHEMA>;
  Cursor(Transaction& t, const TableCore& table, ScanPath path, ScanOptions options)
      : rows_(t, table, std::move(path), std::move(options)) {}
  // Of a query that cannot be answered now; the first next() says why.
  Cursor(Transaction& t, const TableCore& table, Error why)
      : rows_(t, table, {}, {}), refused_(std::move(why)) {}

  // Nothing: the end, or a limit of the ScanOptions (is_finished() tells).
  Task<Result<std::optional<Record>>> next() {
    if (refused_) co_return tl::unexpected<Error>(*refused_);
    auto row = co_await rows_.next();
    if (!row) co_return tl::unexpected<Error>(row.error());
    if (!*row) co_return std::optional<Record>();
    auto record = read(**row);
    if (!record) co_return tl::unexpected<Error>(record.error());
    co_return std::optional<Record>(std::move(*record));
  }
  Task<Result<std::vector<Record>>> rest() { return detail::drain<Record>(*this); }
  bool is_finished() const { return rows_.is_finished(); }
  // For ScanOptions::continuation of the same query: goes on behind the last record that next() gave.
  std::string continuation() const { return rows_.continuation(); }

 private:
  template <const auto&>
  friend class Either;

  static Result<Record> read(const FoundRow& row) {
    auto record = read_record<SCHEMA>(row.packed_key, row.body);
    if constexpr (COVERED) {
      if (!record) return record;
      const auto elements = unpack(row.entry_key);
      if (!elements) return tl::unexpected(elements.error());
      if (!take_members(*elements, 0, std::get<PLAN.path>(SCHEMA.indexes).keyed, *record)) {
        return fail("an entry of table {} is damaged: {}", SCHEMA.name, to_text(*elements));
      }
    }
    return record;
  }

  RowCursor rows_;
  std::optional<Error> refused_;
};

// IN and OR: several scans at once. All ask for their first page before one of them is awaited; the records
// of the first scan come first, then those of the second that were not among them, and so on. Limits:
// SCANS_MAX; KEYS_MAX records of scans that may meet, for their keys are remembered.
template <const auto& SCHEMA>
class Either {
 public:
  using Record = RecordOf<SCHEMA>;
  static constexpr std::size_t SCANS_MAX = 100;
  static constexpr std::size_t KEYS_MAX = 100'000;

  // `disjoint`: no record is in two of the scans.
  explicit Either(bool disjoint) : disjoint_(disjoint) {}
  template <Plan PLAN>
  void add(Cursor<SCHEMA, PLAN, false> scan) {
    if (scan.refused_ && !refused_) refused_ = std::move(scan.refused_);
    scans_.push_back(std::move(scan.rows_));
  }

  Task<Result<std::optional<Record>>> next() {
    if (auto begun = begin(); !begun) co_return tl::unexpected<Error>(begun.error());
    for (; at_ < scans_.size(); ++at_) {
      for (;;) {
        auto row = co_await scans_[at_].next();
        if (!row) co_return tl::unexpected<Error>(row.error());
        if (!*row) break;
        if (!disjoint_ && !given_.insert((*row)->packed_key).second) continue;
        if (given_.size() > KEYS_MAX)
          co_return fail("more than {} records of table {}", KEYS_MAX, SCHEMA.name);
        auto record = read_record<SCHEMA>((*row)->packed_key, (*row)->body);
        if (!record) co_return tl::unexpected<Error>(record.error());
        co_return std::optional<Record>(std::move(*record));
      }
    }
    co_return std::optional<Record>();
  }
  Task<Result<std::vector<Record>>> rest() { return detail::drain<Record>(*this); }

 private:
  Result<void> begin() {
    if (refused_) return tl::unexpected(*refused_);
    if (scans_.size() > SCANS_MAX)
      return fail("{} scans of table {} at once; at most {}", scans_.size(), SCHEMA.name, SCANS_MAX);
    for (; begun_ < scans_.size(); ++begun_) {
      if (auto begun = scans_[begun_].begin(); !begun) return begun;
    }
    return {};
  }

  const bool disjoint_;
  std::vector<RowCursor> scans_;
  std::optional<Error> refused_;
  std::size_t begun_ = 0;  // how many have asked for their first page
  std::size_t at_ = 0;
  std::set<KeyBytes> given_;
};

// OR: either(rows.scan(eq<&T::kind>(3)), rows.scan(below<&T::hp>(0))).
template <const auto& SCHEMA, Plan... PLANS>
Either<SCHEMA> either(Cursor<SCHEMA, PLANS, false>... scans) {
  Either<SCHEMA> out(false);
  (out.add(std::move(scans)), ...);
  return out;
}

}  // namespace everframe::store::records
