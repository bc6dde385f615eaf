// The embedded engine: a strictly serializable, durable, ordered key-value store in this process, behind
// FoundationDB's C API (platform/fdb_api.h; meaning, limits and error codes are FoundationDB's).
//
// Targets of create_database:
//   embedded:DIR   durable in DIR (made if absent). One process at a time; within it, all handles of one DIR
//                  share one engine, which closes with its last handle and transaction.
//   memory:NAME    the same engine without a disk; lives as long as a handle or transaction of NAME.
// DIR/log holds the commit log, DIR/base RocksDB's files, DIR/FORMAT the format's name
// (spec/store_format.md).
//
// Threads: any thread may call; one transaction belongs to one thread at a time. Reads are complete when
// their call returns (a read of cold data waits for the disk). Commits run on one thread per database;
// futures' callbacks run there, or inline in the call that made the future or set the callback. A callback
// must not block: block_until_ready inside one gives 2026. future_destroy of a future that is not ready
// cancels it, and its callback then runs within that call, with 1101; a callback that another thread had
// already begun may still be running when it returns. The network calls are accepted in FoundationDB's order,
// but nothing waits for them.
//
// Failure: if the log cannot be written or synced, the engine stops for good: commits then in flight get
// 1021, every later one 1510; reads go on. A directory that is locked (1529), damaged (1522) or of another
// format (1058) is not opened; why_not_opened() says which file, where, and what to do.
//
// Limits: FoundationDB's (key 10,000 bytes, value 100,000, transaction 10,000,000, 5 seconds, 10,000 watches
// a handle); 10,000 commits waiting, and 512 MB of versions younger than 5 s: beyond these commits get 1042.
#pragma once
#include <optional>
#include <string>

#include "embedded/executors.h"
#include "embedded/faults.h"
#include "platform/clock.h"
#include "platform/disk.h"
#include "platform/fdb_api.h"

namespace everframe::embedded {

// What the engine asks of the outside; all outlive every database. RocksDB's own files are the one exception:
// it opens them itself, under DIR/base.
struct Host {
  platform::Disk* disk = nullptr;  // needed for embedded:DIR only
  const platform::Clock* clock = nullptr;
  std::uint64_t seed = 1;  // of the jitter in retry delays
  Faults faults = {};      // for tests of what is built on the store
  // Run first on each commit thread, if given: how the program asks the kernel to wake it soon.
  void (*prepare_commit_thread)() = nullptr;
  // For simulations. With executors the engine has no threads, its callbacks run there, and the base of
  // embedded:DIR is a file on `disk` as well (image_base.h): all that it does is on the simulation's stage.
  std::optional<Executors> executors = {};
  std::size_t segment_bytes = 16 << 20;  // of the log's files
};

// Before the first create_database; again only while no database is open.
void configure(const Host& host);

const platform::FdbApi& api();

// A future that is set to an error: the answer of those functions of FoundationDB's that the table lacks.
FDBFuture* refused_future(fdb_error_t code);

// The text behind the error code of this thread's last failed create_database.
std::string why_not_opened();

}  // namespace everframe::embedded
