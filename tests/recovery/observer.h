// Observer: what real WebRTC clients see of a server, written down as a town's players do it (journal.h).
// Threads: the crowd's executor.
#pragma once
#include <map>
#include <optional>

#include "base/geometry.h"
#include "bots/crowd.h"
#include "journal.h"
#include "platform_os/os_clock.h"

namespace everframe::recovery {

// P7: a stored place is at most 1 s old; 8 m/s, and as much again for a machine that has other work.
inline constexpr std::int64_t APART_MM_MAX = 16'000;

class Observer final : public bots::Witness {
 public:
  void entered(std::size_t index, const std::string& token, const wire::Welcome& welcome) override {
    Player& player = journal.players[index];
    if (player.entered++ > 0) {
      const bool same =
          player.token == token && player.id == raw(welcome.player) && player.body == raw(welcome.body);
      if (!same) journal.troubles.push_back(fmt::format("bot {} came back as somebody else", index));
      if (raw(welcome.last_seq) > player.sent)
        journal.troubles.push_back(fmt::format("bot {}: last_seq was never sent", index));
      const auto before = at_kill.find(index);
      if (before != at_kill.end() &&
          distance_squared(before->second, welcome.position) > APART_MM_MAX * APART_MM_MAX)
        journal.troubles.push_back(fmt::format("bot {} came back far from where it was", index));
    }
    player.token = token;
    player.id = raw(welcome.player);
    player.body = raw(welcome.body);
  }
  void sent(std::size_t index, ActionSeq seq) override {
    journal.players[index].sent = raw(seq);
    acts[index][raw(seq)].sent = clock.now();
  }
  void accepted(std::size_t index, ActionSeq seq) override {
    journal.players[index].accepted.insert(raw(seq));
  }
  void answered(std::size_t index, ActionSeq seq, FrameNo frame, std::uint8_t reason) override {
    const Answer answer{raw(frame), reason};
    const auto [first, is_new] = journal.players[index].answers.emplace(raw(seq), answer);
    if (!is_new) ++journal.answers_again;
    if (is_new) acts[index][raw(seq)].answered = clock.now();
    if (!(first->second == answer))
      journal.troubles.push_back(fmt::format("bot {}: action {} answered otherwise", index, raw(seq)));
  }
  void walked(std::size_t index, const Vec3& position) override { here[index] = position; }

  // From then until the last of the players had an action answered that it sent afterwards; none if one never
  // had.
  std::optional<Duration> longest_until_answered(Time then) const {
    Duration longest{};
    for (const auto& [index, player] : journal.players) {
      std::optional<Time> first;
      for (const auto& [seq, act] : acts.at(index)) {
        if (act.sent > then && act.answered) first = std::min(first.value_or(*act.answered), *act.answered);
      }
      if (!first) return std::nullopt;
      longest = std::max(longest, *first - then);
    }
    return longest;
  }

  struct Act {
    Time sent;  // the last time
    std::optional<Time> answered;
  };
  const platform_os::OsClock clock;
  std::map<std::size_t, std::map<std::uint64_t, Act>> acts;  // by sequence number
  Journal journal;
  std::map<std::size_t, Vec3> here;
  std::map<std::size_t, Vec3> at_kill;
};

}  // namespace everframe::recovery
