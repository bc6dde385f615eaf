/* A client in C that knows only FoundationDB's documented functions: loads the library named by argv[1],
   opens argv[2], writes, reads back in another transaction, and closes; with a third argument it only reads
   what an earlier run wrote. Status 0: all was as documented. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct future Future;
typedef struct database Database;
typedef struct transaction Transaction;

static void* library;
static int failed;

static void* find(const char* name) {
  void* found = dlsym(library, name);
  if (found == NULL) {
    fprintf(stderr, "%s is missing\n", name);
    failed = 1;
  }
  return found;
}
/* ISO C has no conversion from an object's address to a function's; POSIX asks for this one. */
#define FUNCTION(result, name, ...)            \
  result (*name)(__VA_ARGS__) = NULL;          \
  do {                                         \
    void* address_ = find(#name);              \
    memcpy(&name, &address_, sizeof address_); \
  } while (0)

static void check(int code, const char* doing) {
  if (code == 0) return;
  fprintf(stderr, "%s: error %d\n", doing, code);
  failed = 1;
}

static void* run_network(void* unused) {
  (void)unused;
  FUNCTION(int, fdb_run_network, void);
  check(fdb_run_network(), "running the network");
  return NULL;
}

static void use(Database* database, int writes) {
  FUNCTION(int, fdb_database_create_transaction, Database*, Transaction**);
  FUNCTION(void, fdb_transaction_destroy, Transaction*);
  FUNCTION(void, fdb_transaction_set, Transaction*, const uint8_t*, int, const uint8_t*, int);
  FUNCTION(Future*, fdb_transaction_commit, Transaction*);
  FUNCTION(Future*, fdb_transaction_get, Transaction*, const uint8_t*, int, int);
  FUNCTION(int, fdb_future_block_until_ready, Future*);
  FUNCTION(int, fdb_future_get_error, Future*);
  FUNCTION(int, fdb_future_get_value, Future*, int*, const uint8_t**, int*);
  FUNCTION(void, fdb_future_destroy, Future*);
  const uint8_t* key = (const uint8_t*)"key";
  const uint8_t* bytes = NULL;
  Transaction* transaction = NULL;
  Future* future = NULL;
  int present = 0;
  int length = 0;
  if (failed) return;

  if (writes) {
    check(fdb_database_create_transaction(database, &transaction), "creating a transaction");
    fdb_transaction_set(transaction, key, 3, (const uint8_t*)"value", 5);
    future = fdb_transaction_commit(transaction);
    check(fdb_future_block_until_ready(future), "waiting");
    check(fdb_future_get_error(future), "committing");
    fdb_future_destroy(future);
    fdb_transaction_destroy(transaction);
  }

  check(fdb_database_create_transaction(database, &transaction), "creating a transaction");
  future = fdb_transaction_get(transaction, key, 3, 0);
  check(fdb_future_block_until_ready(future), "waiting");
  check(fdb_future_get_value(future, &present, &bytes, &length), "reading");
  if (!present || length != 5 || memcmp(bytes, "value", 5) != 0) check(1, "the value is another");
  fdb_future_destroy(future);
  fdb_transaction_destroy(transaction);
}

int main(int argc, char** argv) {
  pthread_t network;
  Database* database = NULL;
  if (argc != 3 && argc != 4) return 2;
  library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  FUNCTION(int, fdb_select_api_version_impl, int, int);
  FUNCTION(int, fdb_setup_network, void);
  FUNCTION(int, fdb_stop_network, void);
  FUNCTION(int, fdb_create_database, const char*, Database**);
  FUNCTION(void, fdb_database_destroy, Database*);
  if (failed) return 1;
  check(fdb_select_api_version_impl(730, 730), "selecting the API version");
  check(fdb_setup_network(), "setting up the network");
  if (pthread_create(&network, NULL, run_network, NULL) != 0) return 1;
  check(fdb_create_database(argv[2], &database), "opening the database");
  if (database != NULL) {
    use(database, argc == 3);
    fdb_database_destroy(database);
  }
  check(fdb_stop_network(), "stopping the network");
  pthread_join(network, NULL);
  return failed;
}
