#include "embedded/errors.h"

#include <algorithm>
#include <iterator>

namespace everframe::embedded::error {

namespace {

struct Text {
  fdb_error_t code;
  const char* text;
};

// In rising order of code.
constexpr Text TEXTS[] = {
    {0, "Success"},
    {1000, "Operation failed"},
    {1004, "Operation timed out"},
    {1007, "Transaction is too old to perform reads or be committed"},
    {1009, "Request for future version"},
    {1020, "Transaction not committed due to conflict with another transaction"},
    {1021, "Transaction may or may not have committed"},
    {1025, "Operation aborted because the transaction was cancelled"},
    {1031, "Operation aborted because the transaction timed out"},
    {1032, "Too many watches currently set"},
    {1034, "Watches cannot be set if read your writes is disabled"},
    {1036, "Read or wrote an unreadable key"},
    {1037, "Storage process does not have recent mutations"},
    {1038, "Database is locked"},
    {1039, "The protocol version of the cluster has changed"},
    {1042, "CommitProxy commit memory limit exceeded"},
    {1051, "Batch GRV request rate limit exceeded"},
    {1058, "Format version not supported"},
    {1078, "GetReadVersion proxy memory limit exceeded"},
    {1101, "Asynchronous operation cancelled"},
    {1102, "Future has been released"},
    {1213, "Transaction tag is being throttled"},
    {1223, "Exceeded maximum proxy tag throttling duration"},
    {1500, "Platform error"},
    {1510, "Disk i/o operation failed"},
    {1522, "A structurally corrupt data file was detected"},
    {1529, "Unable to lock the file"},
    {2000, "Invalid API call"},
    {2004, "Key outside legal range"},
    {2005, "Range begin key larger than end key"},
    {2006, "Option set with an invalid value"},
    {2007, "Option not valid in this context"},
    {2008, "Action not possible before the network is configured"},
    {2009, "Network can be configured only once"},
    {2010, "Transaction already has a read version set"},
    {2011, "Version not valid"},
    {2012, "Range limits not valid"},
    {2015, "Future not ready"},
    {2017, "Operation issued while a commit was outstanding"},
    {2018, "Unrecognized atomic mutation type"},
    {2020, "Transaction does not have a valid commit version"},
    {2021, "Transaction is read-only and therefore does not have a commit version"},
    {2025, "Network can only be started once"},
    {2026, "Detected a deadlock in a callback called from the network thread"},
    {2101, "Transaction exceeds byte limit"},
    {2102, "Key length exceeds limit"},
    {2103, "Value length exceeds limit"},
    {2104, "Connection string invalid"},
    {2108, "Operation is not supported"},
    {2113, "Special key space range read does not intersect a module"},
    {2200, "API version is not set"},
    {2201, "API version may be set only once"},
    {2202, "API version not valid"},
    {2203, "API version not supported"},
    {2210, "EXACT streaming mode requires limits, but none were given"},
    {4000, "An unknown error occurred"},
    {4100, "An internal error occurred"},
};

}  // namespace

const char* text(fdb_error_t code) {
  const auto* found =
      std::lower_bound(std::begin(TEXTS), std::end(TEXTS), code,
                       [](const Text& entry, fdb_error_t wanted) { return entry.code < wanted; });
  return found != std::end(TEXTS) && found->code == code ? found->text : "UNKNOWN_ERROR";
}

bool is_maybe_committed(fdb_error_t code) {
  return code == COMMIT_UNKNOWN_RESULT || code == 1039;
}

bool is_retryable_not_committed(fdb_error_t code) {
  switch (code) {
    case NOT_COMMITTED:
    case TRANSACTION_TOO_OLD:
    case FUTURE_VERSION:
    case 1037:
    case 1038:
    case PROXY_MEMORY_LIMIT:
    case 1051:
    case 1078:
    case 1213:
    case 1223:
      return true;
    default:
      return false;
  }
}

bool is_retryable(fdb_error_t code) {
  return is_maybe_committed(code) || is_retryable_not_committed(code);
}

}  // namespace everframe::embedded::error
