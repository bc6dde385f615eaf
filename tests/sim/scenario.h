// Scenario: what a run is made of: a workload, the conditions it meets, faults, and how long. A small TOML
// file in scenarios/; docs/simulator.md lists every key. Unknown keys are refused.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "embedded/faults.h"
#include "platform_sim/simulated_disk.h"
#include "platform_sim/simulated_network.h"

namespace everframe::sim {

struct Span {
  Duration low{0};
  Duration high{0};
};

struct Fault {
  enum class Kind {
    KILL,          // kill -9: what the kernel has, it keeps
    POWER,         // the machine: what was not synced is lost or torn
    CUT,           // as POWER, within one of the next disk operations
    DISK_FULL,     // no space is left, until the server has died of it or `lasts` is over
    SYNC_FAILS,    // the next sync fails; the server stops, and is started again
    ROT,           // as KILL; a bit of the log has flipped meanwhile
    HOLD_UP,       // the server's process is not scheduled for `lasts`
    PARTITION,     // the server is cut off from everybody for `lasts`
    CRASH,         // the next message or timer of an actor whose name begins with `actor` meets a bug
    CRASH_EACH,    // as CRASH, of every actor of the server's tree in turn; within a second all must go on
    SECOND_OWNER,  // another process takes the same world, while the first is not scheduled
    REBIND,        // a player is seen under another address
    RECONNECT,     // a player drops its connection and comes back
    PLAYER_KILL,   // a player's process dies and is started again; it knows its token and what it did
    RESEND,        // a player sends again what it sent last, answered or not
    NARROW,        // a player's line takes 6 kB a second for `lasts`
  };
  Kind kind = Kind::KILL;
  Span every;  // between two of them, by dice
  Span lasts;
  Duration from{0};
  std::string actor;
};

struct Scenario {
  std::string name;
  std::string about;
  Duration length = 6s;  // of the faults; afterwards everything is made well, and must become well
  unsigned players = 4;
  Duration joining = 1s;  // they come within this
  double actions_a_second = 4;
  double poses_a_second = 8;
  unsigned gateways = 1;
  unsigned tunnels_permille = 0;  // of connections; the others are WebRTC
  platform_sim::VirtualWorld::Pace pace;
  platform_sim::SimulatedNetwork::Conditions network;
  platform_sim::SimulatedDisk::Latency disk;
  bool tearing_disk = false;
  std::uint64_t log_segment_kb = 256;  // a file of the store's log: a world of this size fills some
  embedded::Faults store;
  std::vector<Fault> faults;
};

Result<Scenario> read_scenario(const std::string& path);
// All of a folder, by name.
Result<std::vector<Scenario>> read_scenarios(const std::string& directory);

}  // namespace everframe::sim
