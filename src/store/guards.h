// Guards: small things that bodies of Database::run need so often that they have names.
// Ownership: the transaction outlives what is awaited.
#pragma once
#include "store/database.h"
#include "store/subspace.h"

namespace everframe::store {

// Is this the first transaction that does what `mark` stands for? If so, sets the mark with all else that the
// transaction writes: after a commit whose result is unknown the second try finds it. Marks are the caller's
// to clear, once nobody can try any more.
Task<Result<bool>> once(Transaction& t, KeyBytes mark);

// The one conflicting read that keeps a former owner from committing: an Error, with code 0, unless the
// lease's row has just this epoch (8 bytes, little-endian). All else such a transaction writes may be blind.
Task<Result<void>> fence(Transaction& t, KeyBytes lease, std::uint64_t epoch);

// Requests that their senders repeat until they are answered: each takes effect once and is answered alike
// each time, through retried commits, lost answers and restarts. A sender numbers its requests upwards. Of
// each the answers to the last `kept` are kept, so a sender may have so many under way; an older one is
// refused, for nobody knows any more whether it was done.
//   (sender) the highest number that was answered, 8 bytes, little-endian     (sender, number) its answer
class Requests {
 public:
  explicit Requests(Subspace home, std::uint64_t kept = 64) : home_(std::move(home)), kept_(kept) {}

  // What it was answered; nothing: it is new, and is to be done and answered in this transaction.
  Task<Result<std::optional<std::string>>> answer_to(Transaction& t, std::uint64_t sender,
                                                     std::uint64_t number) const;
  void answer(Transaction& t, std::uint64_t sender, std::uint64_t number, std::string_view text) const;
  void forget(Transaction& t, std::uint64_t sender) const;

 private:
  KeyBytes key_of(std::uint64_t sender, std::uint64_t number) const;
  KeyBytes last_of(std::uint64_t sender) const;

  const Subspace home_;
  const std::uint64_t kept_;
};

}  // namespace everframe::store
