#include "bots/crowd.h"

#include <algorithm>

namespace everframe::bots {

namespace {

double seconds_of(Duration span) {
  return static_cast<double>(span.count()) / 1e6;
}

}  // namespace

Crowd::Crowd(platform_os::AsioExecutor& executor, platform::Network& network, platform::Entropy& entropy,
             Options options, Witness* witness, Function<void(const std::string&)> progress)
    : executor_(executor),
      network_(network),
      options_(std::move(options)),
      witness_(witness),
      progress_(std::move(progress)),
      signaling_(executor, options_.server),
      dice_(entropy.u64()) {
  report_.players_asked = options_.players;
}

std::size_t Crowd::in_world() const {
  return static_cast<std::size_t>(
      std::count_if(players_.begin(), players_.end(), [](const auto& player) { return player->in_world(); }));
}

void Crowd::start(Function<void()> done) {
  done_ = std::move(done);
  auto certificate = transport::Certificate::make();
  if (!certificate) {
    report_.failure = certificate.error().text;
    return finish();
  }
  certificate_ = std::move(*certificate);
  signaling_.content([this](Result<std::string> content) { begin(std::move(content)); });
}

void Crowd::begin(Result<std::string> content) {
  auto pack = content ? read_pack(*content) : Result<Pack>(tl::unexpected<Error>(content.error()));
  if (!pack) {
    report_.failure = pack.error().text;
    return finish();
  }
  pack_ = std::move(*pack);
  const Time now = executor_.now();
  phase_ = Phase::JOINING;
  phase_began_ = next_line_ = now;
  tick();
}

void Crowd::tick() {
  const Time now = executor_.now();
  for (const auto& player : players_) player->tick();
  advance(now);
  if (phase_ == Phase::DONE) return;
  if (now >= next_line_) tell_progress(now);
  executor_.after(TICK, [this] { tick(); });
}

void Crowd::advance(Time now) {
  const Duration spent = now - phase_began_;
  switch (phase_) {
    case Phase::JOINING: {
      join_some(now);
      const Duration last_join(
          static_cast<std::int64_t>(1e6 * static_cast<double>(options_.players) / options_.joins_a_second));
      const bool all = players_.size() == options_.players && in_world() == options_.players;
      if (all || spent > last_join + JOINING_MAX) measure(now);
      return;
    }
    case Phase::MEASURING:
      if (seconds_of(spent) >= options_.seconds) settle(now);
      return;
    case Phase::SETTLING: {
      const bool answered = std::all_of(players_.begin(), players_.end(),
                                        [](const auto& player) { return player->unanswered() == 0; });
      if (answered || spent > SETTLING_MAX) leave(now);
      return;
    }
    case Phase::LEAVING: {
      const bool gone =
          std::all_of(players_.begin(), players_.end(), [](const auto& player) { return player->gone(); });
      if (gone || spent > LEAVING_MAX) finish();
      return;
    }
    case Phase::CONTENT:
    case Phase::DONE:
      return;
  }
}

void Crowd::join_some(Time now) {
  const auto wanted = static_cast<std::size_t>(1 + seconds_of(now - phase_began_) * options_.joins_a_second);
  while (players_.size() < std::min(wanted, options_.players)) {
    const Surroundings around{executor_,        network_, certificate_, signaling_,
                              options_.carrier, pack_,    figures_};
    Player::Habit habit;
    habit.name = fmt::format("Bot {}", players_.size() + 1);
    habit.seed = options_.seed * 1'000'003 + players_.size();
    habit.poses_a_second = options_.poses_a_second;
    habit.actions_a_second = options_.actions_a_second;
    habit.silence_max = options_.silence_max;
    habit.connection_seed = dice_.next();
    players_.push_back(std::make_unique<Player>(players_.size(), around, std::move(habit), witness_));
    players_.back()->enter();
  }
}

void Crowd::measure(Time now) {
  report_.players_connected = in_world();
  phase_ = Phase::MEASURING;
  phase_began_ = now;
  const Figures joined = std::exchange(figures_, Figures{});
  figures_.connect = joined.connect;
  report_.all = joined;
  told_ = Figures{};
}

void Crowd::settle(Time now) {
  if (phase_ == Phase::MEASURING) {
    report_.seconds = seconds_of(now - phase_began_);
    report_.measured = figures_;
  } else {
    report_.players_connected = in_world();
  }
  phase_ = Phase::SETTLING;
  phase_began_ = now;
  for (const auto& player : players_) player->rest();
}

void Crowd::leave(Time now) {
  for (const auto& player : players_) {
    figures_.unanswered += player->unanswered();
    player->leave();
  }
  phase_ = Phase::LEAVING;
  phase_began_ = now;
}

void Crowd::finish() {
  phase_ = Phase::DONE;
  report_.all.add(figures_);
  players_.clear();
  executor_.post([done = std::move(done_)] { done(); });
}

void Crowd::stop() {
  if (phase_ == Phase::DONE || report_.stopped) return;
  report_.stopped = true;
  if (phase_ == Phase::JOINING || phase_ == Phase::MEASURING) settle(executor_.now());
  if (phase_ == Phase::CONTENT) {
    report_.failure = "stopped before it began";
    finish();
  }
}

void Crowd::tell_progress(Time now) {
  constexpr std::string_view NAMES[] = {"content", "joining", "measuring", "settling", "leaving", "done"};
  progress_(
      fmt::format("{:>9} {:5.0f} s   {}/{} in the world   {}/s up {}/s down   applied p99 {:.1f} ms   state "
                  "p99 {:.1f} ms   "
                  "refused {}   errors {}",
                  NAMES[static_cast<std::size_t>(phase_)], seconds_of(now - phase_began_), in_world(),
                  options_.players, figures_.messages_up - told_.messages_up,
                  figures_.messages_down - told_.messages_down, figures_.action_to_applied.quantile_ms(0.99),
                  figures_.input_to_state.quantile_ms(0.99), figures_.refused, figures_.errors()));
  told_ = figures_;
  next_line_ = now + 1s;
}

}  // namespace everframe::bots
