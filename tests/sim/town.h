// Town: one run: a machine with its disk, the server's lives on it, players on hosts of their own, the faults
// of a scenario, and at the end the judgement. One seed decides everything.
//
//   faults for `length`  →  everything is made well, and must become well  →  drain  →  the power may go
//   →  checkers read the journal and the store
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "checkers/checkers.h"
#include "checkers/steps.h"
#include "player.h"
#include "scenario.h"
#include "server.h"
#include "store_history.h"

namespace everframe::sim {

struct Outcome {
  std::uint64_t hash = 0;  // of everything that happened
  Findings findings;
  std::deque<std::string> last_events;
  std::uint64_t steps = 0;
  std::uint64_t frames = 0;
  std::uint64_t answered = 0;  // actions
  std::uint64_t applied = 0;
  std::uint64_t lives = 0;    // of servers
  std::uint64_t crashes = 0;  // of actors
  std::uint64_t transactions = 0;
  Time ended{};
};

class Town {
 public:
  // All outlive it. `print`: events as they happen.
  Town(const Scenario& scenario, std::uint64_t seed, const world::Content& content, const bots::Pack& pack,
       bool print);
  ~Town();
  Outcome run();

 private:
  void boot();
  void start_server(const Address& host);
  void ended(Server& server, int status, const std::string& why);
  void crash(bool power_lost, const char* how);
  void tear_down();
  void connect(gateway::Connect request, platform::Executor& client);
  void plan(const Fault& fault);
  void strike(const Fault& fault);
  void strike_disk(const Fault& fault);
  void strike_player(const Fault& fault);
  void second_owner(const Fault& fault);
  void doom_next();
  void must_go_on(const std::string& actor);
  void heal();
  bool is_well();
  void become_well();
  void drain();
  void tell_to_stop();
  void judge();
  Duration draw(const Span& span);
  Server* serving();
  static void disturb(const actor::Cell& cell, const char* what);

  const Scenario& scenario_;
  const world::Content& content_;
  const store::WorldKeys keys_{"town"};
  platform_sim::VirtualWorld world_;
  platform_sim::SimulatedNetwork network_;
  platform_sim::SimulatedDisk disk_;
  Journal journal_;
  StoreHistory history_;
  Outcome outcome_;
  StepCheck steps_{outcome_.findings};
  std::optional<Stage> stage_;
  std::optional<Surroundings> around_;
  std::unique_ptr<platform_sim::Process> store_;
  std::vector<std::unique_ptr<Server>> servers_;  // of this life of the machine; the last one is asked
  std::vector<std::unique_ptr<Player>> players_;
  std::optional<std::string> doomed_;  // the next actor whose name begins so meets a bug
  std::set<std::string> doomed_once_;  // by CRASH_EACH
  std::optional<platform_sim::SimulatedDisk::Flip> flip_;
  bool faulty_ = true;  // until everything is made well
  bool drained_ = false;
  bool restarting_ = false;
  bool judging_ = false;
  unsigned lives_ = 0;
  std::uint64_t crashes_ = 0;
};

}  // namespace everframe::sim
