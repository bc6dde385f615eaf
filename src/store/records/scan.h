// RowCursor: the rows of one range of a table, or of one of its indexes, in order, a page at a time; the next
// page is asked for while this one is used, and the records that index entries name are read all at once. It
// can stop after so many rows or bytes and go on later, in another transaction or another process: so that a
// scan of any size steps over the limits of 5 s and 10 MB. Cursor<SCHEMA> (rows.h) is what others use.
// Threads: belongs to the transaction's executor. Ownership: the transaction and the table outlive it; it is
// not moved while next() is awaited.
#pragma once
#include <deque>

#include "base/started.h"
#include "store/records/table_core.h"

namespace everframe::store::records {

struct ScanOptions {
  bool snapshot = false;  // adds no read conflict
  bool reverse = false;
  std::size_t rows_max = 0;  // 0: no limit
  std::size_t bytes_max =
      0;  // of keys and values that are delivered; the row that passes it is the last. 0: no limit
  std::size_t page_rows = 256;  // rows asked for at once; and so many records that index entries name
  bool prefetch = true;         // ask for a page before it is needed
  std::string continuation;     // of an earlier scan of the same query; empty: from the start
};

// Along what keys a scan goes.
struct ScanPath {
  enum class Source { ROWS, ENTRIES, UNIQUE_ENTRIES };
  Source source = Source::ROWS;
  std::string prefix;     // what all keys of the path begin with
  std::size_t keyed = 0;  // ENTRIES: elements between the prefix and the primary key
  bool covered = false;   // ENTRIES: what they carry is enough, the records are not read
  KeyRange range;
};

struct FoundRow {
  KeyBytes packed_key;
  std::string body;       // of the record; covered: the entry's value
  std::string entry_key;  // behind the prefix; ENTRIES and UNIQUE_ENTRIES
};

class RowCursor {
 public:
  // A continuation that is not of this query is an Error of the first next().
  RowCursor(Transaction& t, const TableCore& table, ScanPath path, ScanOptions options);
  RowCursor(RowCursor&&) = default;

  // Asks for the first page, unless that was done; next() does it itself.
  Result<void> begin();
  // The next row; nothing at the end of the range or at a limit.
  Task<Result<std::optional<FoundRow>>> next();
  bool is_finished() const;  // has the whole range been delivered?
  // Where to go on behind the last delivered row.
  std::string continuation() const;

 private:
  struct Pending {
    FoundRow row;
    std::optional<Started<Result<std::optional<std::string>>>> read;  // of the record that an entry names
    std::string resume_at;
    std::size_t bytes = 0;
  };
  // A record of which not all rows have come yet.
  struct Partial {
    KeyBytes packed_key;
    std::optional<std::string> head;
    std::vector<std::string> chunks;
  };

  Result<void> start();
  bool at_limit() const;
  std::size_t rows_wanted() const;
  void ask_ahead();
  Task<Result<void>> fetch();
  Result<void> take(const KeyValues& rows);
  Result<void> take_entry(const KeyValue& row);
  Result<void> take_row(const KeyValue& row);
  void deliver_row(KeyBytes packed_key, std::string body, std::size_t bytes);

  Transaction* t_;
  const TableCore* table_;
  ScanPath path_;
  ScanOptions options_;
  std::uint64_t query_;  // tells this query from others

  bool started_ = false;
  bool asked_all_ = false;  // no page is left to be asked for
  std::optional<Started<Result<Page>>> ahead_;
  std::deque<Pending> pending_;
  std::optional<Partial> partial_;
  std::string resume_at_;  // behind the prefix
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace everframe::store::records
