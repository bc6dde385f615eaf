#include "embedded/errors.h"

#include <algorithm>

#include "embedded/error_texts.h"

namespace everframe::embedded::error {

const char* text(fdb_error_t code) {
  const auto all = texts();
  const auto found =
      std::lower_bound(all.begin(), all.end(), code,
                       [](const Text& entry, fdb_error_t wanted) { return entry.code < wanted; });
  return found != all.end() && found->code == code ? found->text : "UNKNOWN_ERROR";
}

bool is_maybe_committed(fdb_error_t code) {
  return code == COMMIT_UNKNOWN_RESULT || code == CLUSTER_VERSION_CHANGED;
}

bool is_retryable_not_committed(fdb_error_t code) {
  switch (code) {
    case NOT_COMMITTED:
    case TRANSACTION_TOO_OLD:
    case FUTURE_VERSION:
    case PROCESS_BEHIND:
    case DATABASE_LOCKED:
    case PROXY_MEMORY_LIMIT:
    case BATCH_TRANSACTION_THROTTLED:
    case GRV_PROXY_MEMORY_LIMIT:
    case TAG_THROTTLED:
    case PROXY_TAG_THROTTLED:
      return true;
    default:
      return false;
  }
}

bool is_retryable(fdb_error_t code) {
  return is_maybe_committed(code) || is_retryable_not_committed(code);
}

}  // namespace everframe::embedded::error
