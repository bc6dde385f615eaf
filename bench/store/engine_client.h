// The embedded engine through its C table, as a benchmark drives it.
#pragma once
#include <memory>

#include "embedded/engine.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"
#include "store/measure.h"

namespace everframe::bench {

inline const platform::FdbApi& fdb() {
  return embedded::api();
}

using FutureHandle = std::unique_ptr<FDBFuture, void (*)(FDBFuture*)>;
using TransactionHandle = std::unique_ptr<FDBTransaction, void (*)(FDBTransaction*)>;

class EngineDatabase {
 public:
  static Result<EngineDatabase> open(const std::string& directory);
  FDBDatabase* get() const { return handle_.get(); }
  TransactionHandle begin() const;

 private:
  explicit EngineDatabase(FDBDatabase* handle) : handle_(handle, fdb().database_destroy) {}
  std::unique_ptr<FDBDatabase, void (*)(FDBDatabase*)> handle_;
};

// Reads [begin, end) in pages (want_all), as a snapshot; rows and a sum over their bytes.
struct Scanned {
  std::uint64_t rows = 0;
  std::uint64_t sum = 0;
};
Scanned scan(FDBTransaction* transaction, std::string begin, const std::string& end);

// A new store of rows key_of(0 …), 120 bytes each, in `directory`: as a restore makes it, or by transactions
// of 10,000 rows, one after another.
Result<void> make_store(const std::string& directory, std::uint64_t rows);
Result<void> make_store_in_transactions(const std::string& directory, std::uint64_t rows);

}  // namespace everframe::bench
