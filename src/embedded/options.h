// FoundationDB's options (fdb.options of 7.3): which codes exist, what parameter each wants, and which of a
// database's are defaults for its transactions. Whether an option does something here is said where it is
// obeyed: Network, Handle, Transaction. One process has no proxies, locks, tags or traces to steer, so many
// are only checked.
// Threads: any; all functions are pure.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "platform/fdb_api.h"

namespace everframe::embedded {

struct OptionRule {
  enum class Parameter : std::uint8_t {
    NONE,      // a value is refused
    OPTIONAL,  // any bytes, or none
    BYTES,     // any bytes, at least given
    INTEGER,   // 8 bytes, little-endian, signed, within [low, high]
  };
  int code;
  Parameter parameter = Parameter::NONE;
  std::int64_t low = 0;
  std::int64_t high = 0;
  int default_for = -1;  // of a database: the transaction option that it is the default of
};

// An option's parameter, absent where C gave a null pointer.
using OptionValue = std::optional<std::string_view>;

std::span<const OptionRule> network_options();
std::span<const OptionRule> database_options();
std::span<const OptionRule> transaction_options();

const OptionRule* find_option(std::span<const OptionRule> rules, int code);

// 0, or 2006 where the value is not as the rule wants it.
fdb_error_t check_option_value(const OptionRule& rule, OptionValue value);
std::int64_t integer_of(std::string_view value);  // of 8 bytes

// fdb.options, TransactionOption: the codes that something here obeys. Persistent: clients know these
// numbers.
namespace option {
inline constexpr int CAUSAL_WRITE_RISKY = 10;
inline constexpr int NEXT_WRITE_NO_WRITE_CONFLICT_RANGE = 30;
inline constexpr int READ_YOUR_WRITES_DISABLE = 51;
inline constexpr int INITIALIZE_NEW_DATABASE = 300;
inline constexpr int ACCESS_SYSTEM_KEYS = 301;
inline constexpr int READ_SYSTEM_KEYS = 302;
inline constexpr int TRANSACTION_LOGGING_ENABLE = 402;
inline constexpr int DEBUG_TRANSACTION_IDENTIFIER = 403;
inline constexpr int LOG_TRANSACTION = 404;
inline constexpr int TRANSACTION_LOGGING_MAX_FIELD_LENGTH = 405;
inline constexpr int TIMEOUT = 500;
inline constexpr int RETRY_LIMIT = 501;
inline constexpr int MAX_RETRY_DELAY = 502;
inline constexpr int SIZE_LIMIT = 503;
inline constexpr int IDEMPOTENCY_ID = 504;
inline constexpr int SNAPSHOT_RYW_ENABLE = 600;
inline constexpr int SNAPSHOT_RYW_DISABLE = 601;
inline constexpr int LOCK_AWARE = 700;
inline constexpr int USED_DURING_COMMIT_PROTECTION_DISABLE = 701;
inline constexpr int READ_LOCK_AWARE = 702;
inline constexpr int REPORT_CONFLICTING_KEYS = 712;
inline constexpr int SPECIAL_KEY_SPACE_RELAXED = 713;
inline constexpr int SPECIAL_KEY_SPACE_ENABLE_WRITES = 714;
inline constexpr int TAG = 800;
inline constexpr int AUTO_THROTTLE_TAG = 801;
inline constexpr int SPAN_PARENT = 900;
inline constexpr int BYPASS_UNREADABLE = 1100;
inline constexpr int USE_GRV_CACHE = 1101;

// DatabaseOption.
inline constexpr int DATABASE_MAX_WATCHES = 20;
inline constexpr int DATABASE_SNAPSHOT_RYW_ENABLE = 26;
inline constexpr int DATABASE_SNAPSHOT_RYW_DISABLE = 27;

// NetworkOption.
inline constexpr int NETWORK_TRACE_FORMAT = 34;
inline constexpr int NETWORK_TRACE_CLOCK_SOURCE = 35;
inline constexpr int NETWORK_TRACE_FILE_IDENTIFIER = 36;
inline constexpr int NETWORK_KNOB = 40;
inline constexpr int NETWORK_DISABLE_CLIENT_BYPASS = 72;
inline constexpr int NETWORK_DISTRIBUTED_CLIENT_TRACER = 90;
}  // namespace option

}  // namespace everframe::embedded
