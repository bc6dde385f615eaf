// FdbApi: FoundationDB's C API (fdb_c.h, API version 710 to 730) as a table of function pointers. An engine
// fills the table: `embedded` with its own functions, or the real libfdb_c through dlopen. The store speaks
// to nothing else. Meaning, ownership, error codes and limits are FoundationDB's own: documentation "C API",
// and error_definitions.h. Of the API, the table holds what the store calls; it grows with the store.
#pragma once
#include <cstdint>

extern "C" {
typedef struct FDB_future FDBFuture;
typedef struct FDB_database FDBDatabase;
typedef struct FDB_transaction FDBTransaction;
typedef int fdb_error_t;
typedef int fdb_bool_t;

#pragma pack(push, 4)
typedef struct FDB_keyvalue {
  const std::uint8_t* key;
  int key_length;
  const std::uint8_t* value;
  int value_length;
} FDBKeyValue;
#pragma pack(pop)

typedef void (*FDBCallback)(FDBFuture* future, void* callback_parameter);
}

namespace everframe::platform {

struct FdbApi {
  fdb_error_t (*select_api_version_impl)(int runtime_version, int header_version);
  const char* (*get_error)(fdb_error_t code);
  fdb_bool_t (*error_predicate)(int predicate, fdb_error_t code);
  fdb_error_t (*setup_network)();
  fdb_error_t (*run_network)();
  fdb_error_t (*stop_network)();

  void (*future_cancel)(FDBFuture*);
  void (*future_destroy)(FDBFuture*);
  fdb_error_t (*future_block_until_ready)(FDBFuture*);
  fdb_bool_t (*future_is_ready)(FDBFuture*);
  fdb_error_t (*future_set_callback)(FDBFuture*, FDBCallback, void* parameter);
  fdb_error_t (*future_get_error)(FDBFuture*);
  fdb_error_t (*future_get_int64)(FDBFuture*, std::int64_t* out);
  fdb_error_t (*future_get_key)(FDBFuture*, const std::uint8_t** key, int* length);
  fdb_error_t (*future_get_value)(FDBFuture*, fdb_bool_t* present, const std::uint8_t** value, int* length);
  fdb_error_t (*future_get_keyvalue_array)(FDBFuture*, const FDBKeyValue** rows, int* count,
                                           fdb_bool_t* more);

  // For embedded engines the "cluster file" is embedded:DIR or memory:NAME, as given to --store.
  fdb_error_t (*create_database)(const char* cluster_file, FDBDatabase** out);
  void (*database_destroy)(FDBDatabase*);
  fdb_error_t (*database_create_transaction)(FDBDatabase*, FDBTransaction** out);

  void (*transaction_destroy)(FDBTransaction*);
  void (*transaction_cancel)(FDBTransaction*);
  void (*transaction_reset)(FDBTransaction*);
  fdb_error_t (*transaction_set_option)(FDBTransaction*, int option, const std::uint8_t* value, int length);
  void (*transaction_set_read_version)(FDBTransaction*, std::int64_t version);
  FDBFuture* (*transaction_get_read_version)(FDBTransaction*);
  FDBFuture* (*transaction_get)(FDBTransaction*, const std::uint8_t* key, int length, fdb_bool_t snapshot);
  FDBFuture* (*transaction_get_key)(FDBTransaction*, const std::uint8_t* key, int length, fdb_bool_t or_equal,
                                    int offset, fdb_bool_t snapshot);
  FDBFuture* (*transaction_get_range)(FDBTransaction*, const std::uint8_t* begin, int begin_length,
                                      fdb_bool_t begin_or_equal, int begin_offset, const std::uint8_t* end,
                                      int end_length, fdb_bool_t end_or_equal, int end_offset, int limit,
                                      int target_bytes, int streaming_mode, int iteration,
                                      fdb_bool_t snapshot, fdb_bool_t reverse);
  void (*transaction_set)(FDBTransaction*, const std::uint8_t* key, int key_length, const std::uint8_t* value,
                          int value_length);
  void (*transaction_atomic_op)(FDBTransaction*, const std::uint8_t* key, int key_length,
                                const std::uint8_t* operand, int operand_length, int operation);
  void (*transaction_clear)(FDBTransaction*, const std::uint8_t* key, int length);
  void (*transaction_clear_range)(FDBTransaction*, const std::uint8_t* begin, int begin_length,
                                  const std::uint8_t* end, int end_length);
  FDBFuture* (*transaction_watch)(FDBTransaction*, const std::uint8_t* key, int length);
  FDBFuture* (*transaction_commit)(FDBTransaction*);
  fdb_error_t (*transaction_get_committed_version)(FDBTransaction*, std::int64_t* out);
  FDBFuture* (*transaction_get_versionstamp)(FDBTransaction*);
  FDBFuture* (*transaction_get_approximate_size)(FDBTransaction*);
  FDBFuture* (*transaction_on_error)(FDBTransaction*, fdb_error_t code);
  fdb_error_t (*transaction_add_conflict_range)(FDBTransaction*, const std::uint8_t* begin, int begin_length,
                                                const std::uint8_t* end, int end_length, int type);
};

}  // namespace everframe::platform
