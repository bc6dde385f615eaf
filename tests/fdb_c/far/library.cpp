// For tests: the embedded engine in the role of a cluster that cannot be reached. Any cluster file is taken;
// no read version ever comes, so that only a caller's time-out ends the waiting.
#include "embedded/engine.h"
#include "platform_os/os_clock.h"

namespace everframe::fdb_c {
namespace {

const platform::FdbApi& table() {
  static const platform::FdbApi far = [] {
    static platform_os::OsClock* clock = new platform_os::OsClock;  // databases may be open until the end
    embedded::Host host;
    host.clock = clock;
    host.faults.read_version = {24h, 24h};
    embedded::configure(host);
    platform::FdbApi filling = embedded::api();
    filling.create_database = [](const char*, FDBDatabase** out) {
      return embedded::api().create_database("memory:far", out);
    };
    return filling;
  }();
  return far;
}

}  // namespace
}  // namespace everframe::fdb_c

extern "C" {
#define EXPORT(result, name, parameters, arguments)                     \
  __attribute__((visibility("default"))) result fdb_##name parameters { \
    return everframe::fdb_c::table().name arguments;                    \
  }
EVERFRAME_FDB_FUNCTIONS_710(EXPORT)
EVERFRAME_FDB_FUNCTIONS_730(EXPORT)
#undef EXPORT
}
