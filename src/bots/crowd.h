// Crowd: N players in one process who enter a world, live there for a while, and leave; what they measured
// comes out as a report. Threads: the executor's, from start() to its `done`.
//
//   start -> content -> joining (join_rate a second) -> measuring (seconds) -> settling -> leaving -> done
//
// Joining ends when all are in the world, or JOINING_MAX after the last one started; settling when every
// action is answered, or after SETTLING_MAX. stop() cuts short what runs and goes on with settling.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "bots/player.h"

namespace everframe::bots {

inline constexpr Duration JOINING_MAX = 30s;
inline constexpr Duration SETTLING_MAX = 10s;
inline constexpr Duration LEAVING_MAX = 3s;
inline constexpr Duration TICK = 4ms;  // how often players look at their clocks

struct Report {
  std::size_t players_asked = 0;
  std::size_t players_connected = 0;   // in the world when measuring began
  double seconds = 0;                  // measured
  Figures measured;                    // rates and latencies: of the measured span alone
  Figures all;                         // errors, duplicates, refused: from start to end
  std::optional<std::string> failure;  // it could not be run: why
  bool stopped = false;                // before its time
  // Nothing happened that should not.
  bool well() const {
    return !failure && players_connected == players_asked && all.errors() == 0 && all.duplicates == 0;
  }
};

std::string json_of(const Report& report);  // one object; its members are in docs/bots.md
std::string text_of(const Report& report);

class Crowd {
 public:
  struct Options {
    ServerUrl server;
    CarrierKind carrier = CarrierKind::WEBRTC;
    std::size_t players = 1;
    double seconds = 10;
    double joins_a_second = 100;
    double poses_a_second = 20;
    double actions_a_second = 1;
    std::uint64_t seed = 1;
    Duration silence_max = 4s;
  };
  // All but `options` outlive it. `witness` may be null. `progress` gets a line a second.
  Crowd(platform_os::AsioExecutor& executor, platform::Network& network, platform::Entropy& entropy,
        Options options, Witness* witness, Function<void(const std::string&)> progress);

  void start(Function<void()> done);
  void stop();
  const Report& report() const { return report_; }  // whole once `done` was called
  std::size_t in_world() const;

 private:
  enum class Phase { CONTENT, JOINING, MEASURING, SETTLING, LEAVING, DONE };
  void begin(Result<std::string> content);
  void tick();
  void advance(Time now);
  void join_some(Time now);
  void measure(Time now);
  void settle(Time now);
  void leave(Time now);
  void finish();
  void tell_progress(Time now);

  platform_os::AsioExecutor& executor_;
  platform::Network& network_;
  const Options options_;
  Witness* const witness_;
  const Function<void(const std::string&)> progress_;
  Signaling signaling_;
  Prng dice_;
  Figures figures_;
  Figures told_;  // at the last line of progress
  Pack pack_;
  std::shared_ptr<const transport::Certificate> certificate_;
  std::vector<std::unique_ptr<Player>> players_;
  Phase phase_ = Phase::CONTENT;
  Time phase_began_{};
  Time next_line_{};
  Report report_;
  Function<void()> done_;
};

}  // namespace everframe::bots
