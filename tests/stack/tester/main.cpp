// everframe_stack_tester PREFIX API_VERSION CLUSTER: the stack machine of FoundationDB's binding tester over
// the store's binding, as a program that the binding tester can start. CLUSTER: embedded:DIR, or fdb:FILE
// (and FILE alone) through FoundationDB's client library (EVERFRAME_FDB_LIBRARY names another).
#include <cstdio>
#include <cstdlib>
#include <future>

#include "../machine.h"
#include "embedded/engine.h"
#include "platform_os/asio_executor.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"
#include "store/fdb_library.h"

namespace {

using namespace everframe;

Result<std::unique_ptr<store::Database>> open_target(std::string target) {
  static platform_os::OsDisk disk;
  static platform_os::OsClock clock;
  if (target.starts_with("embedded:") || target.starts_with("memory:")) {
    embedded::configure({&disk, &clock, 1});
    return store::Database::open(embedded::api(), target, embedded::why_not_opened);
  }
  constexpr std::string_view CLUSTER = "fdb:";
  if (target.starts_with(CLUSTER)) target.erase(0, CLUSTER.size());
  store::Cluster cluster{target};
  if (const char* library = std::getenv("EVERFRAME_FDB_LIBRARY")) cluster.library = library;
  return store::open_cluster(cluster);
}

Task<> run_machine(stack::Run& run, const char* prefix, std::promise<bool>& done) {
  stack::Machine machine(run, prefix);
  const bool good = co_await machine.run();
  run.transactions.clear();
  done.set_value(good);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s PREFIX API_VERSION [CLUSTER]\n", argv[0]);
    return 2;
  }
  auto database = open_target(argc > 3 ? argv[3] : "fdb.cluster");
  if (!database) {
    std::fprintf(stderr, "%s\n", database.error().text.c_str());
    return 1;
  }
  platform_os::AsioExecutor executor("stack");
  executor.start();
  stack::Run run{**database, executor, {}, {}};
  std::promise<bool> done;
  executor.post([&] { spawn(run_machine(run, argv[1], done), [](std::exception_ptr) {}); });
  const bool good = done.get_future().get();
  executor.stop();
  executor.join();
  if (!good) std::fprintf(stderr, "%s\n", run.failure.c_str());
  return good ? 0 : 1;
}
