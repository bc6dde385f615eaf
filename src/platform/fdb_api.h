// FdbApi: FoundationDB's C API (fdb_c.h, API version 710 to 730) as a table of function pointers. An engine
// fills the table: `embedded` with its own functions, or the real libfdb_c through dlopen. The store speaks
// to nothing else. Meaning, ownership, error codes and limits are FoundationDB's own: documentation "C API",
// and error_definitions.h.
//
// One list below names every function once, as NAME(result, parameters, arguments): the table, the look-up in
// a shared library (store/fdb_library.h) and the exports of libeverframe_fdb_c.so come from it, and cannot
// drift apart. In C each is called fdb_NAME. Options are plain ints here, enumerations in fdb_c.h.
#pragma once
#include <cstdint>

extern "C" {
typedef const std::uint8_t* FdbBytes;
typedef struct FDB_future FDBFuture;
typedef struct FDB_database FDBDatabase;
typedef struct FDB_transaction FDBTransaction;
typedef struct FDB_tenant FDBTenant;
typedef int fdb_error_t;
typedef int fdb_bool_t;

#pragma pack(push, 4)
typedef struct FDB_key {
  const std::uint8_t* key;
  int key_length;
} FDBKey;
typedef struct FDB_keyvalue {
  const std::uint8_t* key;
  int key_length;
  const std::uint8_t* value;
  int value_length;
} FDBKeyValue;
typedef struct FDB_keyrange {
  const std::uint8_t* begin_key;
  int begin_key_length;
  const std::uint8_t* end_key;
  int end_key_length;
} FDBKeyRange;
#pragma pack(pop)

typedef struct FDB_keyselector {
  FDBKey key;
  fdb_bool_t orEqual;
  int offset;
} FDBKeySelector;
// What a row of get_mapped_range led to. The bindings take it for a range read even where it was a point
// read: then `begin` holds the key that was read, and `data` its row if there is one.
typedef struct FDB_getrangereqandresult {
  FDBKeySelector begin;
  FDBKeySelector end;
  FDBKeyValue* data;
  int m_size;
  int m_capacity;
} FDBGetRangeReqAndResult;
typedef struct FDB_mappedkeyvalue {
  FDBKey key;
  FDBKey value;
  FDBGetRangeReqAndResult getRange;
  unsigned char buffer[32];  // the library's own
} FDBMappedKeyValue;

typedef void (*FDBCallback)(FDBFuture* future, void* callback_parameter);
}

static_assert(sizeof(FDBKey) == 12 && sizeof(FDBKeyValue) == 24 && sizeof(FDBKeyRange) == 24);
static_assert(sizeof(FDBKeySelector) == 20 && sizeof(FDBMappedKeyValue) == 112);

