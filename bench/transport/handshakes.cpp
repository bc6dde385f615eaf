// Whole joins, offer to open channels: the endpoint's processor time alone.
#include "transport/measure.h"

namespace everframe::bench {

void bench_handshakes(const Settings& settings, Report& report) {
  const std::size_t peers = settings.smoke ? 5 : 300;
  std::vector<double> a_second;
  for (int round = 0; round < settings.rounds; ++round) {
    Crowd crowd(peers);
    crowd.timed = true;
    crowd.connect();
    a_second.push_back(static_cast<double>(peers) * 1e9 / crowd.endpoint_ns);
  }
  report.add("joins of one core", {{"a_second", median(a_second)}});
}

}  // namespace everframe::bench
