#include "embedded/options.h"

#include <algorithm>
#include <climits>

#include "embedded/errors.h"
#include "embedded/types.h"

namespace everframe::embedded {

namespace {

using enum OptionRule::Parameter;
constexpr std::int64_t WATCHES_LIMIT_MAX = 1'000'000;  // ABSOLUTE_MAX_WATCHES
constexpr std::int64_t SIZE_LIMIT_MIN = 32;

// All three in rising order of code.
constexpr OptionRule NETWORK_RULES[] = {
    {10, BYTES},
    {20, BYTES},
    {30, OPTIONAL},
    {31, INTEGER, 0, INT64_MAX},
    {32, INTEGER, 0, INT64_MAX},
    {33, OPTIONAL},
    {option::NETWORK_TRACE_FORMAT, BYTES},
    {option::NETWORK_TRACE_CLOCK_SOURCE, BYTES},
    {option::NETWORK_TRACE_FILE_IDENTIFIER, BYTES},
    {37, OPTIONAL},
    {38, OPTIONAL},
    {39, BYTES},
    {option::NETWORK_KNOB, BYTES},
    {41, BYTES},
    {42, BYTES},
    {43, BYTES},
    {45, BYTES},
    {46, BYTES},
    {47, BYTES},
    {48, OPTIONAL},
    {49, OPTIONAL},
    {50, INTEGER, 0, 100},
    {51, INTEGER, 0, 100},
    {52, BYTES},
    {53, BYTES},
    {54, BYTES},
    {60, OPTIONAL},
    {61, OPTIONAL},
    {62, BYTES},
    {63, BYTES},
    {64, OPTIONAL},
    {65, INTEGER, 1, 1024},
    {66, BYTES},
    {67, OPTIONAL},
    {68, OPTIONAL},
    {69, OPTIONAL},
    {70, NONE},
    {71, NONE},
    {option::NETWORK_DISABLE_CLIENT_BYPASS, NONE},
    {80, OPTIONAL},
    {81, OPTIONAL},
    {82, INTEGER, 0, 100},
    {83, INTEGER, 0, 100},
    {option::NETWORK_DISTRIBUTED_CLIENT_TRACER, BYTES},
    {91, BYTES},
    {1000, BYTES},
    {1001, OPTIONAL},
    {1002, OPTIONAL},
};

constexpr OptionRule DATABASE_RULES[] = {
    {10, INTEGER, 0, INT_MAX},
    {option::DATABASE_MAX_WATCHES, INTEGER, 0, WATCHES_LIMIT_MAX},
    {21, OPTIONAL},
    {22, OPTIONAL},
    {option::DATABASE_SNAPSHOT_RYW_ENABLE, NONE},
    {option::DATABASE_SNAPSHOT_RYW_DISABLE, NONE},
    {405, INTEGER, -1, INT_MAX, option::TRANSACTION_LOGGING_MAX_FIELD_LENGTH},
    {500, INTEGER, 0, INT_MAX, option::TIMEOUT},
    {501, INTEGER, -1, INT_MAX, option::RETRY_LIMIT},
    {502, INTEGER, 0, INT_MAX, option::MAX_RETRY_DELAY},
    {503, INTEGER, SIZE_LIMIT_MIN, TRANSACTION_BYTES_MAX, option::SIZE_LIMIT},
    {504, NONE, 0, 0, 20},
    {505, NONE, 0, 0, 23},
    {506, NONE, 0, 0, 505},
    {700, NONE, 0, 0, option::BYPASS_UNREADABLE},
    {701, NONE, 0, 0, option::USED_DURING_COMMIT_PROTECTION_DISABLE},
    {702, NONE, 0, 0, option::REPORT_CONFLICTING_KEYS},
    {800, NONE},
    {900, INTEGER, 0, 100},
};

constexpr OptionRule TRANSACTION_RULES[] = {
    {option::CAUSAL_WRITE_RISKY, NONE},
    {20, NONE},
    {21, OPTIONAL},
    {23, NONE},
    {option::NEXT_WRITE_NO_WRITE_CONFLICT_RANGE, NONE},
    {40, NONE},
    {50, NONE},
    {option::READ_YOUR_WRITES_DISABLE, NONE},
    {52, NONE},
    {110, OPTIONAL},
    {120, OPTIONAL},
    {130, OPTIONAL},
    {200, NONE},
    {201, NONE},
    {option::INITIALIZE_NEW_DATABASE, NONE},
    {option::ACCESS_SYSTEM_KEYS, NONE},
    {option::READ_SYSTEM_KEYS, NONE},
    {303, NONE},
    {304, OPTIONAL},
    {400, NONE},
    {401, OPTIONAL},
    {option::TRANSACTION_LOGGING_ENABLE, BYTES},
    {option::DEBUG_TRANSACTION_IDENTIFIER, BYTES},
    {option::LOG_TRANSACTION, NONE},
    {option::TRANSACTION_LOGGING_MAX_FIELD_LENGTH, INTEGER, -1, INT_MAX},
    {406, NONE},
    {option::TIMEOUT, INTEGER, 0, INT_MAX},
    {option::RETRY_LIMIT, INTEGER, -1, INT_MAX},
    {option::MAX_RETRY_DELAY, INTEGER, 0, INT_MAX},
    {option::SIZE_LIMIT, INTEGER, SIZE_LIMIT_MIN, TRANSACTION_BYTES_MAX},
    {option::IDEMPOTENCY_ID, BYTES},
    {505, NONE},
    {507, OPTIONAL},
    {508, OPTIONAL},
    {509, OPTIONAL},
    {510, OPTIONAL},
    {511, OPTIONAL},
    {option::SNAPSHOT_RYW_ENABLE, NONE},
    {option::SNAPSHOT_RYW_DISABLE, NONE},
    {option::LOCK_AWARE, NONE},
    {option::USED_DURING_COMMIT_PROTECTION_DISABLE, NONE},
    {option::READ_LOCK_AWARE, NONE},
    {710, NONE},
    {711, NONE},
    {option::REPORT_CONFLICTING_KEYS, NONE},
    {option::SPECIAL_KEY_SPACE_RELAXED, NONE},
    {option::SPECIAL_KEY_SPACE_ENABLE_WRITES, NONE},
    {option::TAG, BYTES},
    {option::AUTO_THROTTLE_TAG, BYTES},
    {option::SPAN_PARENT, BYTES},
    {1000, NONE},
    {option::BYPASS_UNREADABLE, NONE},
    {option::USE_GRV_CACHE, NONE},
    {1102, NONE},
    {2000, OPTIONAL},
};

}  // namespace

std::span<const OptionRule> network_options() {
  return NETWORK_RULES;
}
std::span<const OptionRule> database_options() {
  return DATABASE_RULES;
}
std::span<const OptionRule> transaction_options() {
  return TRANSACTION_RULES;
}

const OptionRule* find_option(std::span<const OptionRule> rules, int code) {
  const auto found = std::lower_bound(rules.begin(), rules.end(), code,
                                      [](const OptionRule& rule, int wanted) { return rule.code < wanted; });
  return found != rules.end() && found->code == code ? &*found : nullptr;
}

fdb_error_t check_option_value(const OptionRule& rule, OptionValue value) {
  switch (rule.parameter) {
    case NONE:
      return value && !value->empty() ? error::INVALID_OPTION_VALUE : error::SUCCESS;
    case OPTIONAL:
      return error::SUCCESS;
    case BYTES:
      return value ? error::SUCCESS : error::INVALID_OPTION_VALUE;
    case INTEGER:
      if (!value || value->size() != 8) return error::INVALID_OPTION_VALUE;
      if (integer_of(*value) < rule.low || integer_of(*value) > rule.high) return error::INVALID_OPTION_VALUE;
      return error::SUCCESS;
  }
  return error::UNKNOWN_ERROR;
}

std::int64_t integer_of(std::string_view value) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits |= std::uint64_t{static_cast<std::uint8_t>(value[i])} << (8 * i);
  return static_cast<std::int64_t>(bits);
}

}  // namespace everframe::embedded