// What every client library from API version 710 on has.
// clang-format off
#define EVERFRAME_FDB_FUNCTIONS_710(F)                                                                       \
  F(fdb_error_t, select_api_version_impl, (int runtime_version, int header_version),                         \
    (runtime_version, header_version))                                                                       \
  F(int, get_max_api_version, (), ())                                                                        \
  F(const char*, get_client_version, (), ())                                                                 \
  F(const char*, get_error, (fdb_error_t code), (code))                                                      \
  F(fdb_bool_t, error_predicate, (int predicate, fdb_error_t code), (predicate, code))                       \
  F(fdb_error_t, network_set_option, (int option, FdbBytes value, int length), (option, value, length))      \
  F(fdb_error_t, setup_network, (), ())                                                                      \
  F(fdb_error_t, run_network, (), ())                                                                        \
  F(fdb_error_t, stop_network, (), ())                                                                       \
  F(fdb_error_t, add_network_thread_completion_hook, (void (*hook)(void*), void* parameter),                 \
    (hook, parameter))                                                                                       \
                                                                                                             \
  F(void, future_cancel, (FDBFuture* future), (future))                                                      \
  F(void, future_release_memory, (FDBFuture* future), (future))                                              \
  F(void, future_destroy, (FDBFuture* future), (future))                                                     \
  F(fdb_error_t, future_block_until_ready, (FDBFuture* future), (future))                                    \
  F(fdb_bool_t, future_is_ready, (FDBFuture* future), (future))                                              \
  F(fdb_error_t, future_set_callback, (FDBFuture* future, FDBCallback callback, void* parameter),            \
    (future, callback, parameter))                                                                           \
  F(fdb_error_t, future_get_error, (FDBFuture* future), (future))                                            \
  F(fdb_error_t, future_get_int64, (FDBFuture* future, std::int64_t* out), (future, out))                    \
  F(fdb_error_t, future_get_uint64, (FDBFuture* future, std::uint64_t* out), (future, out))                  \
  F(fdb_error_t, future_get_key, (FDBFuture* future, FdbBytes* key, int* length), (future, key, length))     \
  F(fdb_error_t, future_get_value,                                                                           \
    (FDBFuture* future, fdb_bool_t* present, FdbBytes* value, int* length),                                  \
    (future, present, value, length))                                                                        \
  F(fdb_error_t, future_get_keyvalue_array,                                                                  \
    (FDBFuture* future, const FDBKeyValue** rows, int* count, fdb_bool_t* more),                             \
    (future, rows, count, more))                                                                             \
  F(fdb_error_t, future_get_mappedkeyvalue_array,                                                            \
    (FDBFuture* future, const FDBMappedKeyValue** rows, int* count, fdb_bool_t* more),                       \
    (future, rows, count, more))                                                                             \
  F(fdb_error_t, future_get_key_array, (FDBFuture* future, const FDBKey** keys, int* count),                 \
    (future, keys, count))                                                                                   \
  F(fdb_error_t, future_get_string_array, (FDBFuture* future, const char*** strings, int* count),            \
    (future, strings, count))                                                                                \
  F(fdb_error_t, future_get_keyrange_array, (FDBFuture* future, const FDBKeyRange** ranges, int* count),     \
    (future, ranges, count))                                                                                 \
                                                                                                             \
  /* For the embedded engine the "cluster file" is embedded:DIR or memory:NAME, or a file that says so. */   \
  F(fdb_error_t, create_database, (const char* cluster_file, FDBDatabase** out), (cluster_file, out))        \
  F(void, database_destroy, (FDBDatabase* database), (database))                                             \
  F(fdb_error_t, database_set_option, (FDBDatabase* database, int option, FdbBytes value, int length),       \
    (database, option, value, length))                                                                       \
  F(fdb_error_t, database_create_transaction, (FDBDatabase* database, FDBTransaction** out),                 \
    (database, out))                                                                                         \
  F(double, database_get_main_thread_busyness, (FDBDatabase* database), (database))                          \
  F(FDBFuture*, database_get_server_protocol, (FDBDatabase* database, std::uint64_t expected),               \
    (database, expected))                                                                                    \
                                                                                                             \
  F(void, transaction_destroy, (FDBTransaction* transaction), (transaction))                                 \
  F(void, transaction_cancel, (FDBTransaction* transaction), (transaction))                                  \
  F(void, transaction_reset, (FDBTransaction* transaction), (transaction))                                   \
  F(fdb_error_t, transaction_set_option,                                                                     \
    (FDBTransaction* transaction, int option, FdbBytes value, int length),                                   \
    (transaction, option, value, length))                                                                    \
  F(void, transaction_set_read_version, (FDBTransaction* transaction, std::int64_t version),                 \
    (transaction, version))                                                                                  \
  F(FDBFuture*, transaction_get_read_version, (FDBTransaction* transaction), (transaction))                  \
  F(FDBFuture*, transaction_get,                                                                             \
    (FDBTransaction* transaction, FdbBytes key, int length, fdb_bool_t snapshot),                            \
    (transaction, key, length, snapshot))                                                                    \
  F(FDBFuture*, transaction_get_key,                                                                         \
    (FDBTransaction* transaction, FdbBytes key, int length, fdb_bool_t or_equal, int offset,                 \
     fdb_bool_t snapshot),                                                                                   \
    (transaction, key, length, or_equal, offset, snapshot))                                                  \
  F(FDBFuture*, transaction_get_range,                                                                       \
    (FDBTransaction* transaction, FdbBytes begin, int begin_length, fdb_bool_t begin_or_equal,               \
     int begin_offset, FdbBytes end, int end_length, fdb_bool_t end_or_equal, int end_offset, int limit,     \
     int target_bytes, int streaming_mode, int iteration, fdb_bool_t snapshot, fdb_bool_t reverse),          \
    (transaction, begin, begin_length, begin_or_equal, begin_offset, end, end_length, end_or_equal,          \
     end_offset, limit, target_bytes, streaming_mode, iteration, snapshot, reverse))                         \
  F(FDBFuture*, transaction_get_mapped_range,                                                                \
    (FDBTransaction* transaction, FdbBytes begin, int begin_length, fdb_bool_t begin_or_equal,               \
     int begin_offset, FdbBytes end, int end_length, fdb_bool_t end_or_equal, int end_offset,                \
     FdbBytes mapper, int mapper_length, int limit, int target_bytes, int streaming_mode, int iteration,     \
     fdb_bool_t snapshot, fdb_bool_t reverse),                                                               \
    (transaction, begin, begin_length, begin_or_equal, begin_offset, end, end_length, end_or_equal,          \
     end_offset, mapper, mapper_length, limit, target_bytes, streaming_mode, iteration, snapshot, reverse))  \
  F(FDBFuture*, transaction_get_addresses_for_key, (FDBTransaction* transaction, FdbBytes key, int length),  \
    (transaction, key, length))                                                                              \
  F(FDBFuture*, transaction_get_estimated_range_size_bytes,                                                  \
    (FDBTransaction* transaction, FdbBytes begin, int begin_length, FdbBytes end, int end_length),           \
    (transaction, begin, begin_length, end, end_length))                                                     \
  F(FDBFuture*, transaction_get_range_split_points,                                                          \
    (FDBTransaction* transaction, FdbBytes begin, int begin_length, FdbBytes end, int end_length,            \
     std::int64_t chunk_bytes),                                                                              \
    (transaction, begin, begin_length, end, end_length, chunk_bytes))                                        \
  F(void, transaction_set,                                                                                   \
    (FDBTransaction* transaction, FdbBytes key, int key_length, FdbBytes value, int value_length),           \
    (transaction, key, key_length, value, value_length))                                                     \
  F(void, transaction_atomic_op,                                                                             \
    (FDBTransaction* transaction, FdbBytes key, int key_length, FdbBytes operand, int operand_length,        \
     int operation),                                                                                         \
    (transaction, key, key_length, operand, operand_length, operation))                                      \
  F(void, transaction_clear, (FDBTransaction* transaction, FdbBytes key, int length),                        \
    (transaction, key, length))                                                                              \
  F(void, transaction_clear_range,                                                                           \
    (FDBTransaction* transaction, FdbBytes begin, int begin_length, FdbBytes end, int end_length),           \
    (transaction, begin, begin_length, end, end_length))                                                     \
  F(FDBFuture*, transaction_watch, (FDBTransaction* transaction, FdbBytes key, int length),                  \
    (transaction, key, length))                                                                              \
  F(FDBFuture*, transaction_commit, (FDBTransaction* transaction), (transaction))                            \
  F(fdb_error_t, transaction_get_committed_version, (FDBTransaction* transaction, std::int64_t* out),        \
    (transaction, out))                                                                                      \
  F(FDBFuture*, transaction_get_versionstamp, (FDBTransaction* transaction), (transaction))                  \
  F(FDBFuture*, transaction_get_approximate_size, (FDBTransaction* transaction), (transaction))              \
  F(FDBFuture*, transaction_on_error, (FDBTransaction* transaction, fdb_error_t code), (transaction, code))  \
  F(fdb_error_t, transaction_add_conflict_range,                                                             \
    (FDBTransaction* transaction, FdbBytes begin, int begin_length, FdbBytes end, int end_length, int type), \
    (transaction, begin, begin_length, end, end_length, type))

