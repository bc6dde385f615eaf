// Transaction's options (fdb.options, TransactionOption): those that something here obeys.
#include <algorithm>

#include "embedded/errors.h"
#include "embedded/network.h"
#include "embedded/transaction.h"

namespace everframe::embedded {

namespace {

constexpr std::size_t TAG_BYTES_MAX = 255;  // MAX_TRANSACTION_TAG_LENGTH
constexpr std::size_t TAGS_MAX = 5;         // MAX_TAGS_PER_TRANSACTION
constexpr std::size_t LOG_IDENTIFIER_BYTES_MAX = 100;
constexpr std::size_t SPAN_PARENT_BYTES = 33;
constexpr std::size_t IDEMPOTENCY_ID_BYTES_MIN = 16;
constexpr std::size_t IDEMPOTENCY_ID_BYTES_MAX = 255;

}  // namespace

fdb_error_t Transaction::set_option(int code, OptionValue value) {
  if (find_option(transaction_options(), code) == nullptr) return error::INVALID_OPTION;
  if (deferred_ != 0) return error::SUCCESS;
  if (const fdb_error_t refused = apply_option(code, value)) defer(refused);
  return error::SUCCESS;
}

// The handle's defaults; the time-out last: it may fail the transaction at once. After on_error (not `fresh`)
// those that persist are still as they were.
void Transaction::apply_defaults(bool fresh) {
  options_.snapshot_sees_writes = handle_->snapshot_sees_writes();
  std::optional<Handle::Default> timeout;
  for (const Handle::Default& one : handle_->transaction_defaults()) {
    const bool persists = one.option == option::TIMEOUT || one.option == option::RETRY_LIMIT ||
                          one.option == option::MAX_RETRY_DELAY;
    if (persists && !fresh) continue;
    if (one.option == option::TIMEOUT) {
      timeout = one;
    } else if (const fdb_error_t refused = apply_option(one.option, one.value)) {
      defer(refused);
    }
  }
  if (timeout) apply_option(timeout->option, timeout->value);
}

fdb_error_t Transaction::apply_option(int code, OptionValue value) {
  if (const fdb_error_t refused = check_option_value(*find_option(transaction_options(), code), value)) {
    return refused;
  }
  switch (code) {
    case option::TIMEOUT:
      persistent_.timeout = std::chrono::milliseconds(integer_of(*value));
      arm_timeout();
      return error::SUCCESS;
    case option::RETRY_LIMIT:
      persistent_.retry_limit = static_cast<int>(integer_of(*value));
      return error::SUCCESS;
    case option::MAX_RETRY_DELAY:
      persistent_.retry_delay_max = std::chrono::milliseconds(integer_of(*value));
      return error::SUCCESS;
    case option::SIZE_LIMIT:
      options_.size_limit = integer_of(*value);
      return error::SUCCESS;
    case option::TRANSACTION_LOGGING_MAX_FIELD_LENGTH:
      return integer_of(*value) == 0 ? error::INVALID_OPTION_VALUE : error::SUCCESS;
    case option::TRANSACTION_LOGGING_ENABLE:
    case option::DEBUG_TRANSACTION_IDENTIFIER:
    case option::TAG:
    case option::AUTO_THROTTLE_TAG:
    case option::SPAN_PARENT:
    case option::IDEMPOTENCY_ID:
      return apply_identity(code, *value);
    default:
      return apply_flag(code);
  }
}

fdb_error_t Transaction::apply_identity(int code, std::string_view value) {
  switch (code) {
    case option::TAG:
    case option::AUTO_THROTTLE_TAG:
      if (value.size() > TAG_BYTES_MAX) return error::TAG_TOO_LONG;
      if (options_.tags.size() >= TAGS_MAX) return error::TOO_MANY_TAGS;
      if (std::find(options_.tags.begin(), options_.tags.end(), value) == options_.tags.end()) {
        options_.tags.emplace_back(value);
      }
      return error::SUCCESS;
    case option::SPAN_PARENT:
      return value.size() == SPAN_PARENT_BYTES ? error::SUCCESS : error::INVALID_OPTION_VALUE;
    case option::IDEMPOTENCY_ID:
      return value.size() >= IDEMPOTENCY_ID_BYTES_MIN && value.size() <= IDEMPOTENCY_ID_BYTES_MAX
                 ? error::SUCCESS
                 : error::INVALID_OPTION;
    default:
      break;
  }
  if (value.empty() || value.size() > LOG_IDENTIFIER_BYTES_MAX) return error::INVALID_OPTION_VALUE;
  if (!options_.log_identifier.empty() && options_.log_identifier != value) {
    return error::CLIENT_INVALID_OPERATION;
  }
  options_.log_identifier = value;
  return error::SUCCESS;
}

fdb_error_t Transaction::apply_flag(int code) {
  switch (code) {
    case option::CAUSAL_WRITE_RISKY:
      options_.causal_write_risky = true;
      break;
    case option::NEXT_WRITE_NO_WRITE_CONFLICT_RANGE:
      options_.next_write_no_conflict = true;
      break;
    case option::READ_YOUR_WRITES_DISABLE:
      if (has_read_ || !written_->writes.empty()) return error::CLIENT_INVALID_OPERATION;
      options_.read_your_writes_disabled = true;
      break;
    case option::INITIALIZE_NEW_DATABASE:
      if (read_version_ != NO_VERSION) return error::READ_VERSION_ALREADY_SET;
      break;
    case option::ACCESS_SYSTEM_KEYS:
      options_.read_system_keys = options_.write_system_keys = true;
      break;
    case option::READ_SYSTEM_KEYS:
      options_.read_system_keys = true;
      break;
    case option::LOG_TRANSACTION:
      if (options_.log_identifier.empty()) return error::CLIENT_INVALID_OPERATION;
      break;
    case option::SNAPSHOT_RYW_ENABLE:
      ++options_.snapshot_sees_writes;
      break;
    case option::SNAPSHOT_RYW_DISABLE:
      --options_.snapshot_sees_writes;
      break;
    case option::LOCK_AWARE:
      options_.lock_aware = true;
      options_.read_only = false;
      break;
    case option::READ_LOCK_AWARE:
      if (!options_.lock_aware) options_.lock_aware = options_.read_only = true;
      break;
    case option::USED_DURING_COMMIT_PROTECTION_DISABLE:
      options_.used_during_commit_protection_disabled = true;
      break;
    case option::REPORT_CONFLICTING_KEYS:
      options_.report_conflicting_keys = true;
      break;
    case option::SPECIAL_KEY_SPACE_RELAXED:
      options_.special_keys_relaxed = true;
      break;
    case option::SPECIAL_KEY_SPACE_ENABLE_WRITES:
      options_.special_keys_writable = true;
      break;
    case option::BYPASS_UNREADABLE:
      options_.bypass_unreadable = true;
      break;
    case option::USE_GRV_CACHE:
      if (!Network::instance().is_client_bypass_disabled()) return error::INVALID_OPTION;
      break;
    default:
      break;
  }
  return error::SUCCESS;
}

}  // namespace everframe::embedded
