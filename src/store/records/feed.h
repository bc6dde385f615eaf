// Feeds: what changed in a table, in the order of commits; each line has a versionstamp, so that a reader
// knows where it stands and goes on from there, in another transaction or process. A feed grows until trim()
// cuts it.
#pragma once
#include "store/records/table_core.h"

namespace everframe::store::records {

struct RawChange {
  Versionstamp at;
  ChangeKind kind = ChangeKind::PUT;
  KeyBytes packed_key;
};

// At most `limit` changes of a group (its packed prefix) behind `after`; none: from the oldest.
Task<Result<std::vector<RawChange>>> read_changes(Transaction& t, KeyBytes group,
                                                  std::optional<Versionstamp> after, std::size_t limit,
                                                  bool snapshot);
// Forgets all changes up to and with `last`.
void trim_changes(Transaction& t, const KeyBytes& group, const Versionstamp& last);

}  // namespace everframe::store::records
