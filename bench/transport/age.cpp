// How old state is when it arrives, over bad paths in virtual time: nothing here depends on the machine.
// Beside it ten reliable messages a second, and for the last row a large one of 40 kB every two seconds; all
// must arrive in order.
#include <cstring>

#include "base/assert.h"
#include "base/hash.h"
#include "transport/measure.h"
#include "transport/simulated_network.h"

namespace everframe::bench {

using namespace transport;

namespace {

struct Case {
  const char* name;
  PathShape path;
  std::size_t state_bytes;
  Duration large_every;  // zero: never
  double p50_ms_max;     // zero: no target
  double p99_ms_max;
};

constexpr Duration STATE_EVERY = std::chrono::microseconds(16'667);
constexpr Duration EVENT_EVERY = std::chrono::milliseconds(100);
constexpr std::size_t LARGE_BYTES = 40'000;
constexpr std::size_t EVENT_BYTES = 40;
const Address SERVER = Address::v4(10, 0, 0, 1, 3'478);

Bytes stamped(std::uint64_t number, std::size_t size) {
  Bytes out(size, 1);
  std::memcpy(out.data(), &number, sizeof number);
  return out;
}
std::uint64_t stamp_of(const Bytes& bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

struct Outcome {
  Samples ages_ms;
  std::uint64_t states = 0;
  std::uint64_t events_sent = 0;
  std::uint64_t events = 0;
  Samples event_ages_ms;
  std::uint64_t hash = 0;
};

void play(const Case& a, std::uint64_t seed, Duration span, Outcome& outcome) {
  const auto certificate = Certificate::make().value();
  Endpoint endpoint(certificate, {{SERVER}, 1, seed});
  Client client(certificate, seed);
  SimulatedNetwork network(endpoint, SERVER, {}, seed, START);
  network.add(client, address_of(0));
  const ChannelId events = client.open(events_options(), network.now).value();
  const ChannelId state = client.open(state_options(), network.now).value();
  const auto accepted = endpoint.accept(client.offer(), network.now).value();
  EF_ASSERT(client.accept_answer(accepted.answer, network.now).has_value());
  auto& heard = network.places[0].events;
  const auto opened = [&] {
    std::size_t count = 0;
    for (const PeerEvent& event : network.server_events)
      count += std::holds_alternative<PeerChannel>(event.what);
    return count == 2;
  };
  EF_ASSERT(network.run(std::chrono::seconds(10), opened));
  network.run(std::chrono::seconds(1));
  network.up = network.down = a.path;
  heard.clear();

  std::vector<Time> events_sent_at;
  std::uint64_t next_event = 0;
  const auto listen = [&] {
    for (const PeerEvent& event : heard) {
      const auto* message = std::get_if<PeerMessage>(&event.what);
      if (message == nullptr) continue;
      const std::uint64_t number = stamp_of(message->bytes);
      if (message->channel == events) {
        EF_ASSERT(number == next_event);  // in order, none missing
        const Duration age = network.now - events_sent_at[next_event++];
        outcome.event_ages_ms.add(static_cast<double>(age.count()) / 1'000);
        continue;
      }
      const std::uint64_t age = static_cast<std::uint64_t>(network.now.time_since_epoch().count()) - number;
      outcome.ages_ms.add(static_cast<double>(age) / 1'000);
      ++outcome.states;
      const std::uint64_t seen[] = {number, age, outcome.hash};
      outcome.hash = hash64({reinterpret_cast<const std::uint8_t*>(seen), sizeof seen});
    }
    heard.clear();
    return false;
  };
  const Time end = network.now + span;
  Time event_at = network.now;
  Time large_at = network.now + a.large_every;
  const auto send_event = [&](std::size_t size) {
    const auto queued =
        endpoint.send(accepted.peer, events, stamped(events_sent_at.size(), size), true, network.now);
    EF_ASSERT(queued == SendOutcome::QUEUED);
    events_sent_at.push_back(network.now);
  };
  while (network.now < end) {
    if (event_at <= network.now) send_event(EVENT_BYTES), event_at += EVENT_EVERY;
    if (a.large_every.count() > 0 && large_at <= network.now)
      send_event(LARGE_BYTES), large_at += a.large_every;
    const auto stamp = static_cast<std::uint64_t>(network.now.time_since_epoch().count());
    endpoint.send(accepted.peer, state, stamped(stamp, a.state_bytes), true, network.now);
    network.run(STATE_EVERY, listen);
  }
  network.run(std::chrono::seconds(60), [&] { return listen(), next_event == events_sent_at.size(); });
  EF_ASSERT(next_event == events_sent_at.size());
  outcome.events_sent += events_sent_at.size();
  outcome.events += next_event;
}

}  // namespace

void bench_age(const Settings& settings, Report& report) {
  using std::chrono::milliseconds;
  const Case cases[] = {
      {"age: RTT 100 ms, 5 % lost, 60 Hz of 100 B", {0.05, milliseconds(50)}, 100, {}, 0, 0},
      {"age: RTT 200 ms, 10 % lost, 60 Hz of 300 B", {0.10, milliseconds(100)}, 300, {}, 110, 400},
      {"age: 300 kbit/s, RTT 40 ms, 60 Hz of 1000 B",
       {0, milliseconds(20), {}, 0, 300'000},
       1'000,
       {},
       150,
       0},
      {"the same, 2 % lost", {0.02, milliseconds(20), {}, 0, 300'000}, 1'000, {}, 0, 0},
      {"age: RTT 100 ms, 2 % lost, and 40 kB every 2 s",
       {0.02, milliseconds(50)},
       300,
       std::chrono::seconds(2),
       0,
       0},
  };
  std::uint64_t hash = 0;
  for (const Case& one : cases) {
    Outcome outcome;
    for (int round = 0; round < settings.rounds; ++round) {
      play(one, static_cast<std::uint64_t>(round) + 1, settings.span, outcome);
    }
    hash = hash * 31 + outcome.hash;
    const double p50 = outcome.ages_ms.quantile(0.5);
    const double p99 = outcome.ages_ms.quantile(0.99);
    const double seconds = static_cast<double>(settings.span.count()) / 1e6 * settings.rounds;
    report.add(one.name, {{"p50_ms", p50},
                          {"p99_ms", p99},
                          {"a_second", static_cast<double>(outcome.states) / seconds},
                          {"reliable_p50_ms", outcome.event_ages_ms.quantile(0.5)},
                          {"reliable_p99_ms", outcome.event_ages_ms.quantile(0.99)}});
    if (one.p50_ms_max > 0) report.target("p50 of the age of state, ms", p50, one.p50_ms_max, true);
    if (one.p99_ms_max > 0) report.target("p99 of the age of state, ms", p99, one.p99_ms_max, true);
  }
  std::printf("hash of what arrived, and when: %016llx\n", static_cast<unsigned long long>(hash));
}

}  // namespace everframe::bench
