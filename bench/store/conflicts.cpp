// The conflict check alone: batches of 64 transactions with 5 point reads, one range read and 10 writes, in a
// window of 250 batches, read versions 1 to 3 batches old.
#include "embedded/resolver.h"
#include "store/measure.h"

namespace everframe::bench {

Result<void> bench_conflicts(const Settings& settings, Report& report) {
  constexpr std::size_t BATCH = 64;
  constexpr int WINDOW = 250;
  constexpr std::uint64_t KEYS = 1'000'000;
  const int batches = settings.smoke ? 20 : 400;
  std::vector<double> costs;
  std::size_t conflicts = 0;
  for (int round = 0; round < settings.rounds; ++round) {
    embedded::Resolver resolver(0);
    Prng dice(static_cast<std::uint64_t>(round) + 1);
    double spent = 0;
    for (int batch = 1; batch <= WINDOW + batches; ++batch) {
      embedded::Arena keys;
      const auto point = [&] {
        const std::string_view key = keys.copy_key(key_of(dice.below(KEYS)));
        return embedded::RangeView{key, embedded::Arena::successor(key)};
      };
      std::vector<std::vector<embedded::RangeView>> reads(BATCH), writes(BATCH);
      for (std::size_t i = 0; i < BATCH; ++i) {
        for (int r = 0; r < 5; ++r) reads[i].push_back(point());
        const std::uint64_t from = dice.below(KEYS);
        reads[i].push_back({keys.copy(key_of(from)), keys.copy(key_of(from + 100))});
        for (std::size_t w = 0; w < WRITES; ++w) writes[i].push_back(point());
      }
      const double begun = now_us();
      for (std::size_t i = 0; i < BATCH; ++i) {
        const embedded::Version read = batch - 1 - static_cast<embedded::Version>(dice.below(3));
        const auto verdict = resolver.resolve(std::max<embedded::Version>(read, 0), reads[i], writes[i]);
        conflicts += verdict == embedded::Resolver::Verdict::CONFLICT;
      }
      resolver.close_batch(batch);
      if (batch > WINDOW) {
        spent += now_us() - begun;
        resolver.forget(batch - WINDOW);
      }
    }
    costs.push_back(spent / (batches * static_cast<double>(BATCH)));
  }
  report.add("conflict check, a transaction",
             {{"us", median(costs)}, {"conflicts", static_cast<double>(conflicts)}});
  return {};
}

}  // namespace everframe::bench
