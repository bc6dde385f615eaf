// Journal: what the players of a town saw, one line an event, appended with one write each: a killed process
// leaves whole lines only, and all that it wrote.
//   token PLAYER_INDEX TOKEN            the server made a player
//   entered INDEX PLAYER BODY LAST_SEQ
//   sent INDEX SEQ
//   accepted INDEX SEQ
//   answered INDEX SEQ FRAME REASON     REASON 0: applied
//   trouble INDEX TEXT                  what a player should never see
#pragma once
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace everframe::recovery {

class JournalWriter {
 public:
  explicit JournalWriter(const std::string& path)
      : file_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
  ~JournalWriter() { close(file_); }
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    const std::string text = fmt::format(format, std::forward<Args>(args)...) + "\n";
    if (write(file_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(3);
  }

 private:
  const int file_;
};

struct Answer {
  std::uint64_t frame = 0;
  int reason = 0;
  bool operator==(const Answer&) const = default;
};

struct Player {
  std::string token;
  std::uint64_t id = 0;
  std::uint64_t body = 0;
  std::uint64_t sent = 0;     // the last
  std::uint64_t entered = 0;  // how often
  std::set<std::uint64_t> accepted;
  std::map<std::uint64_t, Answer> answers;
};

struct Journal {
  std::map<std::size_t, Player> players;
  std::vector<std::string> troubles;
  std::uint64_t answers_again = 0;  // answers to actions that had been answered before
};

inline void read_line(const std::string& line, Journal& out) {
  std::istringstream in(line);
  std::string what;
  std::size_t index = 0;
  in >> what >> index;
  Player& player = out.players[index];
  std::uint64_t seq = 0;
  if (what == "token") {
    in >> player.token;
  } else if (what == "entered") {
    std::uint64_t id = 0;
    std::uint64_t body = 0;
    in >> id >> body;
    if (player.entered++ > 0 && (player.id != id || player.body != body)) {
      out.troubles.push_back("came back as another player or with another body: " + line);
    }
    player.id = id;
    player.body = body;
  } else if (what == "sent") {
    in >> seq;
    player.sent = std::max(player.sent, seq);
  } else if (what == "accepted") {
    in >> seq;
    player.accepted.insert(seq);
  } else if (what == "answered") {
    Answer answer;
    in >> seq >> answer.frame >> answer.reason;
    const auto [first, is_new] = player.answers.emplace(seq, answer);
    out.answers_again += is_new ? 0 : 1;
    if (!(first->second == answer)) out.troubles.push_back("answered otherwise than at first: " + line);
  } else {
    out.troubles.push_back(line);
  }
  if (!in) out.troubles.push_back("not a line of a journal: " + line);
}

inline Journal read_journal(const std::string& path) {
  Journal journal;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) read_line(line, journal);
  return journal;
}

}  // namespace everframe::recovery
