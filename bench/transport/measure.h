// What the parts of transport_bench share: what they are asked for, processor time, the heap's counters, and
// peers that are connected to each other without any system call.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "report.h"
#include "transport/client.h"
#include "transport/endpoint.h"

namespace everframe::bench {

struct Settings {
  bool smoke = false;
  int rounds = 3;
  std::vector<std::size_t> peers{1, 64, 1'000, 4'000};
  std::uint64_t messages = 400'000;          // of one round
  Duration span = std::chrono::seconds(60);  // of one measurement of age, in virtual time
  std::vector<std::string> only;
  bool wants(std::string_view part) const;
};

double thread_cpu_ns();  // of this thread: waiting for a core does not count

// The heap of the whole process, OpenSSL's part included.
struct Heap {
  std::uint64_t allocations = 0;  // so far
  std::int64_t bytes = 0;         // held now
};
Heap heap();
void count_openssl();  // before anything of OpenSSL is used

inline constexpr std::size_t MESSAGE_BYTES = 100;  // an update of the state around a player
inline constexpr Duration TICK = std::chrono::milliseconds(33);
inline constexpr Time START{std::chrono::hours(1)};

const transport::ChannelOptions& state_options();
const transport::ChannelOptions& events_options();

// An endpoint and its clients, connected. Datagrams move from one to the other at once, without loss.
class Crowd {
 public:
  explicit Crowd(std::size_t peers);
  void connect();   // all of them; asserts that it works
  void exchange();  // moves what waits on both sides until nothing does

  transport::Endpoint endpoint;
  std::vector<std::unique_ptr<transport::Client>> clients;
  std::vector<transport::PeerId> ids;
  transport::ChannelId state{};
  Time now = START;
  std::uint64_t messages = 0;   // that arrived, at either side
  std::uint64_t datagrams = 0;  // that were moved
  double endpoint_ns = 0;       // processor time within the endpoint; only while `timed`
  bool timed = false;

 private:
  bool pass_down();
  bool pass_up();
  std::vector<transport::Outgoing> out_;
};
Address address_of(std::size_t client);

using Part = void (*)(const Settings&, Report&);
void bench_floors(const Settings& settings, Report& report);
void bench_links(const Settings& settings, Report& report);
void bench_endpoints(const Settings& settings, Report& report);
void bench_memory(const Settings& settings, Report& report);
void bench_handshakes(const Settings& settings, Report& report);
void bench_age(const Settings& settings, Report& report);

}  // namespace everframe::bench
