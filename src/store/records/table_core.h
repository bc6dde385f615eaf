// TableCore: what a table does that does not depend on its records' type: the header, the states of its
// indexes, reading and writing rows with all that is derived from them. Table<SCHEMA> (table.h) is what
// others use. Threads: belongs to one executor. Ownership: outlives what is awaited of it.
//
// Index states are read once and cached in two stages: by \xff/metadataVersion, which every change of any
// table's header or states bumps, and of directories, too; and by the table's own version, which is looked at
// when that one has moved. In steady state a transaction pays one read of \xff/metadataVersion, which with
// FoundationDB is no request; and it conflicts with changes of its own table only.
#pragma once
#include "store/database.h"
#include "store/records/derive.h"
#include "store/records/row_format.h"

namespace everframe::store::records {

enum class WriteOutcome {
  DONE,
  EXISTS,  // an insert met a record with this key
  ABSENT,  // a replace, an update or an erase met none
  TAKEN    // another record has what a unique index allows once
};
// What a write has done. Unless it is DONE nothing was written.
struct [[nodiscard]] Written {
  WriteOutcome outcome = WriteOutcome::DONE;
  std::string_view index;  // TAKEN: of which index

  explicit operator bool() const { return outcome == WriteOutcome::DONE; }
  bool operator==(const Written&) const = default;
};

// Persistent: the first byte of a feed's line.
enum class ChangeKind : std::uint8_t {
  INSERTED = 1,
  UPDATED = 2,
  ERASED = 3,
  PUT = 4  // blindly: inserted or updated
};

enum class WriteMode { INSERT, UPSERT, REPLACE, BLIND, ERASE };

struct Change {
  WriteMode mode = WriteMode::UPSERT;
  KeyBytes packed_key;
  std::string body;
  Derived fresh;
  std::vector<KeyBytes> feeds;  // groups in which it is told
};

// A record's body that was read before the write, in the same transaction.
struct KnownRow {
  std::optional<std::string> body;
};

// What a schema is to TableCore.
struct TableShape {
  std::string name;
  Description description;
  RowStyle style;
  Result<Derived> (*derive)(const Layout& layout, std::string_view packed_key,
                            std::string_view body) = nullptr;
};

using IndexStates = std::vector<IndexState>;  // by the schema's order
using SharedStates = std::shared_ptr<const IndexStates>;

class TableCore {
 public:
  TableCore(const Subspace& home, TableShape shape);

  const Layout& layout() const { return layout_; }
  const TableShape& shape() const { return shape_; }
  std::size_t index_number(std::string_view name) const;  // NO_POSITION: there is none

  // Writes the header or brings it up to date with this program's schema, or says why it must not.
  Task<Result<void>> prepare(Database& database, platform::Executor& executor) const;
  // Of this transaction; an Error if the table is not prepared, or was changed so that it must be prepared
  // again.
  Task<Result<SharedStates>> states(Transaction& t) const;

  // A record's body.
  Task<Result<std::optional<std::string>>> read_row(Transaction& t, KeyBytes row_key, bool snapshot) const;
  Task<Result<Written>> write(Transaction& t, SharedStates shared_states, Change change,
                              std::optional<KnownRow> known = std::nullopt) const;
  // A BLIND change: no reads. An Error if it is too large.
  Result<void> put_blind(Transaction& t, const Change& change) const;
  // Sets the state of an index; with it goes the bump that makes everybody look again.
  void set_state(Transaction& t, std::string_view index, IndexState state) const;

 private:
  struct Reads;
  Task<Result<void>> prepare_in(Transaction& t) const;
  Task<Result<SharedStates>> read_states(Transaction& t) const;
  void bump_versions(Transaction& t) const;
  Task<Result<void>> evolve(Transaction& t, const Evolution& evolution) const;
  Task<Result<bool>> has_rows(Transaction& t) const;
  Result<void> accept_header(std::string_view header) const;
  Result<Written> apply(Transaction& t, const IndexStates& states, Change change, Reads reads) const;
  Result<void> put_row(Transaction& t, const Change& change,
                       const std::optional<std::string>& old_body) const;
  void put_entries(Transaction& t, const IndexStates& states, const Derived& old, const Derived& fresh) const;
  void put_amounts(Transaction& t, const IndexStates& states, const Change& change, const Derived& old,
                   const Reads& reads) const;
  void tell_feeds(Transaction& t, const Change& change, bool existed) const;

  struct Cache {
    std::string metadata_version;
    std::string table_version;
    SharedStates states;
  };

  const TableShape shape_;
  const Layout layout_;
  std::vector<std::uint32_t> known_ids_;
  mutable std::string accepted_header_;  // the last one that was found to suit
  mutable std::optional<Cache> cache_;
};

// An aggregate's new share of a group; `add`: or the old one's withdrawal.
void put_amount(Transaction& t, const Amount& amount, bool add);

}  // namespace everframe::store::records
