// store_victim DIR: commits numbered transactions, several in flight, until it is killed; writes the number
// of each acknowledged one to its output, 8 bytes little-endian. kill_test.cpp says what a transaction holds.
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "../numbered.h"
#include "embedded/engine.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"

namespace {

using namespace everframe;

constexpr std::size_t IN_FLIGHT = 8;

struct Slot {
  std::uint64_t number = 0;
  FDBTransaction* transaction = nullptr;
  FDBFuture* commit = nullptr;
};

void wait_and_tell(const platform::FdbApi& fdb, Slot& slot) {
  if (fdb.future_block_until_ready(slot.commit) != 0 || fdb.future_get_error(slot.commit) != 0) _exit(3);
  fdb.future_destroy(slot.commit);
  fdb.transaction_destroy(slot.transaction);
  if (write(STDOUT_FILENO, &slot.number, sizeof slot.number) != sizeof slot.number) _exit(4);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  platform_os::OsDisk disk;
  platform_os::OsClock clock;
  embedded::configure({&disk, &clock, 1});
  const platform::FdbApi& fdb = embedded::api();
  FDBDatabase* database = nullptr;
  fdb.select_api_version_impl(730, 730);
  if (fdb.create_database((std::string("embedded:") + argv[1]).c_str(), &database) != 0) {
    std::fprintf(stderr, "%s\n", embedded::why_not_opened().c_str());
    return 1;
  }
  std::uint64_t next = tests::last_number(fdb, database) + 1;
  std::vector<Slot> flying;
  for (;; ++next) {
    if (flying.size() == IN_FLIGHT) {
      wait_and_tell(fdb, flying.front());
      flying.erase(flying.begin());
    }
    Slot slot;
    slot.number = next;
    if (fdb.database_create_transaction(database, &slot.transaction) != 0) return 1;
    tests::write_numbered(fdb, slot.transaction, next);
    slot.commit = fdb.transaction_commit(slot.transaction);
    flying.push_back(slot);
  }
}
