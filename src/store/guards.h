// Guards: two small things that bodies of Database::run need so often that they have names.
// Ownership: the transaction outlives what is awaited.
#pragma once
#include "store/database.h"

namespace everframe::store {

// Is this the first transaction that does what `mark` stands for? If so, sets the mark with all else that the
// transaction writes: after a commit whose result is unknown the second try finds it. Marks are the caller's
// to clear, once nobody can try any more.
Task<Result<bool>> once(Transaction& t, std::string mark);

// The one conflicting read that keeps a former owner from committing: an Error, with code 0, unless the
// lease's row has just this epoch (8 bytes, little-endian). All else such a transaction writes may be blind.
Task<Result<void>> fence(Transaction& t, std::string lease, std::uint64_t epoch);

}  // namespace everframe::store