// What came with API version 730: null in a table that an older library filled.
#define EVERFRAME_FDB_FUNCTIONS_730(F)                                                                       \
  F(fdb_error_t, future_get_bool, (FDBFuture* future, fdb_bool_t* out), (future, out))                       \
  F(fdb_error_t, future_get_double, (FDBFuture* future, double* out), (future, out))                         \
  F(fdb_error_t, create_database_from_connection_string, (const char* target, FDBDatabase** out),            \
    (target, out))                                                                                           \
  F(FDBFuture*, database_get_client_status, (FDBDatabase* database), (database))                             \
  F(FDBFuture*, transaction_get_tag_throttled_duration, (FDBTransaction* transaction), (transaction))        \
  F(FDBFuture*, transaction_get_total_cost, (FDBTransaction* transaction), (transaction))
// clang-format on

namespace everframe::platform {

#define EVERFRAME_FDB_POINTER(result, name, parameters, arguments) result(*name) parameters = nullptr;

struct FdbApi {
  EVERFRAME_FDB_FUNCTIONS_710(EVERFRAME_FDB_POINTER)
  EVERFRAME_FDB_FUNCTIONS_730(EVERFRAME_FDB_POINTER)
};

#undef EVERFRAME_FDB_POINTER

}  // namespace everframe::platform
