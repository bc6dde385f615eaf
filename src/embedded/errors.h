// FoundationDB's error codes as the engine uses them (error_definitions.h of 7.3), their texts, and which of
// them a retry may follow. Persistent: clients in any language know these numbers.
#pragma once
#include "platform/fdb_api.h"

namespace everframe::embedded::error {

inline constexpr fdb_error_t SUCCESS = 0;
inline constexpr fdb_error_t TRANSACTION_TOO_OLD = 1007;
inline constexpr fdb_error_t FUTURE_VERSION = 1009;
inline constexpr fdb_error_t NOT_COMMITTED = 1020;
inline constexpr fdb_error_t COMMIT_UNKNOWN_RESULT = 1021;
inline constexpr fdb_error_t TRANSACTION_CANCELLED = 1025;
inline constexpr fdb_error_t TRANSACTION_TIMED_OUT = 1031;
inline constexpr fdb_error_t TOO_MANY_WATCHES = 1032;
inline constexpr fdb_error_t WATCHES_DISABLED = 1034;
inline constexpr fdb_error_t ACCESSED_UNREADABLE = 1036;
inline constexpr fdb_error_t PROCESS_BEHIND = 1037;
inline constexpr fdb_error_t DATABASE_LOCKED = 1038;
inline constexpr fdb_error_t CLUSTER_VERSION_CHANGED = 1039;
inline constexpr fdb_error_t PROXY_MEMORY_LIMIT = 1042;
inline constexpr fdb_error_t BATCH_TRANSACTION_THROTTLED = 1051;
inline constexpr fdb_error_t UNSUPPORTED_FORMAT_VERSION = 1058;
inline constexpr fdb_error_t GRV_PROXY_MEMORY_LIMIT = 1078;
inline constexpr fdb_error_t BLOB_GRANULE_REQUEST_FAILED = 1079;  // on_error retries it
inline constexpr fdb_error_t OPERATION_CANCELLED = 1101;
inline constexpr fdb_error_t FUTURE_RELEASED = 1102;
inline constexpr fdb_error_t TAG_THROTTLED = 1213;
inline constexpr fdb_error_t PROXY_TAG_THROTTLED = 1223;
inline constexpr fdb_error_t IO_ERROR = 1510;
inline constexpr fdb_error_t FILE_NOT_FOUND = 1511;
inline constexpr fdb_error_t FILE_CORRUPT = 1522;
inline constexpr fdb_error_t LOCK_FILE_FAILURE = 1529;
inline constexpr fdb_error_t CLIENT_INVALID_OPERATION = 2000;
inline constexpr fdb_error_t KEY_OUTSIDE_LEGAL_RANGE = 2004;
inline constexpr fdb_error_t INVERTED_RANGE = 2005;
inline constexpr fdb_error_t INVALID_OPTION_VALUE = 2006;
inline constexpr fdb_error_t INVALID_OPTION = 2007;
inline constexpr fdb_error_t NETWORK_NOT_SETUP = 2008;
inline constexpr fdb_error_t NETWORK_ALREADY_SETUP = 2009;
inline constexpr fdb_error_t READ_VERSION_ALREADY_SET = 2010;
inline constexpr fdb_error_t VERSION_INVALID = 2011;
inline constexpr fdb_error_t RANGE_LIMITS_INVALID = 2012;
inline constexpr fdb_error_t FUTURE_NOT_SET = 2015;
inline constexpr fdb_error_t USED_DURING_COMMIT = 2017;
inline constexpr fdb_error_t INVALID_MUTATION_TYPE = 2018;
inline constexpr fdb_error_t TRANSACTION_INVALID_VERSION = 2020;
inline constexpr fdb_error_t NO_COMMIT_VERSION = 2021;
inline constexpr fdb_error_t TRANSACTION_READ_ONLY = 2023;
inline constexpr fdb_error_t NETWORK_CANNOT_BE_RESTARTED = 2025;
inline constexpr fdb_error_t BLOCKED_FROM_NETWORK_THREAD = 2026;
inline constexpr fdb_error_t MAPPER_BAD_INDEX = 2030;
inline constexpr fdb_error_t MAPPER_NO_SUCH_KEY = 2031;
inline constexpr fdb_error_t MAPPER_BAD_RANGE_DESCRIPTOR = 2032;
inline constexpr fdb_error_t MAPPED_RANGE_HAS_MORE = 2033;
inline constexpr fdb_error_t MAPPED_RANGE_READS_YOUR_WRITES = 2039;
inline constexpr fdb_error_t KEY_NOT_TUPLE = 2041;
inline constexpr fdb_error_t VALUE_NOT_TUPLE = 2042;
inline constexpr fdb_error_t MAPPER_NOT_TUPLE = 2043;
inline constexpr fdb_error_t TRANSACTION_TOO_LARGE = 2101;
inline constexpr fdb_error_t KEY_TOO_LARGE = 2102;
inline constexpr fdb_error_t VALUE_TOO_LARGE = 2103;
inline constexpr fdb_error_t CONNECTION_STRING_INVALID = 2104;
inline constexpr fdb_error_t UNSUPPORTED_OPERATION = 2108;
inline constexpr fdb_error_t TOO_MANY_TAGS = 2109;
inline constexpr fdb_error_t TAG_TOO_LONG = 2110;
inline constexpr fdb_error_t SPECIAL_KEYS_CROSS_MODULE = 2112;
inline constexpr fdb_error_t SPECIAL_KEYS_NO_MODULE = 2113;
inline constexpr fdb_error_t SPECIAL_KEYS_WRITE_DISABLED = 2114;
inline constexpr fdb_error_t SPECIAL_KEYS_NO_WRITE_MODULE = 2115;
inline constexpr fdb_error_t API_VERSION_UNSET = 2200;
inline constexpr fdb_error_t API_VERSION_ALREADY_SET = 2201;
inline constexpr fdb_error_t API_VERSION_INVALID = 2202;
inline constexpr fdb_error_t API_VERSION_NOT_SUPPORTED = 2203;
inline constexpr fdb_error_t EXACT_MODE_WITHOUT_LIMITS = 2210;
inline constexpr fdb_error_t UNKNOWN_ERROR = 4000;

const char* text(fdb_error_t code);

// fdb_error_predicate's three questions.
bool is_retryable(fdb_error_t code);
bool is_maybe_committed(fdb_error_t code);
bool is_retryable_not_committed(fdb_error_t code);

}  // namespace everframe::embedded::error
