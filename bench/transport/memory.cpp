// What a peer costs the endpoint's heap, OpenSSL's part included: connected and silent, and with updates
// under way.
#include "base/assert.h"
#include "transport/measure.h"

namespace everframe::bench {

using namespace transport;

void bench_memory(const Settings& settings, Report& report) {
  const std::size_t peers = settings.smoke ? 10 : 500;
  // The clients' heap is measured by what is left when the endpoint has forgotten its peers.
  Crowd crowd(peers);
  crowd.connect();
  // Past the handshakes' last timers, and with the proof that the client has our last flight.
  const Bytes message(MESSAGE_BYTES, 7);
  for (int tick = 0; tick < 90; ++tick) {
    crowd.now += TICK;
    if (tick < 30) {
      for (const PeerId id : crowd.ids) crowd.endpoint.send(id, crowd.state, message, true, crowd.now);
      for (const auto& client : crowd.clients) client->send(crowd.state, message, true, crowd.now);
    }
    crowd.exchange();
    for (const auto& client : crowd.clients) client->advance(crowd.now);
    crowd.endpoint.advance(crowd.now);
  }
  crowd.exchange();
  const std::int64_t idle = heap().bytes;
  // A second's updates that the path has swallowed: sent and unacknowledged.
  std::vector<Outgoing> lost;
  for (int tick = 0; tick < 30; ++tick) {
    crowd.now += TICK;
    for (const PeerId id : crowd.ids) crowd.endpoint.send(id, crowd.state, message, true, crowd.now);
    crowd.endpoint.flush(crowd.now, lost);
    lost.clear();
  }
  lost.shrink_to_fit();
  const std::int64_t active = heap().bytes;
  for (const PeerId id : crowd.ids) crowd.endpoint.close(id, "enough", crowd.now);
  crowd.endpoint.flush(crowd.now, lost);
  lost.clear();
  lost.shrink_to_fit();
  while (crowd.endpoint.next_event()) continue;
  const std::int64_t none = heap().bytes;
  const auto per_peer = [&](std::int64_t bytes) {
    return static_cast<double>(bytes - none) / static_cast<double>(peers);
  };
  report.add("heap of the endpoint a peer",
             {{"idle_bytes", per_peer(idle)}, {"active_bytes", per_peer(active)}});
  report.target("bytes of an active peer", per_peer(active), 16 << 10, true);
}

}  // namespace everframe::bench
